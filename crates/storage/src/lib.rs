//! The only SQL of Nightlatch.
//!
//! Owns the tables, the statements and the two databases they run on. It decides
//! nothing: rules are in `nightlatch-domain`, what happens is in
//! `nightlatch-flows`. `backend` is the one file that knows that there are two
//! databases; statements are written once, for both.
//!
//! A flow is a plain function over a [`Tx`]. The [`Store`] runs it inside one
//! transaction, may run it again after a conflict, and answers after the commit.
//!
//! # Adding a table
//!
//! 1. A migration with the next number: `migrations/NNNN_name/sqlite.sql` and
//!    `postgres.sql` side by side, same columns, same meaning; a line in
//!    `migrate.rs`. Migrations only go forward and are never changed once they
//!    have been released.
//! 2. A module here: typed functions around statements with numbered
//!    placeholders, rows read into the types of the domain. *find* may return
//!    nothing, *get* may not, *list* takes a limit.
//! 3. Contract tests in `tests/contract`: every statement runs on both
//!    databases.
//! 4. If a check of a session, token or app reads it: whatever updates or deletes
//!    there says whom it concerns, see `concern`. A test wants an answer for every
//!    table.

mod backend;
mod columns;
mod concern;
mod error;
mod job;
mod many;
mod migrate;
mod postgres;
mod queue;
mod sqlite;
mod store;
mod tls;
mod value;

pub mod app_health;
pub mod audit;
pub mod authenticator_apps;
pub mod authorization_codes;
pub mod authorization_requests;
pub mod browsers;
pub mod consents;
pub mod directory;
pub mod email_changes;
pub mod endings;
pub mod entries;
pub mod epochs;
pub mod events;
pub mod feed;
pub mod grants;
pub mod groups;
pub mod host_sessions;
pub mod mail_links;
pub mod mails;
pub mod notices;
pub mod organizations;
pub mod passkeys;
pub mod pending_sign_ins;
pub mod phone_sign_ins;
pub mod recovery_codes;
pub mod relying_parties;
pub mod remembered_factors;
pub mod reviews;
pub mod sessions;
pub mod set_up_links;
pub mod signing_keys;
pub mod throttles;
pub mod used_assertions;
pub mod users;

#[cfg(feature = "bulk")]
pub mod bulk;
#[cfg(feature = "testing")]
pub mod testing;

pub use backend::{DatabaseKind, DatabaseLocation, Row, Tx};
pub use concern::{CommitObserver, Concern};
pub use error::StorageError;
pub use store::{Store, StoreSettings};
pub use value::{Cell, Column, ColumnProblem, Value};
