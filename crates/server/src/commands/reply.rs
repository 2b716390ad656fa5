//! What comes back, as it travels and as programs read it.

use nightlatch_domain::ids::{EndingId, OrganizationId, SessionId, UserId};
use nightlatch_domain::user::{Role, UserStatus};
use nightlatch_flows::log_out::EndingDone;
use nightlatch_flows::resealing::Resealed;
use serde::{Deserialize, Serialize};

/// What was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedLine {
    /// The ending, as the history and the receipts name it.
    pub ending_id: EndingId,
    /// Sessions written down as ended so far.
    pub sessions: i64,
    /// On how many browsers.
    pub browsers: i64,
    /// Whether that is all. If not, the rest is over too and is being written
    /// down.
    pub complete: bool,
}

impl From<&EndingDone> for EndedLine {
    fn from(done: &EndingDone) -> Self {
        Self {
            ending_id: done.id,
            sessions: done.sessions,
            browsers: done.browsers,
            complete: done.complete,
        }
    }
}

/// A person in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in the domain")]
pub struct UserLine {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub status: UserStatus,
    pub organization: String,
    pub created_at: String,
}

/// A live session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in the domain")]
pub struct SessionLine {
    pub id: SessionId,
    pub kind: String,
    pub browser: String,
    pub address: Option<String>,
    pub place: Option<String>,
    pub signed_in_at: String,
    pub last_active_at: String,
    pub ends_at: String,
}

/// An organization in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationLine {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its settings in the words of `organization set`, in the table's order.
    pub settings: Vec<(String, String)>,
}

/// A setting that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ChangeLine {
    pub key: String,
    pub before: String,
    pub after: String,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Reply {
    /// A person was added.
    UserAdded {
        id: UserId,
        email: String,
        role: Role,
        organization: String,
        organization_is_new: bool,
    },
    /// The people.
    Users { users: Vec<UserLine> },
    /// An account changed, and so much ended with it.
    UserChanged {
        email: String,
        change: UserChange,
        ended: Option<EndedLine>,
    },
    /// Someone's live sessions.
    Sessions {
        email: String,
        sessions: Vec<SessionLine>,
    },
    /// Sessions ended.
    Ended(EndedLine),
    /// An organization was added.
    OrganizationAdded { id: OrganizationId, name: String },
    /// The organizations.
    Organizations {
        organizations: Vec<OrganizationLine>,
    },
    /// Settings changed; possibly none.
    SettingsChanged {
        organization: String,
        changes: Vec<ChangeLine>,
    },
    /// There is a key for the next rotation; possibly since earlier.
    KeyPrepared { is_new: bool },
    /// Another key is current; what older ones have sealed is still to be sealed
    /// anew.
    KeyRotated,
    /// A batch was sealed anew.
    Resealing(Resealed),
    /// Everything was sealed anew.
    Resealed {
        rotated: bool,
        changed: u64,
        unreadable: u64,
    },
    /// Nothing was done; the sentence says why and what to do.
    Refused { error: String },
    /// Something went wrong on the way.
    Failed { error: String },
}

/// What happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum UserChange {
    Disabled,
    Enabled,
    Deleted,
    PasswordSet,
}
