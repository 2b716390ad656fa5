//! The configuration as somebody wrote it.
//!
//! Owns the list of keys, the file's syntax and the environment variables that
//! go over it. It does not know what a value means; it knows where it stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nightlatch_domain::nearest::{nearest, slip_of};
use toml::de::{DeTable, DeValue};

use super::{Place, Problem};

/// What the name of every environment variable begins with; the key follows in
/// capitals.
pub const PREFIX: &str = "NIGHTLATCH_";

/// Names the configuration file; not a key, since a file cannot name itself.
pub const FILE_VARIABLE: &str = "NIGHTLATCH_CONFIG";

/// A key and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct KeyFacts {
    /// As it is written in the file.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub about: &'static str,
}

const fn key(name: &'static str, about: &'static str) -> KeyFacts {
    KeyFacts { name, about }
}

/// Every key.
pub const KEYS: [KeyFacts; 18] = [
    key("listen", "address and port to listen on"),
    key(
        "public_url",
        "the address under which browsers reach this server",
    ),
    key("database", "postgres://… or the path of an SQLite file"),
    key(
        "data_dir",
        "directory of the SQLite file, the key and the command socket",
    ),
    key("key_file", "file of the secret key, the same on every node"),
    key(
        "trusted_proxies",
        "addresses or networks of proxies in front",
    ),
    key("tls_certificate", "file of the certificate chain (PEM)"),
    key("tls_key", "file of the certificate's private key (PEM)"),
    key(
        "place_database",
        "file that turns addresses into places (MaxMind format)",
    ),
    key("metrics_listen", "address and port of /metrics"),
    key(
        "cached_sessions",
        "sessions kept in memory, so that checks need no database",
    ),
    key("mail_from", "the sender of mails"),
    key("mail_smtp", "smtps://host:465 or smtp://host:587"),
    key("mail_user", "the user of the mail server"),
    key("mail_password_file", "file of that user's password"),
    key(
        "mail_directory",
        "directory that mails are written into instead",
    ),
    key("log", "form of the log: text or json"),
    key(
        "log_level",
        "what is logged: info, debug, nightlatch_flows=debug, …",
    ),
];

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The value as text; a list with commas between its members.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// All values that somebody wrote.
#[derive(Debug, Clone, Default)]
pub struct AsWritten {
    values: BTreeMap<&'static str, Written>,
    /// Paths written in the file are relative to it.
    directory: Option<PathBuf>,
}

impl AsWritten {
    /// The value of a key. An empty one counts as not written, so that an
    /// environment variable can take a value of the file back.
    pub fn get(&self, key: &str) -> Option<&Written> {
        self.values
            .get(key)
            .filter(|written| !written.text.is_empty())
    }

    /// Where a key was written.
    pub fn place(&self, key: &str) -> Place {
        self.get(key)
            .map_or(Place::Default, |written| written.place.clone())
    }

    /// A path as it was meant: relative to the file it stands in, or to the
    /// current directory.
    pub fn resolve(&self, written: &Written) -> PathBuf {
        match (&written.place, &self.directory) {
            (Place::Line(..), Some(directory)) => directory.join(&written.text),
            _ => PathBuf::from(&written.text),
        }
    }
}

/// Reads the file and the environment: what could be read, and what is wrong
/// with the rest.
pub fn read(file: Option<&Path>, environment: &[(String, String)]) -> (AsWritten, Vec<Problem>) {
    let mut written = AsWritten::default();
    let mut problems = Vec::new();
    if let Some(path) = file {
        match std::fs::read_to_string(path) {
            Ok(text) => read_file(path, &text, &mut written, &mut problems),
            Err(error) => problems.push(Problem {
                place: Place::File(path.to_owned()),
                sentence: format!("cannot be read ({error}); name an existing file with --config"),
            }),
        }
        written.directory = path.parent().map(Path::to_owned);
    }
    for (name, value) in environment {
        read_variable(name, value, &mut written, &mut problems);
    }
    (written, problems)
}

fn key_names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

fn read_file(path: &Path, text: &str, written: &mut AsWritten, problems: &mut Vec<Problem>) {
    let line_of = |offset: usize| {
        let before = text.get(..offset).unwrap_or(text);
        Place::Line(path.to_owned(), before.matches('\n').count() + 1)
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            problems.push(Problem {
                place: line_of(error.span().map_or(0, |span| span.start)),
                sentence: format!(
                    "is not TOML ({}); write one `key = \"value\"` on a line",
                    error.message().trim_end()
                ),
            });
            return;
        }
    };
    for (name, value) in table.get_ref() {
        let place = line_of(name.span().start);
        let typed = name.get_ref().as_ref();
        let Some(key) = key_names().find(|key| *key == typed) else {
            let meant = nearest(typed, key_names()).unwrap_or_default();
            problems.push(Problem {
                place,
                sentence: format!("there is no key `{typed}`; did you mean `{meant}`?"),
            });
            continue;
        };
        match to_text(value.get_ref()) {
            Some(text) => {
                written.values.insert(key, Written { text, place });
            }
            None => problems.push(Problem {
                place,
                sentence: format!("the value of `{key}` must be text in quotes: {key} = \"…\""),
            }),
        }
    }
}

/// Text as it is, numbers as they are written, a list of texts with commas.
fn to_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Array(members) => {
            let texts: Option<Vec<_>> = members.iter().map(|m| m.get_ref().as_str()).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

/// Unlike in the file, an unknown name is an error only if it looks like a slip:
/// container platforms set variables such as `NIGHTLATCH_PORT_8080_TCP` by
/// themselves, for a service of that name.
fn read_variable(name: &str, value: &str, written: &mut AsWritten, problems: &mut Vec<Problem>) {
    let Some(typed) = name.strip_prefix(PREFIX) else {
        return;
    };
    if name == FILE_VARIABLE {
        return;
    }
    let place = Place::Environment(name.to_owned());
    let lower = typed.to_lowercase();
    if let Some(key) = key_names().find(|key| *key == lower) {
        let text = value.to_owned();
        written.values.insert(key, Written { text, place });
    } else if let Some(meant) = slip_of(typed, key_names()) {
        problems.push(Problem {
            place,
            sentence: format!(
                "there is no such setting; did you mean {PREFIX}{}?",
                meant.to_uppercase()
            ),
        });
    }
}
