//! The secret keys of this deployment.
//!
//! Owns their file: one line for each key, 32 random bytes as hexadecimal digits,
//! readable by its owner alone, made on the first start. The first line is the
//! current key; the others are older and go on opening what they have sealed
//! (OPS-03). A line that begins with `next` is a key that was prepared: it opens
//! already and becomes current at the next rotation, so that every node can have
//! it before the first one uses it. What is derived from the keys is the business
//! of whoever uses them. The file is the same on every node.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nightlatch_domain::Random;
use zeroize::Zeroizing;

use crate::trouble::Trouble;

/// A key.
pub type Key = Zeroizing<[u8; 32]>;

/// The word before a prepared key.
const PREPARED: &str = "next ";

/// All keys of the file.
#[derive(PartialEq, Eq)]
pub struct Keys {
    /// Seals and signs.
    pub current: Key,
    /// Opens and verifies already; current after the next rotation.
    pub prepared: Option<Key>,
    /// Open and verify what they have sealed and signed; newest first.
    pub older: Vec<Key>,
}

impl Keys {
    /// Every key but the current one.
    pub fn others(&self) -> Vec<&[u8; 32]> {
        self.prepared
            .iter()
            .chain(&self.older)
            .map(|key| &**key)
            .collect()
    }

    fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        text.push_str(&to_hexadecimal(self.current.as_ref()));
        text.push('\n');
        if let Some(key) = &self.prepared {
            text.push_str(PREPARED);
            text.push_str(&to_hexadecimal(key.as_ref()));
            text.push('\n');
        }
        for key in &self.older {
            text.push_str(&to_hexadecimal(key.as_ref()));
            text.push('\n');
        }
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let current = from_hexadecimal(lines.next()?)?;
        let mut keys = Self {
            current,
            prepared: None,
            older: Vec::new(),
        };
        for line in lines {
            match line.strip_prefix(PREPARED) {
                Some(key) if keys.prepared.is_none() => {
                    keys.prepared = Some(from_hexadecimal(key.trim())?);
                }
                Some(_) => return None,
                None => keys.older.push(from_hexadecimal(line)?),
            }
        }
        Some(keys)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys(…)")
    }
}

fn generate(random: &dyn Random) -> Key {
    let mut key = Zeroizing::new([0; 32]);
    random.fill(key.as_mut());
    key
}

/// A file beside the key file that nobody else can read, whole and on the disk.
/// Its name is random and not the number of this process: in a container that is
/// always the same, and a draft that a crash left behind would block every start
/// after it.
fn write_draft(path: &Path, keys: &Keys, random: &dyn Random) -> io::Result<PathBuf> {
    let mut name = [0; 8];
    random.fill(&mut name);
    let draft = path.with_extension(format!("draft-{}", to_hexadecimal(&name)));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(keys.to_text().as_bytes())?;
            file.sync_all()
        });
    match written {
        Ok(()) => Ok(draft),
        Err(error) => {
            if error.kind() != ErrorKind::AlreadyExists {
                drop(fs::remove_file(&draft));
            }
            Err(error)
        }
    }
}

/// Reads the keys, or makes the first one if the file is missing.
pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<Keys, Trouble> {
    if path.exists() {
        return load(path);
    }
    let keys = Keys {
        current: generate(random),
        prepared: None,
        older: Vec::new(),
    };
    // Written elsewhere first and linked into place: another node that starts
    // in the same instant sees a whole key or none, and the first one wins.
    let linked = write_draft(path, &keys, random).and_then(|draft| {
        let linked = fs::hard_link(&draft, path);
        drop(fs::remove_file(&draft));
        linked
    });
    match linked {
        Ok(()) => Ok(keys),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => load(path),
        Err(error) => Err(cannot_be_written(path, &error)),
    }
}

fn cannot_be_written(path: &Path, error: &io::Error) -> Trouble {
    Trouble::new(format!(
        "the key file {} cannot be made ({error}); set `key_file` to a place that this user may \
         write to",
        path.display()
    ))
}

/// Puts other keys in place of the file, all at once.
fn replace(path: &Path, keys: &Keys, random: &dyn Random) -> Result<(), Trouble> {
    let replaced = write_draft(path, keys, random).and_then(|draft| {
        let renamed = fs::rename(&draft, path);
        if renamed.is_err() {
            drop(fs::remove_file(&draft));
        }
        renamed?;
        // The name is on the disk too before anything is sealed with the key:
        // whatever a lost key has sealed is lost with it.
        match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => {
                fs::File::open(directory)?.sync_all()
            }
            _ => Ok(()),
        }
    });
    replaced.map_err(|error| cannot_be_written(path, &error))
}

/// Adds a key for the next rotation, if none is prepared. Says whether it did.
pub fn prepare(path: &Path, random: &dyn Random) -> Result<(Keys, bool), Trouble> {
    let mut keys = load(path)?;
    if keys.prepared.is_some() {
        return Ok((keys, false));
    }
    keys.prepared = Some(generate(random));
    replace(path, &keys, random)?;
    Ok((keys, true))
}

/// Makes the prepared key, or a fresh one, the current one; the present one
/// becomes the newest of the older.
pub fn rotate(path: &Path, random: &dyn Random) -> Result<Keys, Trouble> {
    let mut keys = load(path)?;
    let new = keys.prepared.take().unwrap_or_else(|| generate(random));
    let old = std::mem::replace(&mut keys.current, new);
    keys.older.insert(0, old);
    replace(path, &keys, random)?;
    Ok(keys)
}

/// Reads the keys.
pub fn load(path: &Path) -> Result<Keys, Trouble> {
    let trouble = |what: String| Trouble::new(format!("the key file {} {what}", path.display()));
    let metadata =
        fs::metadata(path).map_err(|error| trouble(format!("cannot be read ({error})")))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(trouble(format!(
            "can be read by others; run: chmod 600 {}",
            path.display()
        )));
    }
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| trouble(format!("cannot be read ({error})")))?;
    Keys::from_text(&text).ok_or_else(|| {
        trouble(
            "must hold one key of 64 hexadecimal digits on each line; copy it from another node or \
             from a backup. Without it, authenticator apps that people have set up can no longer be \
             used"
                .to_owned(),
        )
    })
}

fn to_hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(half), 16));
        }
    }
    text
}

fn from_hexadecimal(text: &str) -> Option<Key> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use nightlatch_domain::random::SeededRandom;

    use super::*;
    use crate::scratch::ScratchDirectory;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let path = scratch.path().join("key");
        let random = SeededRandom::new(1);
        let made = load_or_create(&path, &random).expect("made");
        let permissions = path.metadata().expect("a file").permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        let again = load_or_create(&path, &random).expect("read");
        assert_eq!(made, again);
        let left: Vec<_> = fs::read_dir(scratch.path()).expect("a list").collect();
        assert_eq!(left.len(), 1, "the draft is gone");
    }

    #[test]
    fn a_draft_that_a_crash_left_behind_blocks_nothing() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let path = scratch.path().join("key");
        let process = std::process::id();
        for left in ["key.draft-1".to_owned(), format!("key.draft-{process}")] {
            fs::write(scratch.path().join(left), "half a").expect("written");
        }
        let made = load_or_create(&path, &SeededRandom::new(1)).expect("made");
        assert_eq!(load(&path).expect("read"), made);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let path = scratch.path().join("key");
        load_or_create(&path, &SeededRandom::new(1)).expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("changed");
        let refused = load(&path).expect_err("readable by the group").to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn ops_03_rotation_takes_the_prepared_key_and_forgets_none() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let path = scratch.path().join("key");
        let random = SeededRandom::new(1);
        let first = load_or_create(&path, &random).expect("made").current;
        let (prepared, fresh) = prepare(&path, &random).expect("prepared");
        assert!(fresh);
        assert_eq!(prepared.current, first, "not used yet");
        let next = prepared.prepared.clone().expect("a key");
        assert_eq!(prepared.others(), [&*next]);
        let (again, fresh) = prepare(&path, &random).expect("prepared");
        assert!(!fresh);
        assert_eq!(again, prepared);
        let rotated = rotate(&path, &random).expect("rotated");
        assert_eq!(rotated.current, next);
        assert_eq!(rotated.others(), [&*first]);
        let twice = rotate(&path, &random).expect("rotated");
        assert!(twice.current != first && twice.current != next);
        assert_eq!(twice.others(), [&*next, &*first]);
        assert_eq!(load(&path).expect("read"), twice);
        let permissions = path.metadata().expect("a file").permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(scratch.path()).expect("a list").collect();
        assert_eq!(left.len(), 1, "no drafts are left");
    }

    #[test]
    fn a_broken_key_is_refused_and_not_replaced() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let path = scratch.path().join("key");
        let key = "0".repeat(64);
        for broken in [
            String::new(),
            "abc".to_owned(),
            "g".repeat(64),
            format!("next {key}"),
            format!("{key}\n{key}0"),
            format!("{key}\nnext {key}\nnext {key}"),
        ] {
            drop(fs::remove_file(&path));
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .and_then(|mut file| file.write_all(broken.as_bytes()))
                .expect("written");
            assert!(load_or_create(&path, &SeededRandom::new(1)).is_err());
            assert_eq!(fs::read_to_string(&path).expect("read"), broken);
        }
    }
}
