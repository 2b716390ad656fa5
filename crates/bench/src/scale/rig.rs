//! A database of one size and the server on it, as a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nightlatch_bench::history::History;
use nightlatch_storage::{DatabaseLocation, Store};
use postgres::NoTls;

use super::client::Client;
use crate::fill::{PASSWORD, fill, location};
use crate::machine::resident_bytes;

/// Where databases are made.
pub(crate) enum Place {
    /// Below this directory.
    Sqlite(PathBuf),
    /// At this server.
    Postgres(String),
}

/// A database and a directory for its server; both go with it.
pub(crate) struct Rig {
    directory: PathBuf,
    /// As `database` in the configuration says it.
    database: String,
    /// The server and the name of a database to be dropped.
    made: Option<(String, String)>,
    history: Option<History>,
}

impl Rig {
    pub(crate) fn make(place: &Place, name: &str, history: Option<History>) -> Self {
        let name = format!("nightlatch_scale_{}_{name}", std::process::id());
        let (directory, database, made) = match place {
            Place::Sqlite(below) => {
                let directory = below.join(&name);
                let file = directory.join("nightlatch.db").display().to_string();
                (directory, file, None)
            }
            Place::Postgres(url) => {
                let mut client = postgres::Client::connect(url, NoTls).expect("PostgreSQL");
                client
                    .batch_execute(&format!("CREATE DATABASE {name}"))
                    .expect("a role that may make databases");
                let (server, _) = url.rsplit_once('/').expect("an address with a database");
                let database = format!("{server}/{name}");
                (
                    std::env::temp_dir().join(&name),
                    database,
                    Some((url.clone(), name)),
                )
            }
        };
        // The server refuses a directory that others may read.
        let mut private = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
        private.create(&directory).expect("a directory");
        let rig = Self {
            directory,
            database,
            made,
            history,
        };
        match &rig.history {
            Some(history) => {
                let (written, took) = fill(&location(&rig.database), history, false);
                println!("{written:?} in {:.0} s, {}", took.as_secs_f64(), rig.size());
            }
            // Migrated, so that it is the start that is measured.
            None => drop(Store::open(&location(&rig.database)).expect("a database")),
        }
        rig
    }

    fn size(&self) -> String {
        let bytes = if let DatabaseLocation::Postgres(url) = location(&self.database) {
            let mut client = postgres::Client::connect(&url, NoTls).expect("PostgreSQL");
            let sql = "SELECT pg_database_size(current_database())";
            client.query_one(sql, &[]).expect("a size").get::<_, i64>(0)
        } else {
            let file = std::fs::metadata(&self.database).expect("a file");
            i64::try_from(file.len()).unwrap_or(i64::MAX)
        };
        format!("{} MB", bytes / 1_000_000)
    }

    /// Starts the server and opens the first page.
    pub(crate) fn start(&self) -> Running {
        let began = Instant::now();
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["scale-serve", &self.database])
            .arg(&self.directory);
        if let Some(history) = &self.history {
            for number in [history.people, history.sessions, history.live, history.seed] {
                command.arg(number.to_string());
            }
            command.arg(history.now.milliseconds().to_string());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program again");
        let stdin = child.stdin.take();
        let mut said = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        let port = line.trim().parse().expect("a port");
        let page = Client::new(port).get("/login", "");
        assert_eq!(page.status, 200, "{}", page.body);
        Running {
            started_in: began.elapsed(),
            child,
            stdin,
            said,
            port,
            client: Client::new(port),
            history: self.history,
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
        if let Some((url, name)) = &self.made
            && let Ok(mut client) = postgres::Client::connect(url, NoTls)
        {
            let _ = client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// A server that runs.
pub(crate) struct Running {
    /// From its start until the first page had come.
    pub(crate) started_in: Duration,
    child: Child,
    stdin: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
    port: u16,
    client: Client,
    history: Option<History>,
}

impl Running {
    /// Bytes that it holds in memory.
    pub(crate) fn resident(&self) -> f64 {
        resident_bytes(&self.child.id().to_string())
    }

    /// Lets it do something in its process, and waits for the numbers that it says.
    pub(crate) fn numbers(&mut self, command: &str) -> Vec<f64> {
        let stdin = self.stdin.as_mut().expect("its input");
        writeln!(stdin, "{command}").expect("somebody who listens");
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a line");
        assert!(!line.is_empty(), "the server ended at {command}");
        let numbers = line.split_whitespace().map(|number| number.parse().ok());
        numbers.collect::<Option<_>>().expect("numbers")
    }

    /// Opens a page as somebody who is signed in; who, `turn` says.
    pub(crate) fn open(&mut self, path: &str, turn: u64) -> Duration {
        let history = self.history.as_ref().expect("people");
        // Far apart, and nobody twice.
        let turn = turn * (history.live / 211).max(1);
        let token = history.token(history.live_session(turn)).reveal();
        let answer = self.client.get(path, &format!("__Host-nightlatch={token}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.head);
        answer.took
    }

    /// Signs somebody in; who, `turn` says.
    pub(crate) fn sign_in(&mut self, turn: u64) -> Duration {
        let history = self.history.as_ref().expect("people");
        let email = History::email(turn * (history.people / 211).max(1) % history.people);
        let page = Client::new(self.port).get("/login", "");
        let visitor = page.cookie("__Host-nightlatch-visitor").expect("a cookie");
        let form = page.body.split("name=\"csrf\" value=\"").nth(1);
        let csrf = form
            .and_then(|rest| rest.split('"').next())
            .expect("a form");
        let body = format!(
            "csrf={csrf}&email={}&password={}",
            email.replace('@', "%40"),
            PASSWORD.replace(' ', "+")
        );
        let cookies = format!("__Host-nightlatch-visitor={visitor}");
        let answer = self.client.send("POST", "/login", &cookies, &body);
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.took
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
