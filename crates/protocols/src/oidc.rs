//! The messages of OpenID Connect.

pub mod backchannel;
