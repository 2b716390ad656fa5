//! The API under `/api/v1`: the same abilities as the pages, for programs.
//!
//! It carries the same cookie, runs the same flows, and answers errors as
//! problem documents (RFC 9457). Calls that change something send
//! `application/json` where they have a body and the header `X-Nightlatch: 1`,
//! which no form of another site can (CSRF-05).

pub(crate) mod apps;
pub(crate) mod body;
pub(crate) mod document;
pub(crate) mod email_change;
pub(crate) mod factors;
pub(crate) mod history;
pub(crate) mod organization_apps;
pub(crate) mod organization_groups;
pub(crate) mod profile;
pub(crate) mod proof;
pub(crate) mod sessions;
