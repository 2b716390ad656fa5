//! Letters as files, for whoever carries them on or looks at them.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use nightlatch_flows::mail::NotAccepted;
use nightlatch_web::mailing::{Letter, Transport};

use super::compose;

/// Writes each letter into a file of its own, readable by its owner alone.
#[derive(Debug)]
pub(super) struct Directory {
    from: Mailbox,
    path: PathBuf,
}

impl Directory {
    pub(super) fn new(from: Mailbox, path: PathBuf) -> Self {
        Self { from, path }
    }
}

/// Written under another name first, so that nobody picks up half a letter.
fn write(directory: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let draft = directory.join(format!(".{name}.draft"));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&draft, directory.join(format!("{name}.eml")))
}

impl Transport for Directory {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), NotAccepted>> {
        Box::pin(async move {
            let content = compose(letter, &self.from)?.formatted();
            let (directory, name) = (self.path.clone(), letter.id.to_string());
            let written = tokio::task::spawn_blocking(move || write(&directory, &name, &content));
            match written.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(NotAccepted {
                    permanent: false,
                    error: format!("{} cannot be written to: {error}", self.path.display()),
                }),
                Err(error) => Err(NotAccepted {
                    permanent: false,
                    error: error.to_string(),
                }),
            }
        })
    }
}
