//! Mails: a mailbox that stories read, and a mail server that can be dead.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use nightlatch_flows::mail::NotAccepted;
use nightlatch_web::mailing::{Letter, Outbox, Transport, deliver_due};

use crate::operator::Account;
use crate::site::Site;

/// Whoever carries the mails of a site.
#[derive(Debug, Default)]
pub(crate) struct Post {
    delivered: Outbox,
    refusal: Mutex<Option<NotAccepted>>,
    asked: AtomicUsize,
}

impl Transport for Post {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), NotAccepted>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let refusal = self
            .refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match refusal {
            Some(refusal) => Box::pin(async { Err(refusal) }),
            None => self.delivered.send(letter),
        }
    }
}

impl Site {
    /// Sends what is due now, as the worker does.
    ///
    /// # Panics
    ///
    /// If the queue cannot be read or written.
    pub fn deliver_mails(&self) {
        let app = self.app();
        self.block_on(async move {
            while deliver_due(&app).await.expect("a queue") == Duration::ZERO {}
        });
    }

    /// Sends what is due, and returns all letters to an account so far, oldest first.
    pub fn letters_to(&self, account: &Account) -> Vec<Letter> {
        self.deliver_mails();
        let mut letters = self.post.delivered.letters();
        letters.retain(|letter| letter.recipient.as_str() == account.email);
        letters
    }

    /// From now on the mail server answers so, or works again.
    pub fn mail_server_says(&self, refusal: Option<NotAccepted>) {
        *self
            .post
            .refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = refusal;
    }

    /// How often the mail server was asked to take a letter.
    pub fn mail_attempts(&self) -> usize {
        self.post.asked.load(Ordering::Relaxed)
    }
}

/// The path of the link in a letter.
///
/// # Panics
///
/// If it has none.
pub fn link_in(letter: &Letter) -> String {
    let link = letter
        .text
        .lines()
        .find(|line| line.starts_with("http://localhost:8080/"))
        .expect("a link in the letter");
    link.trim_start_matches("http://localhost:8080").to_owned()
}
