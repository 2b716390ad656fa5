//! How a connection URL becomes a connection: what it may say, and when it is encrypted.
//!
//! Owns the reading of `sslmode` and the TLS client. It does not own connections; the PostgreSQL engine does.
//!
//! TLS here always verifies the certificate and the name, against the system's certificates (`SSL_CERT_FILE`
//! and `SSL_CERT_DIR` replace them, for a private authority). There is no mode that encrypts without knowing
//! to whom: whoever can read the line can usually answer on it too, and would be handed every session.
//!
//! | `sslmode` | what happens |
//! |---|---|
//! | `require`, `verify-full` | TLS, or no connection |
//! | `prefer` or none | TLS if the server offers it; in the clear to this machine (socket, loopback) |
//! | `disable` | in the clear |

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ::postgres::config::{Host, SslMode};
use ::postgres::{Client, Config, NoTls};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::StorageError;

/// Everything needed to connect again and again.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Connector {
    pub(crate) fn new(url: &str) -> Result<Self, StorageError> {
        let mut config = parse(url)?;
        if config.get_ssl_mode() == SslMode::Prefer && config.get_hosts().iter().all(is_here) {
            config.ssl_mode(SslMode::Disable);
        }
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => Some(MakeRustlsConnect::new(client_config()?)),
        };
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        // A dead line must not hold a worker: unacknowledged data and silence both end it.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(10));
        }
        config.keepalives_idle(Duration::from_secs(15));
        config.keepalives_interval(Duration::from_secs(5));
        config.keepalives_retries(3);
        if config.get_application_name().is_none() {
            config.application_name("nightlatch");
        }
        Ok(Self { config, tls })
    }

    pub(crate) fn connect(&self) -> Result<Client, ::postgres::Error> {
        match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        }
    }
}

/// The address as it may be shown, without its password.
pub(crate) fn describe(url: &str) -> String {
    let Ok(config) = parse(url) else {
        return "(unreadable)".to_owned();
    };
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        })
        .collect();
    let ports: Vec<String> = config.get_ports().iter().map(ToString::to_string).collect();
    format!(
        "postgres://{}@{}:{}/{}",
        config.get_user().unwrap_or_default(),
        hosts.join(","),
        ports.join(","),
        config.get_dbname().unwrap_or_default(),
    )
}

fn parse(url: &str) -> Result<Config, StorageError> {
    // Here `require` means what others call `verify-full`, and only the former is known to the parser.
    let url = url.replace("sslmode=verify-full", "sslmode=require");
    Config::from_str(&url).map_err(|error| {
        // An odd character in a password makes the parser take a part of it for an option, and name it.
        let reason = std::error::Error::source(&error)
            .map(ToString::to_string)
            .filter(|reason| reason.starts_with("invalid value for option"))
            .unwrap_or_else(|| {
                "it must read postgres://user:password@host:port/database, with special characters \
                 of the password percent-encoded"
                    .to_owned()
            });
        StorageError::Other(format!(
            "the PostgreSQL address cannot be understood: {reason}"
        ))
    })
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|address: IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn client_config() -> Result<ClientConfig, StorageError> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added == 0 {
        let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
        return Err(StorageError::Other(format!(
            "no certificate authorities to verify PostgreSQL with (set SSL_CERT_FILE): {}",
            errors.join("; ")
        )));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
        .map_err(|error| StorageError::Other(format!("TLS to PostgreSQL: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        Connector::new(url).unwrap().config.get_ssl_mode()
    }

    #[test]
    fn encryption_is_a_must_when_asked_for_and_wanted_wherever_the_line_leaves_the_machine() {
        assert_eq!(
            mode("postgres://a@db.example/x?sslmode=require"),
            SslMode::Require
        );
        assert_eq!(
            mode("postgres://a@localhost/x?sslmode=verify-full"),
            SslMode::Require
        );
        assert_eq!(mode("postgres://a@db.example/x"), SslMode::Prefer);
        assert_eq!(mode("postgres://a@127.0.0.1/x"), SslMode::Disable);
        assert_eq!(mode("postgres://a@[::1]/x"), SslMode::Disable);
        assert_eq!(mode("host=/run/postgresql user=a"), SslMode::Disable);
        assert_eq!(mode("postgres://a@127.0.0.1,db.example/x"), SslMode::Prefer);
    }

    #[test]
    fn no_message_shows_a_password() {
        for url in [
            "postgres://user:hunter2@db.example/x",
            "postgres://user:hun?hunter2=@db.example/x",
            "postgres://user:hun?hunter2@db.example/x",
            "postgres://user:hunter2@db.example:x/x",
            "postgres://user:hunter2@db.example/x?sslmode=verify-ca",
            "host=a password=hunter2 hunter2=b",
        ] {
            assert!(!describe(url).contains("hunter2"), "{url}");
            if let Err(error) = parse(url) {
                assert!(!error.to_string().contains("hunter2"), "{error}");
            }
        }
    }

    #[test]
    fn an_unknown_mode_is_named() {
        let error = parse("postgres://a@db.example/x?sslmode=verify-ca").unwrap_err();
        assert!(error.to_string().contains("sslmode"), "{error}");
    }
}
