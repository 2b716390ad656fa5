//! No statement that can turn a yes into a no is written without a word to whom it concerns.
//!
//! Walks the sources: every UPDATE and DELETE of a table that a check reads stands in a function that calls
//! `Tx::concerns`, or in the short table below with the reason why not. Every table must have been thought about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Tables whose rows decide whether a session, a token or an app is good.
const DECIDING: &[&str] = &[
    "authenticator_apps",
    "deployment",
    "entries",
    "grants",
    "group_members",
    "host_sessions",
    "organizations",
    "passkeys",
    "protected_hosts",
    "relying_parties",
    "sessions",
    "user_groups",
    "users",
];

/// All others, and why nothing kept in memory follows from them.
const DECIDING_NOTHING: &[(&str, &str)] = &[
    ("app_health", "shown"),
    ("audit_chain", "the history"),
    ("audit_heads", "the history"),
    ("authorization_codes", "redeemed in the database"),
    ("authorization_requests", "a question, no right"),
    ("browsers", "names things"),
    ("ceremonies", "finished in the database"),
    (
        "consents",
        "asked before a grant is made; taking one back revokes the grants",
    ),
    ("email_changes", "its end sets the address, in `users`"),
    ("endings", "say why; the sessions and counters say that"),
    ("events", "the history"),
    ("feed_acknowledgements", "what apps have read"),
    ("feed_readers", "what apps have read"),
    ("known_browsers", "decide about mails"),
    ("mail_links", "redeemed in the database"),
    ("mails", "a queue"),
    ("notices", "a queue"),
    (
        "passwords",
        "asked at sign-in; a change ends sessions by their own rows",
    ),
    ("pending_sign_ins", "no session yet"),
    ("phone_sign_ins", "redeemed in the database"),
    ("pictures", "shown"),
    ("receipts", "open a page"),
    ("recovery_codes", "no factor by themselves"),
    ("remembered_factors", "asked at sign-in"),
    ("reviews", "shown"),
    ("schema_migrations", "the schema"),
    ("set_up_links", "redeemed in the database"),
    (
        "signing_keys",
        "what is signed is never believed without a look at its grant",
    ),
    ("throttles", "asked at sign-in"),
    ("used_assertions", "asked in the database"),
    ("user_handles", "names things"),
];

/// Statements on deciding tables that can turn no yes into a no.
const HARMLESS: &[(&str, &str, &str)] = &[
    ("authenticator_apps.rs", "confirm", "a factor more"),
    (
        "authenticator_apps.rs",
        "delete_unconfirmed",
        "they did not count",
    ),
    ("authenticator_apps.rs", "prune", "they did not count"),
    ("authenticator_apps.rs", "rename", "a name"),
    (
        "authenticator_apps.rs",
        "replace_seed",
        "the same seed, sealed anew",
    ),
    (
        "authenticator_apps.rs",
        "spend_step",
        "codes are checked in the database",
    ),
    ("entries.rs", "prune", "they were over"),
    ("entries.rs", "record", "an app more"),
    ("grants.rs", "prune", "they were over"),
    ("passkeys.rs", "rename", "a name"),
    ("passkeys.rs", "update_use", "it stays a factor"),
    ("sessions.rs", "prune", "they had ended"),
    (
        "sessions.rs",
        "record_activity",
        "moves a deadline into the future",
    ),
    (
        "sessions.rs",
        "set_previous_token",
        "the token before the present one admits nothing",
    ),
];

/// A statement that changes rows, and where it stands.
#[derive(Debug)]
struct Statement {
    file: String,
    function: String,
    table: String,
    concerns: bool,
}

/// The functions of a file, each with its text; what stands outside of any is one of its own.
fn functions(text: &str) -> Vec<(String, String)> {
    let mut found = vec![("outside of functions".to_owned(), String::new())];
    for line in text.lines() {
        let head = line
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub(super) ")
            .trim_start_matches("pub ")
            .trim_start_matches("const ");
        if let Some(rest) = head.strip_prefix("fn ") {
            let name: String = rest
                .chars()
                .take_while(|sign| sign.is_alphanumeric() || *sign == '_')
                .collect();
            found.push((name, String::new()));
        }
        if let Some((_, text)) = found.last_mut() {
            text.push_str(line);
            text.push(' ');
        }
    }
    found
}

/// All sources, the folders of large ones included.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

fn statements() -> Vec<Statement> {
    let mut found = Vec::new();
    for path in sources() {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for (function, text) in functions(&text) {
            let words: Vec<&str> = text
                .split(|sign: char| !(sign.is_alphanumeric() || sign == '_'))
                .filter(|word| !word.is_empty())
                .collect();
            let upserts = words.windows(2).any(|pair| pair == ["DO", "UPDATE"]);
            for trio in words.windows(3) {
                let table = match trio {
                    ["UPDATE", table, "SET"] | ["DELETE", "FROM", table] => table,
                    ["INSERT", "INTO", table] if upserts => table,
                    _ => continue,
                };
                found.push(Statement {
                    file: file.clone(),
                    function: function.clone(),
                    table: (*table).to_owned(),
                    concerns: text.contains("tx.concerns(Concern::"),
                });
            }
        }
    }
    found
}

#[test]
fn no_statement_that_can_turn_a_yes_into_a_no_is_forgotten() {
    let statements = statements();
    // Fewer would mean that the walk has gone blind.
    assert!(statements.len() > 90, "only {} seen", statements.len());
    let mut excused = BTreeSet::new();
    let mut silent = Vec::new();
    for statement in &statements {
        if !DECIDING.contains(&statement.table.as_str()) || statement.concerns {
            continue;
        }
        let excuse = HARMLESS
            .iter()
            .find(|(file, function, _)| statement.file == *file && statement.function == *function);
        match excuse {
            Some((file, function, _)) => drop(excused.insert((*file, *function))),
            None => silent.push(statement),
        }
    }
    assert!(silent.is_empty(), "nobody is told of these:\n{silent:#?}");
    for (file, function, reason) in HARMLESS {
        assert!(!reason.is_empty());
        assert!(
            excused.contains(&(*file, *function)),
            "{file} {function} is excused and needs no excuse"
        );
    }
}

#[test]
fn every_table_was_thought_about() {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut tables = BTreeSet::from(["schema_migrations".to_owned()]);
    for entry in std::fs::read_dir(migrations).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path().join("sqlite.sql")).unwrap();
        for part in text.split("CREATE TABLE ").skip(1) {
            let name = part
                .chars()
                .take_while(|sign| sign.is_alphanumeric() || *sign == '_');
            tables.insert(name.collect());
        }
    }
    let mut thought_about: BTreeSet<String> =
        DECIDING.iter().map(|table| (*table).to_owned()).collect();
    thought_about.extend(
        DECIDING_NOTHING
            .iter()
            .map(|(table, _)| (*table).to_owned()),
    );
    assert_eq!(
        tables, thought_about,
        "say of each table whether a check reads it"
    );
}
