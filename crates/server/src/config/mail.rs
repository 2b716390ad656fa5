//! What the configuration says about mail.

use std::net::IpAddr;
use std::path::PathBuf;

use lettre::message::Mailbox;
use url::Url;

use super::as_written::Written;
use super::meaning::Reading;

/// How mails are sent.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// From whom.
    pub from: Mailbox,
    /// Which way they go.
    pub route: MailRoute,
}

/// Which way mails go.
#[derive(Debug, Clone)]
pub enum MailRoute {
    /// To an SMTP server.
    Smtp(SmtpServer),
    /// Into a directory, one file each.
    Directory(PathBuf),
    /// On a page of the server itself; the demonstration alone.
    Shown,
}

/// An SMTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// Its name; the certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: SmtpEncryption,
    /// With which user, and the file of the password.
    pub account: Option<(String, PathBuf)>,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpEncryption {
    /// From the first byte on (`smtps://`).
    FromTheStart,
    /// After STARTTLS, which the server must offer (`smtp://`).
    StartTls,
    /// Not: the server is on this machine (`smtp://localhost`).
    NoneOnThisMachine,
}

impl MailSettings {
    /// The demonstration's.
    pub fn shown() -> Option<Self> {
        let from = "Nightlatch <nightlatch@example.com>".parse().ok()?;
        Some(Self {
            from,
            route: MailRoute::Shown,
        })
    }
}

impl Reading<'_> {
    pub(super) fn mail(&mut self) -> Option<MailSettings> {
        let directory = self.path("mail_directory");
        let server = self.get("mail_smtp");
        let from = self.mail_from();
        if let (Some(written), Some(_)) = (&server, &directory) {
            self.refuse(
                written.place.clone(),
                "`mail_smtp` and `mail_directory` are both set; mails go one way, keep one of them",
            );
        }
        if server.is_none() {
            for key in ["mail_user", "mail_password_file"] {
                if let Some(written) = self.get(key) {
                    let sentence = format!("`{key}` is set and `mail_smtp` is not");
                    self.refuse(written.place, sentence);
                }
            }
        }
        let route = match (server, directory) {
            (Some(written), _) => MailRoute::Smtp(self.smtp(&written)?),
            (None, Some(path)) => MailRoute::Directory(path),
            (None, None) => return None,
        };
        let Some(from) = from else {
            if self.get("mail_from").is_none() {
                self.refuse(
                    self.place("mail_smtp"),
                    "mails have no sender; set it like mail_from = \"Example <login@example.com>\"",
                );
            }
            return None;
        };
        Some(MailSettings { from, route })
    }

    fn mail_from(&mut self) -> Option<Mailbox> {
        let written = self.get("mail_from")?;
        let parsed = written.text.trim().parse().ok();
        if parsed.is_none() {
            self.refuse(
                written.place,
                format!(
                    "`mail_from` is `{}`, which is no address; write it like \
                     mail_from = \"Example <login@example.com>\"",
                    written.text
                ),
            );
        }
        parsed
    }

    fn smtp(&mut self, written: &Written) -> Option<SmtpServer> {
        let url = Url::parse(written.text.trim()).ok();
        let host = url.as_ref().and_then(Url::host_str).map(str::to_owned);
        let (Some(url), Some(host)) = (url, host) else {
            self.refuse(
                written.place.clone(),
                "`mail_smtp` is no address; write it like mail_smtp = \"smtps://mail.example.com:465\"",
            );
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            // Not repeated: it holds a password.
            self.refuse(
                written.place.clone(),
                "`mail_smtp` holds a user; set `mail_user`, and put the password into a file that \
                 `mail_password_file` names",
            );
        }
        // An address of IPv6 stands in brackets.
        let host = host.trim_matches(['[', ']']).to_owned();
        let is_here = host == "localhost"
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        let (encryption, port) = match url.scheme() {
            "smtps" => (SmtpEncryption::FromTheStart, 465),
            "smtp" if is_here => (SmtpEncryption::NoneOnThisMachine, 25),
            "smtp" => (SmtpEncryption::StartTls, 587),
            other => {
                let sentence = format!(
                    "`mail_smtp` begins with `{other}://`; it is either smtps:// (encrypted from \
                     the start) or smtp:// (STARTTLS, required)"
                );
                self.refuse(written.place.clone(), sentence);
                return None;
            }
        };
        Some(SmtpServer {
            host,
            port: url.port().unwrap_or(port),
            encryption,
            account: self.mail_account(),
        })
    }

    fn mail_account(&mut self) -> Option<(String, PathBuf)> {
        let file = self.path("mail_password_file");
        match (self.get("mail_user"), file) {
            (Some(user), Some(file)) => Some((user.text, file)),
            (None, None) => None,
            (user, _) => {
                let present = if user.is_some() {
                    "mail_user"
                } else {
                    "mail_password_file"
                };
                self.refuse(
                    self.place(present),
                    format!("`{present}` needs its other half: set `mail_user` and `mail_password_file`, or neither"),
                );
                None
            }
        }
    }
}
