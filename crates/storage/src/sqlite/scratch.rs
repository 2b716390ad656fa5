//! Private temporary files, for databases that are not meant to stay.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::StorageError;

/// A private directory for a database that is not meant to stay, removed with its owner.
#[derive(Debug)]
pub(crate) struct ScratchDirectory {
    path: PathBuf,
}

impl ScratchDirectory {
    pub(crate) fn create() -> Result<Self, StorageError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("nightlatch-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match builder.create(&path) {
                Ok(()) => return Ok(Self { path }),
                // Left behind by an earlier process of this number, or put there by somebody: not ours.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(StorageError::Unavailable(format!(
                        "{}: {error}",
                        path.display()
                    )));
                }
            }
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("nightlatch.db")
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "a temporary database was left behind");
        }
    }
}
