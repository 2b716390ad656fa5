//! A program that serves something, as a process of its own.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::failure::{Failure, Outcome};
use crate::wait;

/// The slowest of them start a JIT compiler or an interpreter with many modules, on a busy machine.
const START: Duration = Duration::from_secs(30);

/// A running program; dropped, it is ended.
pub(crate) struct Process {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Process {
    /// Starts it, and waits until it takes connections.
    pub(crate) async fn start(mut command: Command, port: u16, log: PathBuf) -> Outcome<Self> {
        let child = command
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
        let process = Self { child, port, log };
        wait::until("the program", START, async || {
            TcpStream::connect(("127.0.0.1", port))?;
            Ok(Some(()))
        })
        .await
        .map_err(|error| error.during(process.log()))?;
        Ok(process)
    }

    /// The address of one of its pages.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it complained of.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
