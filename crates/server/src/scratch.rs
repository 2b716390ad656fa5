//! A private directory that vanishes.
//!
//! For the demonstration and for tests: readable by nobody else, under a name
//! that nobody can guess, removed when it is dropped.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use nightlatch_domain::Random as _;

use crate::wire::SystemRandom;

/// A directory that is removed with everything in it.
#[derive(Debug)]
pub struct ScratchDirectory(PathBuf);

impl ScratchDirectory {
    /// Makes one among the system's temporary files.
    pub fn create() -> io::Result<Self> {
        let mut name = [0; 8];
        SystemRandom.fill(&mut name);
        let name = u64::from_le_bytes(name);
        let path = std::env::temp_dir().join(format!("nightlatch-{name:016x}"));
        // Fails if it exists: nobody can have prepared it for us.
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a temporary directory was left behind");
        }
    }
}
