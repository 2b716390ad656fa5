//! The messages of OpenID Connect, without HTTP.

pub mod acr;
