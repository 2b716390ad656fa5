//! One driver process (chromedriver or geckodriver) and the certainty that nothing of it stays behind.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::engine::Engine;
use super::profile::ProfileDirectory;
use crate::failure::{Failure, Outcome};
use crate::{tools, wait};

/// A running driver.
pub(crate) struct Driver {
    child: Child,
    port: u16,
    /// The session to close before the driver goes: a killed geckodriver leaves Firefox running.
    session: Option<String>,
    root: PathBuf,
}

impl Driver {
    /// Starts a driver on a port that the system chooses.
    pub(crate) async fn start(engine: Engine, directory: &ProfileDirectory) -> Outcome<Self> {
        let mut command = match engine {
            Engine::Chromium => {
                let mut command = Command::new(tools::program(&["chromedriver"])?);
                command.arg("--port=0");
                command
            }
            Engine::Firefox => {
                let mut command = Command::new(tools::program(&["geckodriver"])?);
                // The second port would otherwise be 9222 for every driver.
                command.args(["--port", "0", "--websocket-port", "0"]);
                command
            }
        };
        let log = directory.log();
        let output = File::create(&log)?;
        command
            // Its own group, so that it can be ended with all its children by id.
            .process_group(0)
            // No inherited output: a browser that outlived us would keep a pipe open for ever.
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .env("HOME", directory.root())
            .env("TMPDIR", directory.temporary())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME");
        let mut driver = Self {
            child: command.spawn()?,
            port: 0,
            session: None,
            root: directory.root().to_owned(),
        };
        driver.port = wait::until(
            format!("{} driver", engine.name()),
            wait::PATIENCE,
            || async { Ok(announced_port(&std::fs::read_to_string(&log)?)) },
        )
        .await?;
        Ok(driver)
    }

    /// Where commands go.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Remembers the session, to be closed at the end.
    pub(crate) fn serves(&mut self, session: Option<String>) {
        self.session = session;
    }

    fn close_session(&mut self) -> Outcome {
        let Some(session) = self.session.take() else {
            return Ok(());
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(
            stream,
            "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            self.port
        )?;
        let mut first_byte = [0];
        stream.read_exact(&mut first_byte)?;
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Politely first: only then cookies and windows reach the disk. Whatever remains is ended by id.
        let _ = self.close_session();
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        for process in processes_of(&self.root) {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

/// Reads the port from what either driver prints at its start.
fn announced_port(log: &str) -> Option<u16> {
    let (_, rest) = log
        .split_once("started successfully on port ")
        .or_else(|| log.split_once("Listening on 127.0.0.1:"))?;
    let (digits, _) = rest.split_once(|character: char| !character.is_ascii_digit())?;
    digits.parse().ok()
}

/// The processes that carry this profile's directory on their command line. The directory's name is
/// unique to this run, so none of them can belong to anybody else.
pub(crate) fn processes_of(root: &Path) -> Vec<Pid> {
    // With the slash, since profile 1 is the beginning of profile 10.
    let needle = root.join("");
    let needle = needle.as_os_str().as_encoded_bytes();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|id| {
            std::fs::read(format!("/proc/{id}/cmdline"))
                .is_ok_and(|line| line.windows(needle.len()).any(|window| window == needle))
        })
        .filter_map(Pid::from_raw)
        .collect()
}

/// The end of the driver's log, for failures at the start.
pub(crate) fn log_tail(directory: &ProfileDirectory) -> Failure {
    let log = std::fs::read_to_string(directory.log()).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    Failure::new(lines[lines.len().saturating_sub(8)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::announced_port;

    #[test]
    fn both_drivers_announce_their_port() {
        assert_eq!(
            announced_port("ChromeDriver was started successfully on port 4123.\n"),
            Some(4123)
        );
        assert_eq!(
            announced_port("17\tgeckodriver\tINFO\tListening on 127.0.0.1:555\n"),
            Some(555)
        );
        assert_eq!(
            announced_port("Listening on 127.0.0.1:55"),
            None,
            "the line may be half written"
        );
    }
}
