//! The log.
//!
//! Owns its form and its level. What must never be in it (cookies, tokens,
//! bodies, query strings) is the duty of whoever logs; there is no log of
//! requests for exactly that reason (LOG-03).

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LogFormat;
use crate::terminal;

/// The passkey library writes whole answers of browsers at its finer levels, and
/// calls what any stranger can send an error. What is worth knowing of it, the
/// flows log themselves.
const QUIET: &str = "webauthn_rs=off,webauthn_rs_core=off";

/// Starts logging to the error stream. A second call changes nothing.
pub fn start(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_new(format!("{level},{QUIET}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("info,{QUIET}")));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(terminal::errors_are_watched());
    let started = match format {
        LogFormat::Text => builder.with_target(false).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    if started.is_err() {
        tracing::debug!("a log was started before");
    }
}
