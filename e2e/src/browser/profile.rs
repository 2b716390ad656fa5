//! The directory of one browser profile, gone when dropped. A second profile is a second device.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::Outcome;

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A profile with room for the driver's log and for temporary files.
pub(crate) struct ProfileDirectory(PathBuf);

impl ProfileDirectory {
    /// An empty profile.
    pub(crate) fn new() -> Outcome<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Short: Chromium puts a socket below it, and a socket's path has at most 107 bytes.
        let root =
            std::env::temp_dir().join(format!("nightlatch-e2e-{}-{number}", std::process::id()));
        let directory = Self(root);
        std::fs::create_dir_all(directory.temporary())?;
        // Firefox's window never gets narrower than its toolbar unless the toolbar allows it.
        let chrome = directory.profile().join("chrome");
        std::fs::create_dir_all(&chrome)?;
        std::fs::write(
            chrome.join("userChrome.css"),
            ":root, #navigator-toolbox, #browser { min-width: 0 !important; }\n",
        )?;
        Ok(directory)
    }

    /// The root; it appears on the command line of every process of this browser.
    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// What the browser calls its profile.
    pub(crate) fn profile(&self) -> PathBuf {
        self.0.join("profile")
    }

    /// Temporary files of driver and browser.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// What the driver prints.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("driver.log")
    }
}

impl Drop for ProfileDirectory {
    fn drop(&mut self) {
        // A browser that is just ending may still write; a second try is enough, a rest does no harm.
        if std::fs::remove_dir_all(&self.0).is_err() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
