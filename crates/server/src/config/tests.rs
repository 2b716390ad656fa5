use std::path::Path;

use nightlatch_storage::DatabaseLocation;

use super::*;
use crate::scratch::ScratchDirectory;

fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let directory = ScratchDirectory::create().expect("a directory");
    let file = directory.path().join("nightlatch.toml");
    std::fs::write(&file, text).expect("a file");
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    load(Some(&file), &environment).map_err(|error| error.to_string())
}

fn error_of(text: &str, environment: &[(&str, &str)]) -> String {
    load_text(text, environment).expect_err("must be refused")
}

#[test]
fn nothing_written_means_loopback_and_sqlite() {
    let config = load(None, &[]).expect("defaults");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert!(config.public_url.is_none());
    assert_eq!(
        config.database,
        DatabaseLocation::Sqlite("nightlatch-data/nightlatch.db".into())
    );
    assert_eq!(config.key_file, Path::new("nightlatch-data/key"));
    assert!(config.trusted_proxies.is_empty());
}

#[test]
fn the_number_of_cached_sessions_is_a_number() {
    let config = load_text("cached_sessions = 5000", &[]).expect("understood");
    assert_eq!(config.cached_sessions, 5000);
    let off = load_text("cached_sessions = \"0\"", &[]).expect("understood");
    assert_eq!(off.cached_sessions, 0);
    for wrong in ["many", "-1", "1000000000000"] {
        let error = error_of(&format!("cached_sessions = \"{wrong}\""), &[]);
        assert!(
            error.contains("line 1") && error.contains("up to"),
            "{error}"
        );
    }
}

#[test]
fn an_unknown_key_names_the_nearest_and_its_line() {
    let error = error_of("listen = \"127.0.0.1:1\"\n\npublic_ulr = \"x\"\n", &[]);
    assert!(error.contains("line 3"), "{error}");
    assert!(error.contains("did you mean `public_url`?"), "{error}");
}

#[test]
fn a_misspelled_variable_is_an_error_and_a_foreign_one_is_not() {
    let error = error_of("", &[("NIGHTLATCH_PUBLICURL", "https://x.example")]);
    assert!(error.contains("NIGHTLATCH_PUBLIC_URL"), "{error}");
    assert!(load_text("", &[("NIGHTLATCH_PORT_8080_TCP", "tcp://10.0.0.1:8080")]).is_ok());
}

#[test]
fn the_environment_goes_over_the_file() {
    let config = load_text(
        "log = \"text\"\ndatabase = \"a.db\"",
        &[
            ("NIGHTLATCH_LOG", "json"),
            ("NIGHTLATCH_DATABASE", "postgres://host/name"),
        ],
    )
    .expect("understood");
    assert_eq!(config.log, LogFormat::Json);
    assert_eq!(
        config.database,
        DatabaseLocation::Postgres("postgres://host/name".to_owned())
    );
}

#[test]
fn paths_in_the_file_are_relative_to_it() {
    let config = load_text("data_dir = \"data\"", &[]).expect("understood");
    assert!(config.data_dir.is_absolute() && config.data_dir.ends_with("data"));
    assert!(config.key_file.starts_with(&config.data_dir));
}

#[test]
fn ops_04_plain_http_is_for_loopback_only() {
    let error = error_of("public_url = \"http://login.example.com\"", &[]);
    assert!(
        error.contains("line 1") && error.contains("plain HTTP"),
        "{error}"
    );
    let error = error_of("listen = \"0.0.0.0:8080\"", &[]);
    assert!(error.contains("public_url"), "{error}");
    assert!(load_text("public_url = \"http://localhost:8080\"", &[]).is_ok());
}

#[test]
fn half_a_certificate_is_refused() {
    let error = error_of("tls_certificate = \"chain.pem\"", &[]);
    assert!(error.contains("`tls_key` is not"), "{error}");
    let error = error_of("tls_key = \"key.pem\"", &[]);
    assert!(error.contains("`tls_certificate` is not"), "{error}");
}

#[test]
fn https_is_the_default_address_where_tls_is_spoken() {
    let both = "tls_certificate = \"c\"\ntls_key = \"k\"\n";
    let url = load_text(both, &[]).expect("understood").public_url;
    assert_eq!(
        url.map(|url| url.to_string()).as_deref(),
        Some("https://localhost:8080")
    );
    let error = error_of(&format!("{both}public_url = \"http://localhost\""), &[]);
    assert!(error.contains("https://"), "{error}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let error = error_of(
        "listem = \"x\"\nlisten = \"8080\"\ntrusted_proxies = [\"10.0.0.0/33\"]\nlog = \"loud\"\ndatabase = \"mysql://a:secret@b\"",
        &[],
    );
    assert_eq!(error.lines().count(), 5, "{error}");
    for part in ["`listen`?", "`8080`", "10.0.0.0/33", "loud", "mysql://"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(!error.contains("secret"));
}

#[test]
fn broken_toml_names_its_line() {
    let error = error_of("listen = \"127.0.0.1:8080\"\nlog = \n", &[]);
    assert!(error.contains("line 2"), "{error}");
    let error = error_of("listen = true", &[]);
    assert!(error.contains("in quotes"), "{error}");
}

#[test]
fn dev_04_proxies_are_addresses_or_networks() {
    let config = load_text("trusted_proxies = [\"10.0.0.1\", \"fd00::/8\"]", &[]).expect("a list");
    let shown: Vec<_> = config
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown, ["10.0.0.1/32", "fd00::/8"]);
}

#[test]
fn mail_goes_one_way_encrypted_and_with_a_sender() {
    let from = "mail_from = \"Example <login@example.com>\"\n";
    let with = |rest: &str| format!("{from}{rest}");
    let smtp = |text: &str| {
        let config = load_text(&with(text), &[]).expect("understood");
        match config.mail.map(|mail| mail.route) {
            Some(MailRoute::Smtp(server)) => server,
            other => panic!("{other:?}"),
        }
    };
    let server = smtp("mail_smtp = \"smtps://mail.example.com\"");
    assert_eq!(
        (server.port, server.encryption),
        (465, SmtpEncryption::FromTheStart)
    );
    let server = smtp("mail_smtp = \"smtp://mail.example.com\"");
    assert_eq!(
        (server.port, server.encryption),
        (587, SmtpEncryption::StartTls)
    );
    let server = smtp("mail_smtp = \"smtp://127.0.0.1:2525\"");
    assert_eq!(
        (server.port, server.encryption),
        (2525, SmtpEncryption::NoneOnThisMachine)
    );
    assert!(load(None, &[]).expect("defaults").mail.is_none());
    for (text, part) in [
        ("mail_smtp = \"smtp://mail.example.com\"", "no sender"),
        (
            "mail_from = \"nobody\"\nmail_directory = \"out\"",
            "no address",
        ),
        (&with("mail_smtp = \"http://mail.example.com\""), "smtps://"),
        (
            &with("mail_smtp = \"smtps://a\"\nmail_directory = \"out\""),
            "both",
        ),
        (
            &with("mail_smtp = \"smtps://a\"\nmail_user = \"u\""),
            "other half",
        ),
        (&with("mail_user = \"u\""), "`mail_smtp` is not"),
    ] {
        let error = error_of(text, &[]);
        assert!(error.contains(part), "{text}: {error}");
    }
    let error = error_of(&with("mail_smtp = \"smtps://u:hidden@a\""), &[]);
    assert!(
        error.contains("`mail_user`") && !error.contains("hidden"),
        "{error}"
    );
}
