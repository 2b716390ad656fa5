//! The real program: started, killed, started again.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};

use super::mail_server::free_port;
use super::scratch::Scratch;
use crate::failure::{Failure, Outcome, ensure};
use crate::wait;

/// Ada's password.
pub(super) const PASSWORD: &str = "seven lanterns beneath a quiet harbor";
/// Ada's address.
pub(super) const ADA: &str = "ada@example.test";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// The program: the one that `NIGHTLATCH_PROGRAM` names, or one that is built now.
pub(super) fn build() -> Outcome<&'static Path> {
    if let Some(program) = PROGRAM.get() {
        return Ok(program);
    }
    let program = match std::env::var_os("NIGHTLATCH_PROGRAM") {
        Some(path) => PathBuf::from(path),
        None => build_now()?,
    };
    ensure(program.is_file(), || {
        format!("{} is not there", program.display())
    })?;
    Ok(PROGRAM.get_or_init(|| program))
}

fn build_now() -> Outcome<PathBuf> {
    let manifest = crate::tools::workspace().join("../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--workspace", "--all-features"])
        .args(["--bin", "nightlatch", "--message-format", "json"])
        .arg("--manifest-path")
        .arg(manifest)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure(output.status.success(), || {
        "nightlatch cannot be built".to_owned()
    })?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|said| said["executable"].as_str().map(PathBuf::from))
        .find(|path| path.ends_with("nightlatch"))
        .ok_or_else(|| Failure::new("cargo built no nightlatch"))
}

/// An app that was registered.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Registered {
    pub(super) client_id: String,
    pub(super) client_secret: Option<String>,
}

/// An installation with one person, Ada, and its process.
pub(super) struct Nightlatch {
    data: PathBuf,
    log: PathBuf,
    port: u16,
    settings: Vec<(String, String)>,
    running: Option<Child>,
}

impl Nightlatch {
    /// An installation that is not running yet, with these settings as environment variables.
    pub(super) fn install(scratch: &Scratch, settings: &[(&str, String)]) -> Outcome<Self> {
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let installation = Self {
            data: scratch.path().join("data"),
            log: scratch.path().join("nightlatch.log"),
            port: free_port()?,
            settings,
            running: None,
        };
        let mut child = installation
            .command()?
            .args(["user", "add", "--email", ADA, "--name", "Ada Lovelace"])
            .arg("--password-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(PASSWORD.as_bytes())?;
        }
        let status = child.wait()?;
        ensure(status.success(), || "Ada cannot be added".to_owned())?;
        Ok(installation)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What it calls itself to apps.
    pub(super) fn issuer(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Registers an app, with these options of `app add`.
    pub(super) fn add_app(&self, options: &[String]) -> Outcome<Registered> {
        let options = options.iter().map(String::as_str);
        let said = self.operate(["app", "add"].into_iter().chain(options))?;
        Ok(serde_json::from_value(said)?)
    }

    /// The operator logs Ada out everywhere.
    pub(super) fn log_out_ada(&self) -> Outcome {
        self.operate(["log-out", "--user", ADA]).map(|_| ())
    }

    /// The operator ends one of Ada's sessions.
    pub(super) fn end_a_session_of_ada(&self) -> Outcome {
        let said = self.operate(["session", "list", "--user", ADA])?;
        let id = said["sessions"][0]["id"]
            .as_str()
            .ok_or_else(|| Failure::new(format!("no session: {said}")))?;
        self.operate(["session", "end", "--id", id]).map(|_| ())
    }

    /// A command of the operator's, and what it answers.
    fn operate<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Outcome<serde_json::Value> {
        let output = self
            .command()?
            .arg("--json")
            .args(arguments)
            .stdin(Stdio::null())
            .output()?;
        ensure(output.status.success(), || {
            format!(
                "nightlatch refuses: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        })?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The file of its database.
    pub(super) fn database(&self) -> PathBuf {
        self.data.join("nightlatch.db")
    }

    /// What it logged since its last start.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn command(&self) -> Outcome<Command> {
        let mut command = Command::new(build()?);
        command
            .env("NIGHTLATCH_DATA_DIR", &self.data)
            .env("NIGHTLATCH_LISTEN", format!("127.0.0.1:{}", self.port))
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// Starts the server and waits until it says that it is ready.
    pub(super) fn start(&mut self) -> Outcome {
        let mut child = self
            .command()?
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&self.log)?)
            .spawn()?;
        let lines = child
            .stdout
            .take()
            .map(|stdout| BufReader::new(stdout).lines());
        self.running = Some(child);
        let ready = lines
            .into_iter()
            .flatten()
            .map_while(Result::ok)
            .any(|line| line.contains("ready at"));
        ensure(ready, || {
            format!("nightlatch does not start: {}", self.log())
        })
    }

    /// It takes connections and does nothing more, as on a machine that is frozen.
    pub(super) async fn hang(&self) -> Outcome {
        self.signal(Signal::STOP)?;
        let id = self.running.as_ref().map_or(0, Child::id);
        // Its threads stop one after the other, and may answer until then.
        wait::until("nightlatch to stand still", wait::PATIENCE, async || {
            let threads = std::fs::read_dir(format!("/proc/{id}/task"))?;
            for thread in threads {
                let status = std::fs::read_to_string(thread?.path().join("stat"))?;
                let state = status.rsplit(") ").next().unwrap_or_default();
                if !state.starts_with('T') {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
        .await
    }

    /// It wakes up again.
    pub(super) fn go_on(&self) -> Outcome {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Outcome {
        let child = self.running.as_ref();
        let child = child.ok_or_else(|| Failure::new("nightlatch does not run"))?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) -> Outcome {
        if let Some(mut child) = self.running.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Nightlatch {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
