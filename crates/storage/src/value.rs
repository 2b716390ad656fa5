//! What goes into a statement and what comes out of a row.
//!
//! Owns the few kinds of value both databases share, and the trait by which a type reads itself from a column.
//! It does not know the types of the domain; those implement [`Column`] and `Into<Value>` beside their tables.

use std::borrow::Cow;
use std::fmt;

/// A parameter of a statement.
#[derive(Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// SQL `NULL`.
    Null,
    /// A whole number; also every time, in milliseconds since the Unix epoch.
    Integer(i64),
    /// True or false; 1 or 0 on SQLite.
    Boolean(bool),
    /// Text. It may not hold the character NUL, which PostgreSQL cannot store.
    Text(Cow<'a, str>),
    /// Bytes of any length.
    Bytes(Cow<'a, [u8]>),
    /// An identifier, stored as bytes.
    Id([u8; 16]),
    /// A SHA-256 digest, stored as bytes.
    Digest([u8; 32]),
}

/// Says the kind only: parameters are addresses, digests and keys, and this ends up in logs.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "Null",
            Self::Integer(_) => "Integer(…)",
            Self::Boolean(_) => "Boolean(…)",
            Self::Text(_) => "Text(…)",
            Self::Bytes(_) => "Bytes(…)",
            Self::Id(_) => "Id(…)",
            Self::Digest(_) => "Digest(…)",
        })
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(bytes))
    }
}

impl From<[u8; 16]> for Value<'_> {
    fn from(id: [u8; 16]) -> Self {
        Self::Id(id)
    }
}

impl From<[u8; 32]> for Value<'_> {
    fn from(digest: [u8; 32]) -> Self {
        Self::Digest(digest)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One column of one row, borrowed from the database's own buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// SQL `NULL`.
    Null,
    /// A whole number.
    Integer(i64),
    /// True or false; SQLite never gives this one, it gives 1 or 0.
    Boolean(bool),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl Cell<'_> {
    /// What stands here instead of what was wanted.
    fn mismatch(self) -> ColumnProblem {
        ColumnProblem(match self {
            Self::Null => "it is NULL",
            Self::Integer(_) => "it is an integer",
            Self::Boolean(_) => "it is a boolean",
            Self::Text(_) => "it is text",
            Self::Bytes(_) => "it is bytes",
        })
    }
}

/// Why a column could not be read: a short reason that holds nothing of the column's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnProblem(pub &'static str);

/// A type that can be read from a column.
pub trait Column: Sized {
    /// Reads it, refusing what this program cannot have written.
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem>;
}

impl Column for i64 {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        match cell {
            Cell::Integer(number) => Ok(number),
            other => Err(other.mismatch()),
        }
    }
}

impl Column for bool {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        match cell {
            Cell::Boolean(flag) => Ok(flag),
            Cell::Integer(0) => Ok(false),
            Cell::Integer(1) => Ok(true),
            Cell::Integer(_) => Err(ColumnProblem("it is an integer other than 0 and 1")),
            other => Err(other.mismatch()),
        }
    }
}

impl Column for String {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        match cell {
            Cell::Text(text) => Ok(text.to_owned()),
            other => Err(other.mismatch()),
        }
    }
}

impl Column for Vec<u8> {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        match cell {
            Cell::Bytes(bytes) => Ok(bytes.to_vec()),
            other => Err(other.mismatch()),
        }
    }
}

impl<const LENGTH: usize> Column for [u8; LENGTH] {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        match cell {
            Cell::Bytes(bytes) => bytes
                .try_into()
                .map_err(|_| ColumnProblem("it has another length")),
            other => Err(other.mismatch()),
        }
    }
}

impl<T: Column> Column for Option<T> {
    fn read(cell: Cell<'_>) -> Result<Self, ColumnProblem> {
        match cell {
            Cell::Null => Ok(None),
            other => T::read(other).map(Some),
        }
    }
}
