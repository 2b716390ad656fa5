//! What the configuration means.
//!
//! Owns the defaults and every refusal: an address that would be served without
//! encryption, half a certificate, a proxy list that trusts nobody one can name.
//! It touches no file; whether a certificate can be read shows when it is used.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use nightlatch_flows::check_cache;
use nightlatch_storage::DatabaseLocation;
use nightlatch_web::public_url::PublicUrl;

use super::as_written::{AsWritten, Written};
use super::{ConfigError, MailSettings, Place, Problem};

/// Where the server listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Where data lives unless told otherwise.
const DATA_DIRECTORY: &str = "nightlatch-data";

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, in PEM.
    pub certificate: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A configuration that can be served.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The address of this server as browsers see it; `None` means
    /// `localhost` and the port that was taken.
    pub public_url: Option<PublicUrl>,
    /// The database.
    pub database: DatabaseLocation,
    /// The directory of the SQLite file, the key and the command socket.
    pub data_dir: PathBuf,
    /// The file of the secret key.
    pub key_file: PathBuf,
    /// Proxies whose forwarding headers are believed (DEV-04).
    pub trusted_proxies: Vec<IpNet>,
    /// Set if this server speaks TLS itself.
    pub tls: Option<TlsFiles>,
    /// The file that turns addresses into places.
    pub place_database: Option<PathBuf>,
    /// Where `/metrics` is served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// How many sessions are kept in memory for checks; zero for none.
    pub cached_sessions: usize,
    /// How mails are sent, if that is set up.
    pub mail: Option<MailSettings>,
    /// The form of the log.
    pub log: LogFormat,
    /// What is logged.
    pub log_level: String,
}

impl Config {
    /// The configuration of a server that keeps everything in one directory and
    /// takes any free port on loopback; for tests and the demonstration.
    pub fn local(data_dir: &Path) -> Self {
        Self {
            listen: SocketAddr::new(LISTEN.ip(), 0),
            public_url: None,
            database: DatabaseLocation::Sqlite(data_dir.join("nightlatch.db")),
            data_dir: data_dir.to_owned(),
            key_file: data_dir.join("key"),
            trusted_proxies: Vec::new(),
            tls: None,
            place_database: None,
            metrics_listen: None,
            cached_sessions: check_cache::USUAL_SIZE,
            mail: None,
            log: LogFormat::Text,
            log_level: "info".to_owned(),
        }
    }

    /// Where the commands of a running server are heard.
    pub fn command_socket(&self) -> PathBuf {
        self.data_dir.join("command.sock")
    }
}

/// Makes sense of what was written, or says everything that is wrong with it,
/// after the problems that reading it met.
pub fn understand(written: &AsWritten, problems: Vec<Problem>) -> Result<Config, ConfigError> {
    let mut reading = Reading { written, problems };
    let listen = reading.address("listen").unwrap_or(LISTEN);
    let tls = reading.tls();
    let public_url = reading.public_url(listen, tls.is_some());
    let data_dir = reading
        .path("data_dir")
        .unwrap_or_else(|| PathBuf::from(DATA_DIRECTORY));
    let config = Config {
        listen,
        public_url,
        database: reading.database(&data_dir),
        key_file: reading
            .path("key_file")
            .unwrap_or_else(|| data_dir.join("key")),
        data_dir,
        trusted_proxies: reading.networks("trusted_proxies"),
        tls,
        place_database: reading.path("place_database"),
        metrics_listen: reading.address("metrics_listen"),
        cached_sessions: reading.cached_sessions(),
        mail: reading.mail(),
        log: reading.log_format(),
        log_level: reading.log_level(),
    };
    if reading.problems.is_empty() {
        Ok(config)
    } else {
        Err(ConfigError(reading.problems))
    }
}

/// Reads one key after the other and collects what is wrong.
pub(super) struct Reading<'a> {
    written: &'a AsWritten,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    pub(super) fn refuse(&mut self, place: Place, sentence: impl Into<String>) {
        self.problems.push(Problem {
            place,
            sentence: sentence.into(),
        });
    }

    pub(super) fn get(&self, key: &str) -> Option<Written> {
        self.written.get(key).cloned()
    }

    pub(super) fn place(&self, key: &str) -> Place {
        self.written.place(key)
    }

    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        let written = self.written.get(key)?;
        Some(self.written.resolve(written))
    }

    fn cached_sessions(&mut self) -> usize {
        let key = "cached_sessions";
        let Some(written) = self.get(key) else {
            return check_cache::USUAL_SIZE;
        };
        match written.text.trim().parse() {
            Ok(number) if number <= check_cache::LARGEST_SIZE => number,
            _ => {
                let sentence = format!(
                    "`{key}` must be a number up to {}; 0 keeps none",
                    check_cache::LARGEST_SIZE
                );
                self.refuse(written.place, sentence);
                check_cache::USUAL_SIZE
            }
        }
    }

    fn address(&mut self, key: &str) -> Option<SocketAddr> {
        let written = self.get(key)?;
        let text = written.text.trim();
        let spelled = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        let parsed = spelled.parse().ok();
        if parsed.is_none() {
            self.refuse(
                written.place,
                format!(
                    "`{key}` is `{text}`, which is not an address with a port; \
                     write it like {key} = \"127.0.0.1:8080\""
                ),
            );
        }
        parsed
    }

    fn tls(&mut self) -> Option<TlsFiles> {
        let (present, missing) = match (self.path("tls_certificate"), self.path("tls_key")) {
            (Some(certificate), Some(key)) => return Some(TlsFiles { certificate, key }),
            (Some(_), None) => ("tls_certificate", "tls_key"),
            (None, Some(_)) => ("tls_key", "tls_certificate"),
            (None, None) => return None,
        };
        self.refuse(
            self.written.place(present),
            format!(
                "`{present}` is set and `{missing}` is not; set both to serve HTTPS, \
                 or neither if a proxy in front does"
            ),
        );
        None
    }

    fn public_url(&mut self, listen: SocketAddr, tls: bool) -> Option<PublicUrl> {
        let Some(written) = self.get("public_url") else {
            if !listen.ip().is_loopback() {
                self.refuse(
                    self.written.place("listen"),
                    format!(
                        "`listen` is {listen}, which others can reach, and `public_url` is not set; \
                         set it to the address that people type, like \
                         public_url = \"https://login.example.com\""
                    ),
                );
            } else if tls && listen.port() != 0 {
                return PublicUrl::parse(&format!("https://localhost:{}", listen.port())).ok();
            }
            return None;
        };
        match PublicUrl::parse(written.text.trim()) {
            Ok(url) if tls && !url.is_https() => {
                self.refuse(
                    written.place,
                    "`public_url` begins with http:// although `tls_certificate` is set; \
                     write it with https://",
                );
                None
            }
            Ok(url) => Some(url),
            Err(problem) => {
                self.refuse(written.place, format!("`public_url`: {problem}"));
                None
            }
        }
    }

    fn database(&mut self, data_dir: &Path) -> DatabaseLocation {
        let Some(written) = self.get("database") else {
            return DatabaseLocation::Sqlite(data_dir.join("nightlatch.db"));
        };
        let text = written.text.trim();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return DatabaseLocation::Postgres(text.to_owned());
        }
        if let Some((scheme, _)) = text.split_once("://") {
            // The rest of it may hold a password and is not repeated.
            self.refuse(
                written.place.clone(),
                format!(
                    "`database` begins with `{scheme}://`; Nightlatch speaks to PostgreSQL \
                     (postgres://user:password@host/name) or keeps an SQLite file (a path)"
                ),
            );
        }
        DatabaseLocation::Sqlite(self.written.resolve(&written))
    }

    fn networks(&mut self, key: &str) -> Vec<IpNet> {
        let Some(written) = self.get(key) else {
            return Vec::new();
        };
        let mut networks = Vec::new();
        let members = written.text.split(',').map(str::trim);
        for member in members.filter(|member| !member.is_empty()) {
            match parse_network(member) {
                Some(network) => networks.push(network),
                None => self.refuse(
                    written.place.clone(),
                    format!(
                        "`{key}` lists `{member}`, which is neither an address nor a network; \
                         write it like {key} = [\"10.0.0.1\", \"172.16.0.0/12\"]"
                    ),
                ),
            }
        }
        networks
    }

    fn log_format(&mut self) -> LogFormat {
        match self.get("log") {
            None => LogFormat::Text,
            Some(written) => match written.text.trim() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                other => {
                    let sentence = format!(
                        "`log` is `{other}`; it is either \"text\" or \"json\" \
                         (what is logged is said by `log_level`)"
                    );
                    self.refuse(written.place, sentence);
                    LogFormat::Text
                }
            },
        }
    }

    fn log_level(&mut self) -> String {
        let Some(written) = self.get("log_level") else {
            return "info".to_owned();
        };
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&written.text) {
            let sentence = format!(
                "`log_level` is not understood ({error}); write it like log_level = \"info\" or \
                 \"info,nightlatch_flows=debug\""
            );
            self.refuse(written.place, sentence);
        }
        written.text
    }
}

/// A network, or an address as the network of itself.
pub(crate) fn parse_network(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
