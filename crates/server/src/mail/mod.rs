//! Who carries mails: an SMTP server, a directory, or the log while developing.
//!
//! Letters come from `web`; here they become messages by RFC 5322. Addresses and
//! headers are written by the mail library's own types, so that no name can begin
//! a header of its own.

mod directory;
mod smtp;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use lettre::Message;
use lettre::message::{Mailbox, MultiPart};
use nightlatch_flows::mail::NotAccepted;
use nightlatch_web::mailing::{Letter, Mailing, Outbox, Transport};
use nightlatch_web::public_url::PublicUrl;

use crate::config::{MailRoute, MailSettings};
use crate::trouble::Trouble;

/// How mails are sent with this configuration. Without one they are written into
/// the log where the server is for this machine only (plain HTTP), and nowhere else.
pub fn mailing(settings: Option<&MailSettings>, ours: &PublicUrl) -> Result<Mailing, Trouble> {
    let Some(settings) = settings else {
        return Ok(if ours.is_https() {
            Mailing::default()
        } else {
            Mailing::by(Arc::new(Console))
        });
    };
    Ok(match &settings.route {
        MailRoute::Smtp(server) => Mailing::by(Arc::new(smtp::Smtp::new(&settings.from, server)?)),
        MailRoute::Directory(path) => Mailing::by(Arc::new(directory::Directory::new(
            settings.from.clone(),
            path.clone(),
        ))),
        MailRoute::Shown => Mailing::shown_in(Arc::new(Outbox::default())),
    })
}

/// Whether the files that the settings name can be read. Nothing is contacted.
pub fn check(settings: &MailSettings) -> Result<(), Trouble> {
    match &settings.route {
        MailRoute::Smtp(server) => smtp::Smtp::new(&settings.from, server).map(drop),
        MailRoute::Directory(_) | MailRoute::Shown => Ok(()),
    }
}

/// Writes letters into the log. They hold links that open something, so this is
/// for a server that only this machine reaches.
#[derive(Debug, Clone, Copy)]
struct Console;

impl Transport for Console {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), NotAccepted>> {
        Box::pin(async move {
            tracing::info!(
                recipient = %letter.recipient,
                subject = letter.subject,
                "mail is not set up; this is what would be sent:\n{}",
                letter.text
            );
            Ok(())
        })
    }
}

/// Writes a letter as a message.
fn compose(letter: &Letter, from: &Mailbox) -> Result<Message, NotAccepted> {
    let unfit = |error: String| NotAccepted {
        permanent: true,
        error,
    };
    let address = letter
        .recipient
        .as_str()
        .parse()
        .map_err(|error| unfit(format!("the address cannot be written to: {error}")))?;
    // The same at every attempt, so that a second copy can be noticed.
    let id = format!("<{}@{}>", letter.id, from.email.domain());
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, address))
        .subject(&letter.subject)
        .message_id(Some(id))
        // No vacation notes, please (RFC 3834).
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(
            letter.text.clone(),
            letter.html.clone(),
        ))
        .map_err(|error| unfit(format!("the message cannot be written: {error}")))
}

/// RFC 3834: a program wrote this, and nobody should answer by program.
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests;
