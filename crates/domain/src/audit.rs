//! The audit trail: the history as a chain, in which nobody can change, remove or insert
//! a line without a trace (LOG-05).
//!
//! Each line is bound to its place and to the line before it. What of it is personal
//! (address, place, browser, and the detail, which may name something of a person) is
//! bound by a commitment with a salt: when the time of those is over they go, and the
//! salt with them, and the chain still holds (PRV-02, PRV-04).
//!
//! The chain tells that something was changed, to whoever kept a later head of it
//! elsewhere; that is why heads are exported with the lines. Against somebody who
//! rewrites the whole database, nothing in the same database helps.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::ids::OrganizationId;
use crate::random::Random;

/// The way in which lines are written down for the digest; a change of it is another
/// chain.
const VERSION: u8 = 1;

/// Lines about no organization form a chain of their own, under this key.
const OF_NO_ORGANIZATION: [u8; 16] = [0; 16];

/// Whose lines a chain holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainKey([u8; 16]);

impl ChainKey {
    /// That of an organization, or of what concerns none.
    pub fn of(organization: Option<OrganizationId>) -> Self {
        Self(organization.map_or(OF_NO_ORGANIZATION, OrganizationId::to_bytes))
    }

    /// As it is stored.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// As it was stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// The digest of a line and of all lines before it. Nothing secret: it is exported.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ChainDigest([u8; 32]);

impl ChainDigest {
    /// What stands before the first line.
    pub const BEGINNING: Self = Self([0; 32]);

    /// As it is stored.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// As it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for ChainDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl From<ChainDigest> for String {
    fn from(digest: ChainDigest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for ChainDigest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        let is_hexadecimal = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hexadecimal {
            return Err("not a digest of 64 hexadecimal digits");
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            let digits = text.get(at..at + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).map_err(|_| "not a digest")?;
        }
        Ok(Self(bytes))
    }
}

/// Keeps a commitment from being guessed: there are few addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 16]);

impl Salt {
    /// A fresh one.
    pub fn random(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// As it is stored.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// As it was stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Salt(…)")
    }
}

/// Binds what is personal of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// To what a line says of a person.
    pub fn to(event: &Event, salt: Salt) -> Self {
        let mut writer = Writer::new(b"nightlatch audit: personal");
        writer.bytes(&salt.0);
        writer.optional(event.client.address.map(|address| address.to_string()));
        writer.optional(event.client.place.as_deref());
        writer.bytes(event.client.user_agent.as_bytes());
        writer.optional(event.detail.as_deref());
        Self(writer.finish())
    }

    /// As it is stored.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// As it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// A line in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Counts from 1, without a gap.
    pub number: i64,
    /// Opens the commitment, as long as what it binds is kept.
    pub salt: Option<Salt>,
    /// Binds what is personal.
    pub commitment: Commitment,
    /// Binds everything up to here.
    pub digest: ChainDigest,
}

/// How far a chain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of the last line; 0 if there is none.
    pub number: i64,
    /// Its digest.
    pub digest: ChainDigest,
}

impl Head {
    /// Before the first line.
    pub const BEGINNING: Self = Self {
        number: 0,
        digest: ChainDigest::BEGINNING,
    };

    /// The next line behind this head.
    pub fn append(self, event: &Event, salt: Salt) -> Link {
        let number = self.number + 1;
        let commitment = Commitment::to(event, salt);
        Link {
            number,
            salt: Some(salt),
            commitment,
            digest: bind(self.digest, number, event, commitment),
        }
    }

    /// Whether this is the next line, untouched; then the head behind it.
    pub fn follow(self, link: &Link, event: Option<&Event>) -> Result<Self, Flaw> {
        if link.number != self.number + 1 {
            return Err(Flaw::Missing);
        }
        let event = event.ok_or(Flaw::Removed)?;
        if bind(self.digest, link.number, event, link.commitment) != link.digest {
            return Err(Flaw::Changed);
        }
        // Without a salt, what was personal is gone, and nobody can say more.
        if let Some(salt) = link.salt
            && Commitment::to(event, salt) != link.commitment
        {
            return Err(Flaw::PersonalChanged);
        }
        Ok(Self {
            number: link.number,
            digest: link.digest,
        })
    }
}

/// What is wrong at a place of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// A place of the chain is not there.
    Missing,
    /// Its line was removed from the history.
    Removed,
    /// Its line, or one before it, says something else now.
    Changed,
    /// Its address, place, browser or detail says something else now.
    PersonalChanged,
    /// The chain goes on behind its head, or ends before it.
    Cut,
}

impl Flaw {
    /// What it means, in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Missing => "A place of the chain is not there.",
            Self::Removed => "The line at this place was removed from the history.",
            Self::Changed => "The line at this place, or one before it, says something else now.",
            Self::PersonalChanged => {
                "The address, place, browser or detail of this line says something else now."
            }
            Self::Cut => "The chain ends somewhere else than was written down.",
        }
    }
}

fn bind(previous: ChainDigest, number: i64, event: &Event, commitment: Commitment) -> ChainDigest {
    let mut writer = Writer::new(b"nightlatch audit: line");
    writer.bytes(&[VERSION]);
    writer.bytes(&previous.0);
    writer.number(number);
    writer.bytes(&event.id.to_bytes());
    writer.number(event.at.milliseconds());
    writer.optional(event.organization_id.map(crate::ids::Id::to_bytes));
    writer.optional(event.user_id.map(crate::ids::Id::to_bytes));
    writer.bytes(event.actor.kind().as_bytes());
    writer.optional(event.actor.user_id().map(crate::ids::Id::to_bytes));
    writer.bytes(event.kind.name().as_bytes());
    writer.optional(event.session_id.map(crate::ids::Id::to_bytes));
    writer.optional(event.browser_id.map(crate::ids::Id::to_bytes));
    writer.optional(event.ending_id.map(crate::ids::Id::to_bytes));
    writer.optional(event.cause.map(crate::ending::Cause::name));
    writer.number(event.count);
    writer.bytes(&commitment.0);
    ChainDigest(writer.finish())
}

/// Writes fields so that no two lines look alike: each with its length before it, and a
/// sign whether there is one.
struct Writer(Context);

impl Writer {
    fn new(purpose: &[u8]) -> Self {
        let mut writer = Self(Context::new(&SHA256));
        writer.bytes(purpose);
        writer
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.update(&length.to_be_bytes());
        self.0.update(bytes);
    }

    fn number(&mut self, number: i64) {
        self.0.update(&number.to_be_bytes());
    }

    fn optional(&mut self, field: Option<impl AsRef<[u8]>>) {
        match field {
            Some(field) => {
                self.0.update(&[1]);
                self.bytes(field.as_ref());
            }
            None => self.0.update(&[0]),
        }
    }

    fn finish(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        bytes
    }
}

#[cfg(test)]
mod tests;
