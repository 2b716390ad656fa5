//! An app as a process of its own.

use std::path::PathBuf;
use std::process::Command;

use super::super::nightlatch::Registered;
use super::super::process::Process;
use super::super::scratch::Scratch;
use crate::failure::{Failure, Outcome};
use crate::tools;

/// Where the program of an app stands in the repository.
pub(super) fn source(app: &str, file: &str) -> PathBuf {
    tools::workspace().join("clients").join(app).join(file)
}

/// Where `scripts/install-prerequisites` puts the libraries of an app.
pub(super) fn libraries(app: &str) -> PathBuf {
    tools::tools().join("clients").join(app)
}

/// A program of Node.js, beside its libraries: that is where it looks for them.
pub(super) fn node(app: &str, file: &str) -> Outcome<Command> {
    let program = libraries(app).join(file);
    std::fs::copy(source(app, file), &program)
        .map_err(|error| Failure::from(error).during("run scripts/install-prerequisites"))?;
    let mut command = Command::new(tools::program(&["node"])?);
    command.arg(program);
    Ok(command)
}

/// Starts the program of an app, and waits until it takes connections.
pub(super) async fn start(
    scratch: &Scratch,
    mut command: Command,
    issuer: &str,
    registered: &Registered,
    port: u16,
) -> Outcome<Process> {
    command
        .env("ISSUER", issuer)
        .env("CLIENT_ID", &registered.client_id)
        .env(
            "CLIENT_SECRET",
            registered.client_secret.as_deref().unwrap_or_default(),
        )
        .env("PORT", port.to_string())
        .env("SCRATCH", scratch.path());
    Process::start(command, port, scratch.path().join("app.log")).await
}
