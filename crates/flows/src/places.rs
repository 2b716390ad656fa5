//! Rough places of addresses, from a database file on this machine.
//!
//! No address ever leaves the server for this (PRV-03). Without a configured
//! file every place is unknown.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::{Reader, geoip2};

/// A place database, or none.
#[derive(Debug, Default)]
pub struct Places(Option<Reader<Vec<u8>>>);

impl Places {
    /// No database: every place is unknown.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Reads a database in MaxMind's format (GeoLite2 City or Country, DB-IP
    /// and others). The error says what is wrong with the file.
    pub fn open(path: &Path) -> Result<Self, String> {
        Reader::open_readfile(path)
            .map(|reader| Self(Some(reader)))
            .map_err(|error| error.to_string())
    }

    /// "Vienna, Austria", or as much of it as is known.
    pub fn find(&self, address: IpAddr) -> Option<String> {
        let result = self.0.as_ref()?.lookup(address).ok()?;
        let city = result.decode::<geoip2::City<'_>>().ok().flatten()?;
        let parts = [city.city.names.english, city.country.names.english];
        let words: Vec<&str> = parts.into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}
