//! The server's end of the command socket.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nightlatch_web::state::App;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::{LONGEST_REQUEST, Request, VERSION, read_line, to_line};
use crate::commands::{Context, Reply, execute};
use crate::trouble::Trouble;

/// How long a request may take to come in.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long commands that are under way may go on when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// The socket of a running server.
#[derive(Debug)]
pub struct CommandSocket {
    path: PathBuf,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl CommandSocket {
    /// Listens. The caller holds the lock of the data directory, so that a
    /// socket that is still there belongs to nobody.
    pub fn open(path: PathBuf, app: Arc<App>, key_file: PathBuf) -> Result<Self, Trouble> {
        let trouble = |error: io::Error| {
            let hint = if error.kind() == ErrorKind::InvalidInput {
                "; the path of a socket has at most 107 bytes, so choose a shorter `data_dir`"
            } else {
                ""
            };
            Trouble::new(format!(
                "the command socket {} cannot be made ({error}){hint}",
                path.display()
            ))
        };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(trouble(error)),
            _ => {}
        }
        let (listener, owner) = bind(&path).map_err(trouble)?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, owner, (app, key_file), stopped));
        Ok(Self { path, stop, task })
    }

    /// Takes no more commands, and waits for those under way.
    pub async fn close(self) {
        drop(fs::remove_file(&self.path));
        drop(self.stop);
        drop(self.task.await);
    }
}

fn bind(path: &Path) -> io::Result<(UnixListener, u32)> {
    let listener = UnixListener::bind(path)?;
    // The directory is private already; this holds if somebody opened it.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    let owner = fs::metadata(path)?.uid();
    Ok((listener, owner))
}

async fn serve(
    listener: UnixListener,
    owner: u32,
    server: (Arc<App>, PathBuf),
    mut stopped: oneshot::Receiver<()>,
) {
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(_) = running.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    running.spawn(answer(stream, owner, server.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a command could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    let rest = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, rest).await.is_err() {
        tracing::warn!("a command was still under way when the server stopped");
    }
}

async fn answer(mut stream: UnixStream, owner: u32, server: (Arc<App>, PathBuf)) {
    let (app, key_file) = server;
    // Between the making of the file and its permissions there is an instant in
    // which another user may have connected.
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == owner || peer.uid() == 0 => {}
        _ => return,
    }
    let Ok(Ok(line)) =
        tokio::time::timeout(PATIENCE, read_line(&mut stream, LONGEST_REQUEST)).await
    else {
        return;
    };
    let reply = match understand(&line) {
        Ok(request) => {
            let moment = app.moment();
            execute(Context::of(&app, &moment, &key_file), request.command).await
        }
        Err(error) => Reply::Refused { error },
    };
    let Ok(line) = to_line(&reply) else { return };
    if let Err(error) = stream.write_all(&line).await {
        tracing::debug!(%error, "the command line did not wait for its answer");
    }
}

fn understand(line: &[u8]) -> Result<Request, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let mismatch = "The running server and this command line are of different releases. Restart the \
                    server, or use the command line that it came with.";
    match serde_json::from_slice(line) {
        Ok(Version { version: VERSION }) => {}
        _ => return Err(mismatch.to_owned()),
    }
    // The error could quote a password; it is not passed on.
    serde_json::from_slice(line).map_err(|_| mismatch.to_owned())
}
