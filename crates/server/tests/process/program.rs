//! The program under test: its data directory, its database, its process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nightlatch_storage::testing::{TestDatabase, TestStore, fresh_store};
use nightlatch_storage::{DatabaseLocation, Store};

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Program {
    data: PathBuf,
    port: u16,
    database: Option<String>,
    // Drops the database in the end.
    store: Option<TestStore>,
    running: Option<Child>,
}

impl Program {
    /// A fresh installation with one person, ada@example.test.
    pub(crate) fn with_one_person(which: TestDatabase, password: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("nightlatch-process-{}-{number}", std::process::id());
        let data = std::env::temp_dir().join(name);
        let (database, store) = match which {
            TestDatabase::Sqlite => (None, None),
            TestDatabase::Postgres => {
                let store = fresh_store(which);
                let DatabaseLocation::Postgres(url) = store.location().clone() else {
                    panic!("a PostgreSQL store");
                };
                (Some(url), Some(store))
            }
        };
        let program = Self {
            data,
            port: free_port(),
            database,
            store,
            running: None,
        };
        let words = [
            "user",
            "add",
            "--email",
            "ada@example.test",
            "--name",
            "Ada Lovelace",
            "--password-stdin",
        ];
        program.run(&words, Some(password));
        program
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The database, behind the server's back.
    pub(crate) fn open_store(&self) -> Store {
        if let Some(store) = &self.store {
            return store.open_again().expect("the database opens");
        }
        let file = self.data.join("nightlatch.db");
        Store::open(&DatabaseLocation::Sqlite(file)).expect("the database opens")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nightlatch"));
        command
            .args(words)
            .env("NIGHTLATCH_DATA_DIR", &self.data)
            .env("NIGHTLATCH_LISTEN", format!("127.0.0.1:{}", self.port));
        if let Some(database) = &self.database {
            command.env("NIGHTLATCH_DATABASE", database);
        }
        command
    }

    /// Runs a command to its end; it must succeed.
    pub(crate) fn run(&self, words: &[&str], input: Option<&str>) {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin
            .write_all(input.unwrap_or_default().as_bytes())
            .expect("the program reads");
        drop(stdin);
        let output = child.wait_with_output().expect("the program ends");
        assert!(
            output.status.success(),
            "{words:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Starts the server and waits until it says that it is ready.
    pub(crate) fn start(&mut self) {
        let mut child = self
            .command(&["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let stdout = child.stdout.take().expect("a pipe");
        let ready = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .any(|line| line.contains("ready at"));
        assert!(ready, "the server says that it is ready");
        self.running = Some(child);
    }

    /// How much memory the server has at the moment, in kilobytes.
    pub(crate) fn resident_kilobytes(&self) -> u64 {
        let child = self.running.as_ref().expect("a running server");
        let path = format!("/proc/{}/status", child.id());
        let status = std::fs::read_to_string(path).expect("a running server");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a number")
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let mut child = self.running.take().expect("a running server");
        child.kill().expect("a signal");
        child.wait().expect("the end");
    }

    /// Stops it in good order.
    pub(crate) fn stop(&mut self) {
        let mut child = self.running.take().expect("a running server");
        let number = child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &number]).status();
        assert!(sent.expect("kill runs").success());
        let status = child.wait().expect("the end");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}
