//! Links in mails: made, looked at without being used up (AUTH-10), used once.

use std::time::Duration;

use nightlatch_domain::ids::{MailLinkId, SessionId};
use nightlatch_domain::mail::{LinkKind, LinkRefusal, LinkStanding, MailLink};
use nightlatch_domain::user::{EmailAddress, User, UserStatus};
use nightlatch_storage::{StorageError, Tx, mail_links, users};

use crate::Moment;

/// What a link is to be about.
#[derive(Debug, Clone)]
pub(crate) struct NewLink<'a> {
    pub(crate) kind: LinkKind,
    pub(crate) user: &'a User,
    /// Where the mail goes.
    pub(crate) recipient: &'a EmailAddress,
    pub(crate) session_id: Option<SessionId>,
    pub(crate) life: Duration,
}

/// Makes a link, bound to the account as it is now.
pub(crate) fn make(
    tx: &mut Tx<'_>,
    moment: &Moment,
    new: &NewLink<'_>,
) -> Result<MailLinkId, StorageError> {
    let standing = standing(tx, new.user)?;
    let link = MailLink {
        id: MailLinkId::random(moment.random.as_ref()),
        kind: new.kind,
        user_id: new.user.id,
        recipient: new.recipient.clone(),
        session_id: new.session_id,
        password_set_at: standing.password_set_at,
        created_at: moment.now,
        expires_at: moment.now.plus(new.life),
        used_at: None,
    };
    mail_links::add(tx, &link)?;
    Ok(link.id)
}

fn standing(tx: &mut Tx<'_>, user: &User) -> Result<LinkStanding, StorageError> {
    Ok(LinkStanding {
        email: user.email.clone(),
        password_set_at: users::find_password_set_at(tx, user.id)?,
    })
}

/// The link of this id and kind with its account, and whether it may be used.
/// Looking consumes nothing. The caller has verified the link's token.
pub fn look(
    tx: &mut Tx<'_>,
    moment: &Moment,
    kind: LinkKind,
    id: MailLinkId,
) -> Result<Result<(MailLink, User), LinkRefusal>, StorageError> {
    let Some(link) = mail_links::find(tx, id)?.filter(|link| link.kind == kind) else {
        return Ok(Err(LinkRefusal::Unknown));
    };
    let user = users::get(tx, link.user_id)?;
    if user.status != UserStatus::Active {
        return Ok(Err(LinkRefusal::Overtaken));
    }
    let standing = standing(tx, &user)?;
    Ok(link.admit(&standing, moment.now).map(|()| (link, user)))
}
