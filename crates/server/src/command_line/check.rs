//! `check`: what the configuration means, and whether its files can be used.
//!
//! It changes nothing and does not contact the database: opening one migrates
//! it.

use std::path::Path;

use nightlatch_storage::DatabaseLocation;
use serde_json::json;

use crate::config::as_written::{self, AsWritten, KEYS};
use crate::config::{Config, LogFormat, MailRoute, SmtpEncryption, environment, meaning};
use crate::serve::tls::Certificate;
use crate::trouble::Trouble;
use crate::{keys, mail, terminal, wire};

pub(super) fn run(file: Option<&Path>, as_json: bool) -> Result<(), Trouble> {
    let (written, problems) = as_written::read(file, &environment());
    let config = meaning::understand(&written, problems)?;
    let problems = problems_of_files(&config);
    if !problems.is_empty() {
        return Err(Trouble::new(problems.join("\n")));
    }
    let values = KEYS.map(|key| (key.name, show(&config, key.name)));
    if as_json {
        let values: serde_json::Map<_, _> = values
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        terminal::say(&json!({ "result": "good", "configuration": values }).to_string());
        return Ok(());
    }
    for (key, value) in values {
        terminal::say(&line(&written, key, &value));
    }
    terminal::say("The configuration is good. (The database was not contacted.)");
    Ok(())
}

fn line(written: &AsWritten, key: &str, value: &str) -> String {
    let value = if value.is_empty() { "not set" } else { value };
    format!("{key:<18} {value}  ({})", written.place(key))
}

fn problems_of_files(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    let mut note = |result: Result<(), Trouble>| {
        if let Err(trouble) = result {
            problems.push(trouble.to_string());
        }
    };
    if let Some(files) = &config.tls {
        note(Certificate::load(files.clone()).map(drop));
    }
    if let Some(settings) = &config.mail {
        note(mail::check(settings));
    }
    note(wire::places(config.place_database.as_deref()).map(drop));
    if config.key_file.exists() {
        note(keys::load(&config.key_file).map(drop));
    }
    if config.data_dir.exists() && !config.data_dir.is_dir() {
        note(Err(Trouble::new(format!(
            "{} is not a directory; `data_dir` must name one, or something that does not exist yet",
            config.data_dir.display()
        ))));
    }
    problems
}

/// A value as it applies. Never a secret.
fn show(config: &Config, key: &str) -> String {
    let path = |path: &Path| {
        std::path::absolute(path).map_or_else(
            |_| path.display().to_string(),
            |absolute| absolute.display().to_string(),
        )
    };
    match key {
        "listen" => config.listen.to_string(),
        "public_url" => config.public_url.as_ref().map_or_else(
            || format!("http://localhost:{}", config.listen.port()),
            ToString::to_string,
        ),
        "database" => match &config.database {
            DatabaseLocation::Sqlite(file) => path(file),
            // Its own form, which leaves the password out.
            other => format!("{other:?}")
                .trim_start_matches("Postgres(\"")
                .trim_end_matches("\")")
                .to_owned(),
        },
        "data_dir" => path(&config.data_dir),
        "key_file" => path(&config.key_file),
        "trusted_proxies" => {
            let words: Vec<_> = config
                .trusted_proxies
                .iter()
                .map(ToString::to_string)
                .collect();
            words.join(", ")
        }
        "tls_certificate" => config
            .tls
            .as_ref()
            .map_or_else(String::new, |tls| path(&tls.certificate)),
        "tls_key" => config
            .tls
            .as_ref()
            .map_or_else(String::new, |tls| path(&tls.key)),
        "place_database" => config
            .place_database
            .as_deref()
            .map_or_else(String::new, path),
        "metrics_listen" => config
            .metrics_listen
            .map_or_else(String::new, |a| a.to_string()),
        _ if key.starts_with("mail_") => show_mail(config, key),
        "log" => match config.log {
            LogFormat::Text => "text".to_owned(),
            LogFormat::Json => "json".to_owned(),
        },
        "log_level" => config.log_level.clone(),
        _ => String::new(),
    }
}

fn show_mail(config: &Config, key: &str) -> String {
    let Some(settings) = &config.mail else {
        return String::new();
    };
    let value = match (key, &settings.route) {
        ("mail_from", _) => Some(settings.from.to_string()),
        ("mail_smtp", MailRoute::Smtp(server)) => {
            let scheme = match server.encryption {
                SmtpEncryption::FromTheStart => "smtps",
                SmtpEncryption::StartTls | SmtpEncryption::NoneOnThisMachine => "smtp",
            };
            Some(format!("{scheme}://{}:{}", server.host, server.port))
        }
        ("mail_user", MailRoute::Smtp(server)) => {
            server.account.as_ref().map(|(user, _)| user.clone())
        }
        ("mail_password_file", MailRoute::Smtp(server)) => server
            .account
            .as_ref()
            .map(|(_, file)| file.display().to_string()),
        ("mail_directory", MailRoute::Directory(path)) => Some(path.display().to_string()),
        _ => None,
    };
    value.unwrap_or_default()
}
