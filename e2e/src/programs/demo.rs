//! `nightlatch demo`, as anybody starts it who tries the program: the server, made-up people, and the sample
//! CRM beside it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::nightlatch;
use crate::failure::{Failure, Outcome};
use crate::site::Site;

/// Somebody who was made up.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Person {
    /// What the pages call them.
    pub(crate) name: String,
    /// What they sign in with.
    pub(crate) email: String,
    /// Their password.
    pub(crate) password: String,
}

/// A demonstration that runs; it ends when it is dropped.
pub(crate) struct Demo {
    child: Child,
    /// The server.
    pub(crate) nightlatch: Site,
    /// The CRM, on a site of its own.
    pub(crate) crm: Site,
    people: Vec<Person>,
}

impl Demo {
    /// Starts it, and waits until it says that it is ready.
    pub(crate) async fn start() -> Outcome<Self> {
        tokio::task::spawn_blocking(Self::start_now).await?
    }

    fn start_now() -> Outcome<Self> {
        let mut child = Command::new(nightlatch::build()?)
            .args(["--json", "demo"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let lines = child.stdout.take().map(|out| BufReader::new(out).lines());
        let ready = lines
            .into_iter()
            .flatten()
            .map_while(Result::ok)
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .find(|said| said["result"] == "ready");
        let Some(ready) = ready else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Failure::new("the demonstration does not start"));
        };
        let address = |name: &str| Site::at(ready[name].as_str().unwrap_or_default());
        Ok(Self {
            nightlatch: address("public_url"),
            crm: address("crm"),
            people: serde_json::from_value(ready["people"].clone())?,
            child,
        })
    }

    /// The first of the people.
    pub(crate) fn person(&self) -> Outcome<&Person> {
        let first = self.people.first();
        first.ok_or_else(|| Failure::new("nobody was made up"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
