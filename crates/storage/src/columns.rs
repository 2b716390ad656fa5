//! How the types of the domain stand in columns.
//!
//! Reading refuses whatever this program cannot have written; the error then
//! names statement and column, and never the content.

use std::net::IpAddr;

use nightlatch_domain::Timestamp;
use nightlatch_domain::email_change::EmailChangeState;
use nightlatch_domain::ending::{Cause, ScopeKind};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::grant::{RevokedCause, Scopes};
use nightlatch_domain::ids::Id;
use nightlatch_domain::mail::LinkKind;
use nightlatch_domain::notice::{Channel, Lane, NoticeState};
use nightlatch_domain::passkey::{CeremonyKind, UserHandle};
use nightlatch_domain::relying_party::protection::ProtectedHost;
use nightlatch_domain::relying_party::{RelyingPartyStatus, SigningAlgorithm};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::SessionKind;
use nightlatch_domain::user::{Appearance, EmailAddress, Role, UserStatus};

use crate::value::{Cell, Column, ColumnProblem, Value};

impl<Kind> From<Id<Kind>> for Value<'_> {
    fn from(id: Id<Kind>) -> Self {
        Self::Id(id.to_bytes())
    }
}

impl<Kind> Column for Id<Kind> {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        <[u8; 16]>::read(cell).map(Self::from_bytes)
    }
}

impl From<TokenDigest> for Value<'_> {
    fn from(digest: TokenDigest) -> Self {
        Self::Digest(digest.to_bytes())
    }
}

impl Column for TokenDigest {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        <[u8; 32]>::read(cell).map(Self::from_bytes)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Integer(at.milliseconds())
    }
}

impl Column for Timestamp {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        i64::read(cell).map(Self::from_milliseconds)
    }
}

impl From<IpAddr> for Value<'_> {
    fn from(address: IpAddr) -> Self {
        Self::from(address.to_string())
    }
}

impl Column for IpAddr {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        match cell {
            Cell::Text(text) => text.parse().map_err(|_| ColumnProblem("it is no address")),
            _ => Err(ColumnProblem("it is not text")),
        }
    }
}

impl Column for EmailAddress {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::parse)
    }
}

impl Column for Role {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for UserStatus {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for Appearance {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for SessionKind {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for Cause {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for ScopeKind {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for EmailChangeState {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for LinkKind {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for EventKind {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for CeremonyKind {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for UserHandle {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        <[u8; UserHandle::LENGTH]>::read(cell).map(Self::from_bytes)
    }
}

impl Column for Channel {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for Lane {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for NoticeState {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for SigningAlgorithm {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for ProtectedHost {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, |text| Self::parse(text).ok())
    }
}

impl Column for RelyingPartyStatus {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for RevokedCause {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, Self::from_name)
    }
}

impl Column for Scopes {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        named(cell, |text| {
            let scopes = Self::parse(text);
            // Whatever else stands there, we did not write it.
            (scopes.to_string() == text).then_some(scopes)
        })
    }
}

/// A value stored under its name.
fn named<T>(cell: Cell<'_>, from_name: impl Fn(&str) -> Option<T>) -> Result<T, ColumnProblem> {
    match cell {
        Cell::Text(text) => from_name(text).ok_or(ColumnProblem("it is no name of this kind")),
        _ => Err(ColumnProblem("it is not text")),
    }
}

/// A value stored as JSON text.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: serde::de::DeserializeOwned> Column for Json<T> {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        match cell {
            Cell::Text(text) => serde_json::from_str(text)
                .map(Self)
                .map_err(|_| ColumnProblem("it is not the JSON that belongs here")),
            _ => Err(ColumnProblem("it is not text")),
        }
    }
}

/// A value as JSON text.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, crate::StorageError> {
    serde_json::to_string(value)
        .map_err(|error| crate::StorageError::Other(format!("a value has no JSON form: {error}")))
}
