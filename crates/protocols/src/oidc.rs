//! The messages of OpenID Connect, without HTTP.

pub mod acr;
pub mod authorize;
pub mod claims;
pub mod error;
