//! The data directory, and who holds it.
//!
//! Owns its making (nobody else may look inside) and the lock that one process
//! has on it for life: a second server on the same SQLite file would answer
//! checks without hearing of the first one's endings. The lock goes with the
//! process, also when it is killed.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::trouble::Trouble;

/// The name of the lock's file. It stays when the lock goes.
const FILE: &str = "lock";

/// Makes the directory if it is missing, and closes one that is open to others.
pub fn create_directory(path: &Path) -> Result<(), Trouble> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            Trouble::new(format!(
                "the data directory {} cannot be made ({error}); set `data_dir` to a directory that \
                 this user may write to",
                path.display()
            ))
        })?;
    close_to_others(path)
}

/// Whoever may write to the directory could put a database or a socket of their
/// own in place of ours; whoever may read it sees who is signed in.
fn close_to_others(path: &Path) -> Result<(), Trouble> {
    let unusable = |error: std::io::Error| {
        Trouble::new(format!(
            "the data directory {} is open to other users of this machine and cannot be closed to them \
             ({error}); run: chmod 700 {}",
            path.display(),
            path.display()
        ))
    };
    let mode = fs::metadata(path).map_err(unusable)?.permissions().mode();
    let open_to_others = mode & 0o077;
    if open_to_others == 0 {
        return Ok(());
    }
    if !is_ours_alone(path).map_err(unusable)? {
        return Err(Trouble::new(format!(
            "the data directory {} is open to other users of this machine and holds other files too; \
             set `data_dir` to a directory for Nightlatch alone, or run: chmod 700 {}",
            path.display(),
            path.display()
        )));
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(unusable)?;
    tracing::warn!(
        path = %path.display(),
        before = format!("{:o}", mode & 0o7777),
        "the data directory was open to other users of this machine and is closed to them now"
    );
    Ok(())
}

/// Empty, or in use by Nightlatch before. Nothing else is closed: `data_dir` could
/// be `/tmp` by mistake.
fn is_ours_alone(path: &Path) -> std::io::Result<bool> {
    let is_empty = fs::read_dir(path)?.next().is_none();
    Ok(is_empty || path.join(FILE).is_file())
}

/// Who has the data directory.
#[derive(Debug)]
pub enum Lock {
    /// This process, until the value is dropped.
    Ours(DirectoryLock),
    /// Another process; its number if it said so.
    Theirs(Option<u32>),
}

/// The lock, as long as this lives.
#[derive(Debug)]
pub struct DirectoryLock(#[expect(dead_code, reason = "closing the file releases the lock")] File);

/// Tries to take the lock of a data directory, which must exist.
pub fn acquire(directory: &Path) -> Result<Lock, Trouble> {
    let path = directory.join(FILE);
    let trouble = |error: std::io::Error| {
        Trouble::new(format!(
            "{} cannot be used ({error}); the data directory must belong to the user who runs Nightlatch",
            path.display()
        ))
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(trouble)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for a better sentence.
            drop(file.read_to_string(&mut holder));
            return Ok(Lock::Theirs(holder.trim().parse().ok()));
        }
        Err(TryLockError::Error(error)) => return Err(trouble(error)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(trouble)?;
    Ok(Lock::Ours(DirectoryLock(file)))
}

/// Takes the lock, or says who has it.
pub fn acquire_for_server(directory: &Path) -> Result<DirectoryLock, Trouble> {
    match acquire(directory)? {
        Lock::Ours(lock) => Ok(lock),
        Lock::Theirs(process) => Err(Trouble::new(format!(
            "another Nightlatch{} is running on {}; stop it first, or give this one a `data_dir` of its own",
            name_process(process),
            directory.display()
        ))),
    }
}

/// " (process 12)", if it is known.
pub(crate) fn name_process(process: Option<u32>) -> String {
    process.map_or_else(String::new, |id| format!(" (process {id})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::ScratchDirectory;

    #[test]
    fn a_directory_is_made_for_us_alone_and_held_by_one() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let directory = scratch.path().join("a/b");
        create_directory(&directory).expect("made");
        create_directory(&directory).expect("it may exist");
        let mode = directory
            .metadata()
            .expect("it exists")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);

        let first = acquire_for_server(&directory).expect("free");
        let refused = acquire_for_server(&directory)
            .expect_err("held")
            .to_string();
        assert!(
            refused.contains(&format!("(process {})", std::process::id())),
            "{refused}"
        );
        drop(first);
        assert!(matches!(acquire(&directory), Ok(Lock::Ours(_))));
    }

    #[test]
    fn a_directory_that_is_open_to_others_is_closed_if_it_is_ours() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let directory = scratch.path().join("data");
        let mode = || {
            let metadata = directory.metadata().expect("it exists");
            metadata.permissions().mode() & 0o777
        };
        let open = |mode| {
            fs::set_permissions(&directory, Permissions::from_mode(mode)).expect("changed");
        };
        create_directory(&directory).expect("made");
        // As a package or a volume may bring it.
        open(0o755);
        create_directory(&directory).expect("closed");
        assert_eq!(mode(), 0o700);
        // One with our files.
        drop(acquire_for_server(&directory).expect("free"));
        open(0o770);
        create_directory(&directory).expect("closed");
        assert_eq!(mode(), 0o700);
    }

    #[test]
    fn a_directory_of_other_things_is_refused_and_left_alone() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let shared = scratch.path().join("shared");
        fs::create_dir(&shared).expect("made");
        fs::write(shared.join("somebody else's"), "").expect("written");
        let before = Permissions::from_mode(0o1777);
        fs::set_permissions(&shared, before.clone()).expect("changed");
        let refused = create_directory(&shared).expect_err("shared").to_string();
        assert!(refused.contains("for Nightlatch alone"), "{refused}");
        let after = shared.metadata().expect("it exists").permissions();
        assert_eq!(after.mode() & 0o7777, before.mode() & 0o7777);
    }
}
