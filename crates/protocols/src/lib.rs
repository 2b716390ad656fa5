//! The protocols that apps speak with us, without HTTP.
//!
//! Owns the messages of OpenID Connect, what reverse proxies ask and are answered, the
//! signing of tokens, and what apps are told of logouts. A protocol adapter reads a message, asks a flow, and says what
//! to answer; it decides nothing about a session, and knows no web framework, so
//! that every check can be tested as a function.

pub mod app_test;
pub mod feed;
pub mod forward_auth;
pub mod jose;
pub mod oidc;
pub mod outgoing;
pub mod registration;
pub mod signing_keys;
