//! The secret key of this deployment.
//!
//! Owns its file: 32 random bytes as hexadecimal digits, readable by its owner
//! alone, made on the first start. What is derived from it is the business of
//! whoever uses it. It stays the same for the life of the deployment and on
//! every node.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use nightlatch_domain::Random;
use zeroize::Zeroizing;

use crate::trouble::Trouble;

/// The key.
pub type Key = Zeroizing<[u8; 32]>;

/// Reads the key, or makes it if the file is missing.
pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<Key, Trouble> {
    let mut key = Zeroizing::new([0; 32]);
    random.fill(key.as_mut());
    let text = Zeroizing::new(to_hexadecimal(key.as_ref()));
    // Written elsewhere first and linked into place: another node that starts
    // in the same instant sees a whole key or none, and the first one wins.
    // Its name is random and not the number of this process: in a container that
    // is always the same, and a draft that a crash left behind would block every
    // start after it.
    if path.exists() {
        return load(path);
    }
    let mut name = [0; 8];
    random.fill(&mut name);
    let draft = path.with_extension(format!("draft-{}", to_hexadecimal(&name)));
    let trouble = |error: std::io::Error| {
        Trouble::new(format!(
            "the key file {} cannot be made ({error}); set `key_file` to a place that this user may \
             write to",
            path.display()
        ))
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        })
        .and_then(|()| fs::hard_link(&draft, path));
    drop(fs::remove_file(&draft));
    match written {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => load(path),
        Err(error) => Err(trouble(error)),
    }
}

/// Reads the key.
pub fn load(path: &Path) -> Result<Key, Trouble> {
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
    from_hexadecimal(text.trim()).ok_or_else(|| {
        trouble(
            "must hold 64 hexadecimal digits; copy it from another node, or remove it to have a \
             new one made (forms that are open in browsers then have to be sent again)"
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
    fn a_broken_key_is_refused_and_not_replaced() {
        let scratch = ScratchDirectory::create().expect("a directory");
        let path = scratch.path().join("key");
        for broken in ["", "abc", &"g".repeat(64)] {
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
