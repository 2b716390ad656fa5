//! An app as a process of its own.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::super::nightlatch::Registered;
use super::super::scratch::Scratch;
use crate::failure::{Failure, Outcome};
use crate::{tools, wait};

/// The slowest of them start a JIT compiler or an interpreter with many modules, on a busy machine.
const START: Duration = Duration::from_secs(30);

/// A running app; dropped, it is ended.
pub(super) struct App {
    child: Child,
    port: u16,
    log: PathBuf,
}

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

impl App {
    /// Starts a program, and waits until it takes connections.
    pub(super) async fn start(
        scratch: &Scratch,
        mut command: Command,
        issuer: &str,
        registered: &Registered,
        port: u16,
    ) -> Outcome<Self> {
        let log = scratch.path().join("app.log");
        let child = command
            .env("ISSUER", issuer)
            .env("CLIENT_ID", &registered.client_id)
            .env(
                "CLIENT_SECRET",
                registered.client_secret.as_deref().unwrap_or_default(),
            )
            .env("PORT", port.to_string())
            .env("SCRATCH", scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .spawn()
            .map_err(|error| {
                Failure::from(error).during(format!(
                    "{} (run scripts/install-prerequisites)",
                    Path::new(command.get_program()).display()
                ))
            })?;
        let app = Self { child, port, log };
        wait::until("the app", START, async || {
            TcpStream::connect(("127.0.0.1", port))?;
            Ok(Some(()))
        })
        .await
        .map_err(|error| error.during(app.log()))?;
        Ok(app)
    }

    /// The address of one of its pages.
    pub(super) fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it complained of.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
