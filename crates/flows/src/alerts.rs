//! Telling people what happened in their account (ALR-01 … ALR-04, H1, H2).
//!
//! [`raise`] is called in the transaction of the event. What is told when is
//! decided in `domain::alert`; here it becomes a message in the queue with a link
//! "This wasn't me", or one more line in a message that is still waiting.

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::event::Event;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::mail::{
    AccountWords, AlertMail, ClientWords, LinkKind, Message, Occurrence,
};
use nightlatch_domain::user::{User, UserStatus};
use nightlatch_storage::mails::Mail;
use nightlatch_storage::{StorageError, Tx, mail_links, mails, organizations};

use crate::Moment;
use crate::mail::enqueue_at;
use crate::mail_links::{NewLink, make};

/// Something to tell the owner of an account.
#[derive(Debug, Clone)]
pub struct Alert<'a> {
    /// What happened.
    pub kind: AlertKind,
    /// Whose account; the mail goes to its address.
    pub user: &'a User,
    /// The session that began or that acted; "This wasn't me" ends it.
    pub session: Option<SessionId>,
    /// Where it came from.
    pub client: Option<&'a ClientDetails>,
    /// The name of a factor, a reason, a number: whatever the words need. Never a
    /// secret.
    pub detail: Option<String>,
}

/// Tells the owner of what was just written into the history.
pub(crate) fn tell_of(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: &User,
    kind: AlertKind,
    line: &Event,
) -> Result<(), StorageError> {
    let alert = Alert {
        kind,
        user,
        session: line.session_id,
        client: Some(&line.client).filter(|client| !client.user_agent.is_empty()),
        detail: line.detail.clone(),
    };
    raise(tx, moment, &alert)
}

/// Tells the owner of an account, at once or with what is gathered. Accounts that
/// nobody can use are told nothing.
pub fn raise(tx: &mut Tx<'_>, moment: &Moment, alert: &Alert<'_>) -> Result<(), StorageError> {
    let user = alert.user;
    if user.status == UserStatus::Deleted {
        return Ok(());
    }
    let class = alert.kind.class();
    let occurrence = Occurrence {
        kind: alert.kind,
        at: moment.now,
        session: alert.session,
        client: alert.client.map(ClientWords::of),
        detail: alert.detail.clone(),
    };
    let last = match class.spacing() {
        Some(_) => mails::find_last_of_user(tx, user.id, class.mail_kind())?,
        None => None,
    };
    let mut due = moment.now;
    if let Some(last) = last {
        // Untouched by any sender, so it can still be written to.
        if last.attempts == 0 && last.finished_at.is_none() {
            return gather(tx, last, occurrence);
        }
        due = class.due(
            Some(last.finished_at.unwrap_or(last.created_at)),
            moment.now,
        );
    }
    let link = if class.is_about_the_account() {
        let new = NewLink {
            kind: LinkKind::Alert,
            user,
            recipient: &user.email,
            session_id: alert.session,
            life: class.link_life(),
        };
        Some(make(tx, moment, &new)?)
    } else {
        None
    };
    let message = Message::Alert(AlertMail {
        class,
        account: account_words(tx, user)?,
        occurrences: vec![occurrence],
        more: 0,
        link,
    });
    enqueue_at(tx, moment, &user.email, Some(user.id), (message, due))
}

/// Adds a line to a message that waits. Its link then is about all of them.
fn gather(tx: &mut Tx<'_>, waiting: Mail, occurrence: Occurrence) -> Result<(), StorageError> {
    let Message::Alert(mut alert) = waiting.message else {
        return Ok(());
    };
    alert.gather(occurrence);
    if let Some(link) = alert.link {
        mail_links::set_session(tx, link, alert.only_session())?;
    }
    mails::rewrite(tx, waiting.id, &Message::Alert(alert), waiting.user_id)
}

/// Whose account, in words that stay as they are.
pub(crate) fn account_words(tx: &mut Tx<'_>, user: &User) -> Result<AccountWords, StorageError> {
    let organization = organizations::get(tx, user.organization_id)?;
    Ok(AccountWords {
        name: user.name.clone(),
        email: user.email.to_string(),
        organization: organization.name,
    })
}
