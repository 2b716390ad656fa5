//! What somebody else added to an account: found, and taken away again.
//!
//! Whoever is thrown out must not come back with a passkey, an authenticator app or
//! recovery codes that they left behind; a new password does nothing about those (F2).
//! An addition is found by its line in the history, which names the session that made
//! it and carries the very instant of the row.

use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{AuthenticatorAppId, EventId, PasskeyId, SessionId, UserId};
use nightlatch_domain::mail::SETTLED_AFTER;
use nightlatch_domain::passkey::MOST_PASSKEYS;
use nightlatch_domain::user::User;
use nightlatch_storage::{
    StorageError, Tx, authenticator_apps, events, passkeys, recovery_codes, remembered_factors,
};

use crate::Moment;
use crate::alerts::tell_of;
use crate::factors::MOST_APPS;

/// Whose additions are meant, and who says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspects {
    /// Those of this session, however long ago.
    pub(crate) session: Option<SessionId>,
    /// Those of all sessions since then: when nobody says which session it was, whatever
    /// is new is doubtful.
    pub(crate) since: Option<Timestamp>,
    /// By which proof.
    pub(crate) word: Word,
}

/// What stands behind the word that something was planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// The highest proof that the person has (MFA-04).
    Proved,
    /// A link in a mail and nothing else. It does not take the only second factors away
    /// once they have settled: the link to a new password goes to the same mailbox, which
    /// then would be enough for the account (MFA-07).
    Mailed,
}

/// What was added, and still opens the account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planted {
    passkeys: Vec<(PasskeyId, String)>,
    authenticator_apps: Vec<(AuthenticatorAppId, String)>,
    recovery_codes: bool,
}

impl Planted {
    /// How many things that is; a set of recovery codes is one.
    pub fn count(&self) -> usize {
        self.passkeys.len() + self.authenticator_apps.len() + usize::from(self.recovery_codes)
    }

    /// Each in words: "Passkey “Laptop”".
    pub fn words(&self) -> Vec<String> {
        let passkeys = self.passkeys.iter();
        let apps = self.authenticator_apps.iter();
        passkeys
            .map(|(_, name)| format!("Passkey “{name}”"))
            .chain(apps.map(|(_, name)| format!("Authenticator app “{name}”")))
            .chain(self.recovery_codes.then(|| "Recovery codes".to_owned()))
            .collect()
    }
}

/// What the suspects added to an account. Changes nothing.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: UserId,
    suspects: Suspects,
) -> Result<Planted, StorageError> {
    let is_meant = |tx: &mut Tx<'_>, kind: EventKind, at: Timestamp| {
        if suspects.since.is_some_and(|since| at >= since) {
            return Ok(true);
        }
        match suspects.session {
            Some(session) => events::happened_in_session(tx, user, session, kind, at),
            None => Ok(false),
        }
    };
    let settled = moment.now.minus(SETTLED_AFTER);
    let (mut is_protected, mut settled_too) = (false, Planted::default());
    let mut planted = Planted::default();
    for held in passkeys::list_of_user(tx, user, MOST_PASSKEYS)? {
        if !is_meant(tx, EventKind::PasskeyAdded, held.created_at)? {
            is_protected = true;
        } else if held.created_at > settled {
            planted.passkeys.push((held.id, held.name));
        } else {
            settled_too.passkeys.push((held.id, held.name));
        }
    }
    for app in authenticator_apps::list_of_user(tx, user, MOST_APPS)? {
        let Some(confirmed_at) = app.confirmed_at else {
            continue;
        };
        if !is_meant(tx, EventKind::AuthenticatorAppAdded, confirmed_at)? {
            is_protected = true;
        } else if confirmed_at > settled {
            planted.authenticator_apps.push((app.id, app.name));
        } else {
            settled_too.authenticator_apps.push((app.id, app.name));
        }
    }
    if let Some(made_at) = recovery_codes::count_of_user(tx, user)?.made_at
        && is_meant(tx, EventKind::RecoveryCodesMade, made_at)?
    {
        if made_at > settled {
            planted.recovery_codes = true;
        } else {
            settled_too.recovery_codes = true;
        }
    }
    if is_protected || suspects.word == Word::Proved {
        planted.passkeys.append(&mut settled_too.passkeys);
        let apps = &mut settled_too.authenticator_apps;
        planted.authenticator_apps.append(apps);
        planted.recovery_codes |= settled_too.recovery_codes;
    }
    Ok(planted)
}

/// Takes it away, with a line in the history for each and one mail for all.
///
/// `by` says who does it and from where. Browsers that stood in for the second step are
/// asked for it again: what they were measured against may come back by this (F3).
pub(crate) fn remove(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: &User,
    planted: &Planted,
    by: &Event,
) -> Result<(), StorageError> {
    if planted.count() == 0 {
        return Ok(());
    }
    let line = |kind, detail| Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        kind,
        detail,
        ..by.clone()
    };
    for (id, name) in &planted.passkeys {
        passkeys::remove(tx, user.id, *id)?;
        let kind = EventKind::PasskeyRemoved;
        events::add(tx, &line(kind, Some(name.clone())))?;
    }
    for (id, name) in &planted.authenticator_apps {
        authenticator_apps::delete(tx, user.id, *id)?;
        let kind = EventKind::AuthenticatorAppRemoved;
        events::add(tx, &line(kind, Some(name.clone())))?;
    }
    if planted.recovery_codes {
        recovery_codes::delete_of_user(tx, user.id)?;
        events::add(tx, &line(EventKind::RecoveryCodesRemoved, None))?;
    }
    remembered_factors::delete_of_user(tx, user.id)?;
    let told = line(EventKind::ReportedByUser, Some(planted.words().join(", ")));
    tell_of(tx, moment, user, AlertKind::FactorRemoved, &told)
}
