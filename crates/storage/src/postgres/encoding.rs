//! Values to PostgreSQL's binary format and cells from it.

use ::postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use bytes::BytesMut;

use crate::value::{Cell, ColumnProblem, Value};

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Outcome<IsNull> {
        match (self, kind) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Integer(number), &Type::INT8) => number.to_sql(kind, out),
            (Value::Integer(number), &Type::INT4) => i32::try_from(*number)?.to_sql(kind, out),
            (Value::Integer(number), &Type::INT2) => i16::try_from(*number)?.to_sql(kind, out),
            (Value::Boolean(flag), &Type::BOOL) => flag.to_sql(kind, out),
            (Value::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::NAME) => {
                text.as_ref().to_sql(kind, out)
            }
            (Value::Bytes(bytes), &Type::BYTEA) => bytes.as_ref().to_sql(kind, out),
            (Value::Id(id), &Type::BYTEA) => id.as_slice().to_sql(kind, out),
            (Value::Digest(digest), &Type::BYTEA) => digest.as_slice().to_sql(kind, out),
            (value, kind) => Err(format!("{value:?} where PostgreSQL expects {kind}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

type Outcome<T> = Result<T, Box<dyn std::error::Error + Sync + Send>>;

/// A cell, or why there is none; the driver's own error would not fit through.
struct Decoded<'a>(Result<Cell<'a>, ColumnProblem>);

impl<'a> FromSql<'a> for Decoded<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Outcome<Self> {
        Ok(Self(match *kind {
            Type::INT8 => Ok(Cell::Integer(i64::from_sql(kind, raw)?)),
            Type::INT4 => Ok(Cell::Integer(i32::from_sql(kind, raw)?.into())),
            Type::INT2 => Ok(Cell::Integer(i16::from_sql(kind, raw)?.into())),
            Type::BOOL => Ok(Cell::Boolean(bool::from_sql(kind, raw)?)),
            Type::BYTEA => Ok(Cell::Bytes(raw)),
            Type::TEXT | Type::VARCHAR | Type::NAME => Ok(Cell::Text(<&str>::from_sql(kind, raw)?)),
            Type::NUMERIC => Err(ColumnProblem("it is NUMERIC, cast it to BIGINT")),
            _ => Err(ColumnProblem("its type is none that both databases have")),
        }))
    }

    fn from_sql_null(_: &Type) -> Outcome<Self> {
        Ok(Self(Ok(Cell::Null)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

pub(crate) fn cell(row: &::postgres::Row, index: usize) -> Result<Cell<'_>, ColumnProblem> {
    row.try_get::<_, Decoded<'_>>(index)
        .map_err(|_| ColumnProblem("the statement has no such column"))
        .and_then(|decoded| decoded.0)
}

pub(crate) fn column_name(row: &::postgres::Row, index: usize) -> Option<String> {
    row.columns()
        .get(index)
        .map(|column| column.name().to_owned())
}
