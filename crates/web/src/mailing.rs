//! From the queue to whoever carries mails.
//!
//! Owns the round that a worker repeats ([`deliver_due`]) and what it needs of a
//! transport. Which transport there is, is decided in `server`. Sending is slow and
//! may fail, so it happens outside of transactions, several at once, each with an
//! end; a message is marked as sent only after it was accepted.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use nightlatch_domain::ids::MailId;
use nightlatch_domain::mail::Message;
use nightlatch_domain::user::EmailAddress;
use nightlatch_flows::mail::{self, NotAccepted};
use nightlatch_flows::recovery;
use nightlatch_storage::StorageError;
use nightlatch_storage::mails::Mail;
use tokio::sync::Notify;

use crate::mails::render;
use crate::state::App;

/// Messages that are tried at once.
const BATCH: i64 = 10;

/// How long one attempt may take; well below the lease.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(30);

/// How long to wait for the next round at most: other processes add to the queue
/// and wake nobody here.
const PERIOD: Duration = Duration::from_secs(5);

/// A message as it is handed over.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// The same at every attempt, so that a receiver can notice a second copy.
    pub id: MailId,
    /// To whom.
    pub recipient: EmailAddress,
    /// One line.
    pub subject: String,
    /// The message as plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Letters hold links that open something: their contents are not printed.
impl fmt::Debug for Letter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Letter")
            .field("id", &self.id)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// Whoever carries mails.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Hands a letter over. `Ok` means that the other side has taken the
    /// responsibility for it.
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), NotAccepted>>;
}

/// Letters that a mail program on this machine would show; newest last.
#[derive(Debug, Default)]
pub struct Outbox(Mutex<Vec<Letter>>);

/// Letters that an outbox keeps.
const MOST_KEPT: usize = 200;

impl Outbox {
    /// All letters, oldest first.
    pub fn letters(&self) -> Vec<Letter> {
        let letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        letters.clone()
    }
}

impl Transport for Outbox {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), NotAccepted>> {
        Box::pin(async move {
            let mut letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if letters.len() >= MOST_KEPT {
                letters.remove(0);
            }
            letters.push(letter.clone());
            Ok(())
        })
    }
}

/// How this server sends mails.
#[derive(Debug, Default)]
pub struct Mailing {
    /// Who carries them; `None` if mail is not set up.
    pub transport: Option<Arc<dyn Transport>>,
    /// Letters that the demonstration shows on a page.
    pub shown: Option<Arc<Outbox>>,
    waker: Notify,
}

impl Mailing {
    /// Mails are carried by this.
    pub fn by(transport: Arc<dyn Transport>) -> Self {
        Self {
            transport: Some(transport),
            ..Self::default()
        }
    }

    /// Mails are kept in an outbox that a page shows; for the demonstration.
    pub fn shown_in(outbox: Arc<Outbox>) -> Self {
        Self {
            transport: Some(Arc::<Outbox>::clone(&outbox)),
            shown: Some(outbox),
            ..Self::default()
        }
    }

    /// Says that something may be in the queue. Call it after the commit; calling it
    /// for nothing costs one look.
    pub fn wake(&self) {
        self.waker.notify_one();
    }

    /// Waits until somebody says so.
    pub async fn woken(&self) {
        self.waker.notified().await;
    }
}

/// Sends what is due; returns how long the next round can wait. Whatever becomes of
/// a letter is written down for it alone, so one that fails holds up no other.
pub async fn deliver_due(app: &App) -> Result<Duration, StorageError> {
    let Some(transport) = &app.mailing.transport else {
        return Ok(PERIOD);
    };
    let next: Option<_> = app
        .store
        .read(|tx| -> Result<_, StorageError> { mail::next_due(tx) })
        .await?;
    let now = app.clock.now();
    match next {
        None => return Ok(PERIOD),
        Some(due) if due > now => return Ok(due.since(now).min(PERIOD)),
        Some(_) => {}
    }
    let moment = app.moment();
    let claimed: Vec<Mail> = app
        .store
        .write(move |tx| -> Result<_, StorageError> { mail::claim_due(tx, &moment, BATCH) })
        .await?;
    let sending = claimed
        .into_iter()
        .map(|mail| deliver(app, transport.as_ref(), mail));
    for result in join_all(sending).await {
        result?;
    }
    Ok(Duration::ZERO)
}

async fn deliver(app: &App, transport: &dyn Transport, mail: Mail) -> Result<(), StorageError> {
    let Some(mail) = resolve(app, mail).await? else {
        return Ok(());
    };
    let result = match render(&mail, &app.public_url, &app.link_key, app.clock.now()) {
        Ok(letter) => tokio::time::timeout(LONGEST_ATTEMPT, transport.send(&letter))
            .await
            .unwrap_or_else(|_| {
                Err(NotAccepted {
                    permanent: false,
                    error: "no answer in time".to_owned(),
                })
            }),
        Err(error) => Err(NotAccepted {
            permanent: true,
            error: format!("the message cannot be written: {error}"),
        }),
    };
    let moment = app.moment();
    let kind = mail.message.kind();
    match result {
        Ok(()) => {
            app.store
                .write(move |tx| -> Result<_, StorageError> { mail::sent(tx, &moment, &mail) })
                .await
        }
        Err(why) => {
            let (id, error) = (mail.id, why.error.clone());
            let next: Option<_> = app
                .store
                .write(move |tx| -> Result<_, StorageError> {
                    mail::failed(tx, &moment, &mail, &why)
                })
                .await?;
            if let Some(next) = next {
                tracing::warn!(mail = %id, kind, %error, %next, "a mail was not accepted and is tried again");
            } else {
                tracing::error!(mail = %id, kind, %error, "a mail was given up");
            }
            Ok(())
        }
    }
}

/// A request for a new password becomes a mail, or nothing.
async fn resolve(app: &App, mail: Mail) -> Result<Option<Mail>, StorageError> {
    if mail.message != Message::RecoveryAsked {
        return Ok(Some(mail));
    }
    let moment = app.moment();
    app.store
        .write(move |tx| recovery::resolve(tx, &moment, &mail))
        .await
}
