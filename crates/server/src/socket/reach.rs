//! The command line's end: whoever can do a command, does it.
//!
//! A running server, if there is one: it then tells its open pages at once.
//! Otherwise this process: on SQLite under the lock of the data directory, so
//! never behind a server's back; on PostgreSQL as one more node that passes by.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use nightlatch_flows::activity::Activity;
use nightlatch_flows::log_out::{self, Expansion};
use nightlatch_protocols::outgoing::{Outgoing, Patience};
use nightlatch_protocols::signing_keys::SigningKeys;
use nightlatch_storage::{DatabaseKind, DatabaseLocation, StorageError, Store};
use nightlatch_web::metrics::Metrics;
use nightlatch_web::public_url::PublicUrl;
use nightlatch_web::signals::Signals;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use super::{LONGEST_REPLY, Request, VERSION, read_line, to_line};
use crate::commands::{Command, Context, Reply, execute};
use crate::config::Config;
use crate::keys;
use crate::lock::{self, Lock, name_process};
use crate::trouble::Trouble;
use crate::wire::{self, World};

/// Has a command done.
pub async fn run(config: &Config, world: &World, command: Command) -> Result<Reply, Trouble> {
    if let Some(stream) = connect(&config.command_socket()).await? {
        return send(stream, command).await.map_err(|error| {
            Trouble::new(format!(
                "the running server did not answer ({error}); look whether the command was done \
                 before you repeat it"
            ))
        });
    }
    match &config.database {
        DatabaseLocation::Sqlite(file) => {
            if command.may_begin() {
                lock::create_directory(&config.data_dir)?;
            } else if !file.exists() {
                return Err(Trouble::new(format!(
                    "there is no database at {} yet; start `nightlatch serve`, or name the right \
                     configuration with --config",
                    file.display()
                )));
            }
            let _lock = take_lock(&config.data_dir)?;
            stand_in(config, world, command).await
        }
        DatabaseLocation::SqliteInMemory | DatabaseLocation::Postgres(_) => {
            stand_in(config, world, command).await
        }
    }
}

/// Brings the schema of the database up to date.
pub async fn migrate(config: &Config) -> Result<(), Trouble> {
    let _lock = match &config.database {
        DatabaseLocation::Sqlite(_) => {
            lock::create_directory(&config.data_dir)?;
            Some(take_lock(&config.data_dir)?)
        }
        _ => None,
    };
    wire::open_store(&config.database).await.map(drop)
}

fn take_lock(directory: &Path) -> Result<lock::DirectoryLock, Trouble> {
    match lock::acquire(directory)? {
        Lock::Ours(lock) => Ok(lock),
        Lock::Theirs(process) => Err(Trouble::new(format!(
            "another Nightlatch{} holds {} and its command socket does not answer; if it is just \
             starting or stopping, try again, otherwise stop it",
            name_process(process),
            directory.display()
        ))),
    }
}

/// A running server, or none.
async fn connect(path: &Path) -> Result<Option<UnixStream>, Trouble> {
    match UnixStream::connect(path).await {
        Ok(stream) => match check_server(&stream, path) {
            Ok(true) => Ok(Some(stream)),
            Ok(false) => Err(Trouble::new(format!(
                "the command socket {} belongs to another user, so nothing was sent to it; run the \
                 command as the user who runs the server, and see who may write to its directory",
                path.display()
            ))),
            Err(error) => Err(Trouble::new(format!(
                "it cannot be seen whose the command socket {} is ({error})",
                path.display()
            ))),
        },
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(Trouble::new(format!(
            "the command socket {} cannot be used ({error}); run the command as the user who runs \
             the server",
            path.display()
        ))),
    }
}

/// Whether the other end is a server to be trusted with what commands carry,
/// passwords among it.
fn check_server(stream: &UnixStream, path: &Path) -> io::Result<bool> {
    let server = stream.peer_cred()?.uid();
    // A pair of our own is the one way to our own number without a system call by
    // hand.
    let own = UnixStream::pair()?.0.peer_cred()?.uid();
    let owner = match path.parent() {
        Some(directory) => Some(fs::metadata(directory)?.uid()),
        None => None,
    };
    Ok(is_trusted(server, own, owner))
}

/// One's own server, or root's. For root, that of whoever owns the directory, too:
/// the database in it is theirs anyway.
fn is_trusted(server: u32, own: u32, owner_of_directory: Option<u32>) -> bool {
    const ROOT: u32 = 0;
    server == own || server == ROOT || (own == ROOT && owner_of_directory == Some(server))
}

async fn send(mut stream: UnixStream, command: Command) -> io::Result<Reply> {
    let version = VERSION;
    let line = to_line(&Request { version, command })?;
    stream.write_all(&line).await?;
    let reply = read_line(&mut stream, LONGEST_REPLY).await?;
    Ok(serde_json::from_slice(&reply)?)
}

async fn stand_in(config: &Config, world: &World, command: Command) -> Result<Reply, Trouble> {
    let store = wire::open_store(&config.database).await?;
    let hashing = wire::hashing(world)?;
    let activity = Arc::new(Activity::default());
    let (signals, metrics) = (Signals::default(), Metrics::default());
    let moment = world.moment();
    // A command may come before the first start, and then makes the directory and
    // the key too.
    lock::create_directory(&config.data_dir)?;
    let keys = keys::load_or_create(&config.key_file, world.random.as_ref())?;
    let sealer = Arc::new(wire::sealer(&keys)?);
    let signing = SigningKeys::default();
    let outgoing = Outgoing::new(Patience::default());
    let context = Context {
        store: &store,
        hashing: &hashing,
        activity: &activity,
        moment: &moment,
        signals: &signals,
        metrics: &metrics,
        sealer: &sealer,
        signing: &signing,
        outgoing: &outgoing,
        issuer: config.public_url.as_ref().map(PublicUrl::origin),
        form_key: None,
        token_key: None,
        key_file: &config.key_file,
    };
    let reply = execute(context, command).await;
    // On PostgreSQL the nodes do this.
    if store.kind() == DatabaseKind::Sqlite {
        expand(&store, world).await?;
    }
    Ok(reply)
}

/// Writes down what a wide ending ended, since no server is there to do it.
async fn expand(store: &Store, world: &World) -> Result<(), StorageError> {
    loop {
        let moment = world.moment();
        let expanded = store
            .write(move |tx| log_out::expand_next(tx, &moment))
            .await?;
        if expanded == Expansion::Nothing {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::ScratchDirectory;

    #[test]
    fn a_socket_of_somebody_else_is_told_nothing() {
        let (root, nightlatch, ada, eve) = (0, 990, 1000, 1001);
        assert!(is_trusted(ada, ada, Some(ada)));
        assert!(is_trusted(root, ada, Some(root)));
        assert!(is_trusted(nightlatch, root, Some(nightlatch)));
        assert!(!is_trusted(eve, ada, Some(ada)));
        assert!(
            !is_trusted(eve, ada, Some(eve)),
            "a directory of hers proves nothing"
        );
        assert!(!is_trusted(eve, root, Some(nightlatch)));
        assert!(!is_trusted(eve, root, None));
    }

    #[tokio::test]
    async fn ones_own_socket_is_used() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let path = scratch.path().join("socket");
        assert!(connect(&path).await.expect("no trouble").is_none());
        let _listener = tokio::net::UnixListener::bind(&path).expect("bound");
        assert!(connect(&path).await.expect("ours").is_some());
    }
}
