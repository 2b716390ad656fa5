//! A mail server from Debian's packages, as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use super::scratch::Scratch;
use crate::failure::{Failure, Outcome, ensure};
use crate::wait;

/// The password of the user `nightlatch`; `smtp_server.py` knows it too.
pub(super) const PASSWORD: &str = "a password for the mail server";

/// How a connection to the server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    None,
    StartTls,
    FromTheStart,
}

/// A letter as the server took it and another parser read it.
#[derive(Debug, Deserialize)]
pub(super) struct Taken {
    pub(super) sender: String,
    pub(super) recipients: Vec<String>,
    pub(super) encrypted: bool,
    pub(super) user: bool,
    headers: Vec<(String, String)>,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) parts: Vec<Part>,
    pub(super) defects: Vec<String>,
    pub(super) longest_line: usize,
    pub(super) bare_newlines: bool,
}

/// A part of a letter.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) charset: Option<String>,
    pub(super) text: String,
}

impl Taken {
    /// A header that is there once.
    pub(super) fn header(&self, name: &str) -> Outcome<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value),
            _ => Err(Failure::new(format!(
                "not one header {name} among {:?}",
                self.headers
            ))),
        }
    }

    /// The text of the part of this type.
    pub(super) fn part(&self, kind: &str) -> Outcome<&str> {
        self.parts
            .iter()
            .find(|part| part.kind == kind)
            .map(|part| part.text.as_str())
            .ok_or_else(|| Failure::new(format!("no part {kind}")))
    }
}

/// A running server; it ends when dropped.
pub(super) struct MailServer {
    child: Child,
    mails: PathBuf,
}

impl MailServer {
    /// Starts a server on this port that puts what it takes into a directory.
    pub(super) fn start(
        scratch: &Scratch,
        port: u16,
        encryption: Encryption,
        holds: bool,
    ) -> Outcome<Self> {
        let mails = scratch.path().join("mails");
        std::fs::create_dir_all(&mails)?;
        let script = crate::tools::workspace().join("src/programs/smtp_server.py");
        // Debian's own Python, which its packages belong to.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).arg(&mails).arg(port.to_string());
        command.arg(match encryption {
            Encryption::None => "plain",
            Encryption::StartTls => "starttls",
            Encryption::FromTheStart => "tls",
        });
        if encryption != Encryption::None {
            command.arg(scratch.path().join("server.pem"));
            command.arg(scratch.path().join("server.key"));
        }
        if holds {
            command.arg("--holds");
        }
        let log = std::fs::File::create(scratch.path().join("smtp.log"))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut said)?;
        }
        let server = Self { child, mails };
        ensure(said.trim() == "ready", || {
            let log = std::fs::read_to_string(scratch.path().join("smtp.log")).unwrap_or_default();
            format!("the mail server does not start (scripts/install-prerequisites): {log}")
        })?;
        Ok(server)
    }

    /// Waits until so many letters were taken, and returns them in the order in which they came.
    pub(super) async fn letters(&self, count: usize) -> Outcome<Vec<Taken>> {
        wait::until(
            format!("{count} letters at the mail server"),
            wait::PATIENCE * 2,
            || async {
                let letters = letters_in(&self.mails)?;
                Ok((letters.len() >= count).then_some(letters))
            },
        )
        .await
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every letter that servers put into this directory.
fn letters_in(directory: &Path) -> Outcome<Vec<Taken>> {
    let mut files: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|end| end == "json") {
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    files.sort();
    files
        .iter()
        .map(|(_, path)| Ok(serde_json::from_slice(&std::fs::read(path)?)?))
        .collect()
}

/// A certificate for `localhost` by an authority of its own, which nobody trusts yet: `ca.pem`, `server.pem` and
/// `server.key`.
pub(super) fn make_certificates(scratch: &Scratch) -> Outcome {
    let run = |arguments: &str| -> Outcome {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .output()?;
        ensure(output.status.success(), || {
            format!(
                "openssl {arguments}: {}",
                String::from_utf8_lossy(&output.stderr)
            )
        })
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    std::fs::write(
        scratch.path().join("extensions"),
        "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n",
    )?;
    run(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=Tests"
    ))?;
    run(&format!(
        "req {key} -keyout server.key -out server.csr -subj /CN=localhost"
    ))?;
    run(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem",
    )
}

/// A port that is free now.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
