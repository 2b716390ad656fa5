//! The messages of OpenID Connect, without HTTP.

pub mod end_session;
