//! What apps get and hold: codes are exchanged, tokens refreshed, looked at and
//! given back.
//!
//! Whether a grant is good is asked of `domain::grant::admit` each time, with the
//! session's liveness of this very moment (OIDC-06, A6): no token is believed for
//! what it says of itself. Who the app is, and that it proved it, was established
//! before; nothing here knows the protocol.
//!
//! None of this is activity of the person: an app that refreshes all night keeps
//! nobody signed in (SES-10).

mod exchange;
mod holding;
mod log_out;
mod refresh;

use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::{self, Grant, GrantStanding, Scopes};
use nightlatch_domain::relying_party::RelyingParty;
use nightlatch_domain::user::{User, Vouched};
use nightlatch_storage::grants::{self as stored, OwnedGrant};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, users};

use crate::Moment;
use crate::sessions::find_live;
use crate::token_key::{AccessToken, Presented, RefreshToken, TokenKey};

pub use exchange::{CodeUse, ExchangeOutcome, Exchanged, exchange};
pub(crate) use exchange::{enter_app, mismatch};
pub use holding::{
    ActivityOutcome, Held, HeldAccess, find_access, find_held, give_back, report_activity,
};
pub use log_out::{LoggedOut, log_out};
pub use refresh::{RefreshOutcome, Refreshed, refresh};

/// A person, as apps are told about them.
#[derive(Debug, Clone)]
pub struct Described {
    /// The account.
    pub user: User,
    /// What is known about what it says of itself.
    pub vouched: Vouched,
}

impl Described {
    fn of(tx: &mut Tx<'_>, user: User) -> Result<Self, StorageError> {
        let vouched = users::vouched(tx, user.id)?;
        Ok(Self { user, vouched })
    }
}

/// What an app is given.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The grant behind it.
    pub grant: Grant,
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// What the access token allows.
    pub scopes: Scopes,
}

/// Makes the tokens of a grant as it is now. Nothing is stored for them.
fn issue(grant: Grant, scopes: Scopes, key: &TokenKey, now: Timestamp) -> Issued {
    let access = AccessToken {
        grant: grant.id,
        // Those before were given back, perhaps in this very millisecond.
        issued_at: now.max(grant.access_from),
        scopes,
    };
    let refresh = RefreshToken {
        grant: grant.id,
        generation: grant.generation,
    };
    Issued {
        access_token: key.access(&access, &grant.seed),
        refresh_token: key.refresh(&refresh, &grant.seed),
        scopes,
        grant,
    }
}

/// A grant that was named by a token of ours, with its session if that is live.
#[derive(Debug)]
struct Anchor {
    owned: OwnedGrant,
    session: Option<OwnedSession>,
}

impl Anchor {
    /// Whether the grant is good now. The only place that asks.
    fn is_good(&self, now: Timestamp) -> bool {
        let standing = GrantStanding {
            epochs: self.owned.epochs,
            user_status: self.owned.user_status,
            client_status: self.owned.client_status,
            session_is_live: self.session.is_some(),
        };
        grant::admit(&self.owned.grant, &standing, now).is_ok()
    }
}

/// Finds what a token belongs to, if it is ours; good or not.
fn find_anchor(
    tx: &mut Tx<'_>,
    moment: &Moment,
    key: &TokenKey,
    token: &Presented,
) -> Result<Option<Anchor>, StorageError> {
    let Some(owned) = stored::find(tx, token.grant())? else {
        return Ok(None);
    };
    // Ids stand in logs and lists; without this, one would be a token.
    if !key.is_ours(token, &owned.grant.seed) {
        return Ok(None);
    }
    let session = find_live(tx, owned.grant.session_id, &moment.activity, moment.now)?;
    Ok(Some(Anchor { owned, session }))
}

/// Whether a grant is this app's.
fn is_of(anchor: &Anchor, client: &RelyingParty) -> bool {
    anchor.owned.grant.client_id == client.id
}
