//! An e-mail address set by whoever runs the server, for somebody who cannot change
//! it: no mail is set up, or somebody else reads the old mailbox.

use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::email_change::shortened;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::UserId;
use nightlatch_domain::mail::EmailChangeStep;
use nightlatch_domain::user::EmailAddress;
use nightlatch_storage::{StorageError, Tx, email_changes, mail_links, users};

use crate::Moment;
use crate::alerts::{Alert, raise};
use crate::email_change::{Told, is_free};
use crate::log_out::{EndingDone, EndingRequest, end_sessions};
use crate::people::record;

/// What came of an operator's word.
#[derive(Debug)]
pub enum SetOutcome {
    /// The account has the address, and its sessions are over.
    Set(EndingDone),
    /// It is the address that the account has.
    Same,
    /// Another account has it, or can still be given it back.
    Taken,
}

/// Sets an address at the operator's word. It is final: whatever waits, and whatever
/// could be undone, is void, since the operator has made sure who asks. Both
/// addresses are told.
pub fn set_by_operator(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: UserId,
    new: &EmailAddress,
) -> Result<SetOutcome, StorageError> {
    let mut user = users::get(tx, id)?;
    if user.email == *new {
        return Ok(SetOutcome::Same);
    }
    if !is_free(tx, &new.key(), id, moment)? {
        return Ok(SetOutcome::Taken);
    }
    email_changes::void_since(tx, id, Timestamp::from_milliseconds(0))?;
    // Those of alerts too: whoever reads the old mailbox must not throw the owner out, or
    // take second factors away.
    mail_links::delete_of_user(tx, id)?;
    users::set_email(tx, id, new, None, moment.now)?;
    let kind = EventKind::EmailChanged;
    let detail = Some(shortened(new));
    record(tx, moment, &user, kind, Actor::Operator, detail.clone())?;
    let told = Told {
        kind: AlertKind::EmailSetByOperator,
        session: None,
        client: None,
        new: new.clone(),
        links: None,
    };
    told.send(tx, moment, &user, &user.email, EmailChangeStep::Tell)?;
    user.email = new.clone();
    let alert = Alert {
        kind: AlertKind::EmailSetByOperator,
        user: &user,
        session: None,
        client: None,
        detail,
    };
    raise(tx, moment, &alert)?;
    let request = EndingRequest {
        scope: Scope::AllOf(id),
        cause: Cause::EmailChanged,
        actor: Actor::Operator,
        reason: None,
    };
    end_sessions(tx, moment, &request).map(SetOutcome::Set)
}
