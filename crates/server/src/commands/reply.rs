//! What comes back, as it travels and as programs read it.

use nightlatch_domain::Timestamp;
use nightlatch_domain::audit::{ChainDigest, Flaw, Head};
use nightlatch_domain::ending::Cause;
use nightlatch_domain::ids::{
    BrowserId, ClientId, EndingId, EventId, GroupId, NoticeId, OrganizationId, SessionId, UserId,
};
use nightlatch_domain::notice::{Channel, NoticeState};
use nightlatch_domain::relying_party::{ClientAuthentication, Registration, RelyingParty};
use nightlatch_domain::user::{Role, UserStatus};
use nightlatch_flows::app_health::Overview;
use nightlatch_flows::log_out::EndingDone;
use nightlatch_flows::resealing::Resealed;
use nightlatch_protocols::app_test::Report;
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

/// An app in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppLine {
    /// `client_id`.
    pub client_id: ClientId,
    /// What people call it.
    pub name: String,
    /// Whose people it signs in.
    pub organization: String,
    /// `active` or `withdrawn`.
    pub status: String,
    /// How it hears of logouts, in words; with the longest time for which it may go
    /// on where it does not (C10).
    pub told: String,
    /// What is registered.
    pub registration: Registration,
    /// How it stands with telling it; in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryLine>,
}

impl AppLine {
    /// The line of an app.
    pub fn of(app: &RelyingParty, organization: &str) -> Self {
        let registration = &app.registration;
        Self {
            client_id: app.id,
            name: app.name.clone(),
            organization: organization.to_owned(),
            status: app.status.name().to_owned(),
            told: registration.how_told(),
            registration: registration.clone(),
            delivery: None,
        }
    }

    /// How the app proves itself, in a word.
    pub fn proof(&self) -> &'static str {
        match self.registration.authentication {
            ClientAuthentication::Secret if !self.registration.uses_secret() => {
                "none (its proxy asks)"
            }
            ClientAuthentication::Secret => "secret",
            ClientAuthentication::PrivateKeyJwt { .. } => "signed assertions",
            ClientAuthentication::None => "none (public)",
        }
    }
}

/// How it stands with telling an app of logouts (DLV-04).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryLine {
    /// Logouts that it has confirmed, ever.
    pub confirmed: i64,
    /// Logouts that it does not know yet, counted up to 10 000.
    pub waiting: i64,
    /// Logouts that it refused or that were given up, as they are kept, counted up to
    /// 10 000.
    pub undelivered: i64,
    /// The last attempts that are remembered, at most 64.
    pub recent_attempts: u32,
    /// How many of these failed.
    pub recent_failures: u32,
    /// How long it usually takes to confirm, in milliseconds: from our call, or for an
    /// app that comes itself from the logout.
    pub latency_milliseconds: Option<u64>,
    /// When it last confirmed a logout.
    pub last_success_at: Option<String>,
    /// When an attempt last failed.
    pub last_failure_at: Option<String>,
    /// Why.
    pub last_error: Option<String>,
    /// Whether it fails repeatedly; its administrators have heard of that.
    pub failing: bool,
}

impl From<Overview> for DeliveryLine {
    fn from(overview: Overview) -> Self {
        let health = overview.health;
        let (recent_failures, recent_attempts) = health.recent();
        let text = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
        Self {
            confirmed: health.confirmed,
            waiting: overview.waiting,
            undelivered: overview.undelivered,
            recent_attempts,
            recent_failures,
            latency_milliseconds: health.latency_milliseconds,
            last_success_at: text(health.last_success_at),
            last_failure_at: text(health.last_failure_at),
            last_error: health.last_error,
            failing: overview.is_failing,
        }
    }
}

/// A logout that an app is to be told of, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in the domain")]
pub struct NoticeLine {
    pub id: NoticeId,
    pub session_id: SessionId,
    pub client_id: ClientId,
    pub app: String,
    pub channel: Channel,
    pub address: Option<String>,
    pub state: NoticeState,
    pub attempts: i64,
    pub ended_at: String,
    pub finished_at: Option<String>,
    pub last_error: Option<String>,
}

/// An act that ended sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in the domain")]
pub struct EndingLine {
    pub id: EndingId,
    pub cause: Cause,
    pub at: String,
    pub reason: Option<String>,
    /// Sessions written down as ended so far.
    pub sessions: i64,
    /// Whether that is all.
    pub complete: bool,
}

/// An app that has something to learn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingAppLine {
    /// Which.
    pub client_id: ClientId,
    /// What people call it.
    pub app: String,
    /// How many logouts it does not know yet.
    pub notices: i64,
    /// When the oldest of them happened.
    pub oldest_ended_at: String,
    /// How often that one was tried.
    pub attempts: i64,
    /// Why that did not do.
    pub last_error: Option<String>,
    /// How it stands with telling this app.
    pub delivery: DeliveryLine,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GroupLine {
    pub id: GroupId,
    pub name: String,
    pub organization: String,
    /// Their addresses, a thousand at most.
    pub members: Vec<String>,
}

/// A line of the audit trail. Fields that say nothing are left out, and so are all of a
/// line that is not there any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AuditLine {
    pub number: i64,
    pub digest: ChainDigest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_id: Option<BrowserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending_id: Option<EndingId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What came of checking one chain of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AuditChainLine {
    /// Nothing for what concerns no organization.
    pub organization: Option<String>,
    pub lines: u64,
    /// The last line in order, to be kept elsewhere: who rewrites the database cannot
    /// rewrite that.
    pub head: Head,
    /// At which number, and what.
    pub flaw: Option<(i64, Flaw)>,
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
    /// Second factors were taken away: so many of each.
    FactorsRemoved {
        email: String,
        authenticator_apps: usize,
        passkeys: u64,
        recovery_codes: i64,
        remembered_browsers: u64,
        ended: EndedLine,
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
    /// A group was made.
    GroupAdded {
        id: GroupId,
        name: String,
        organization: String,
    },
    /// The groups.
    Groups { groups: Vec<GroupLine> },
    /// A group was removed.
    GroupRemoved { name: String },
    /// Somebody was taken into a group, or out of it.
    GroupMemberChanged {
        name: String,
        email: String,
        is_member: bool,
    },
    /// An app was registered or changed; its secret, if it got one, is shown here and
    /// never again.
    App {
        is_new: bool,
        client_id: ClientId,
        client_secret: Option<String>,
        app: Box<AppLine>,
    },
    /// The apps.
    Apps { apps: Vec<AppLine> },
    /// Nobody can enter the app any more; telling it goes on if that is not complete.
    AppWithdrawn {
        client_id: ClientId,
        name: String,
        complete: bool,
    },
    /// People can enter the app again.
    AppRestored { client_id: ClientId, name: String },
    /// What was found out about an app.
    AppTested {
        client_id: ClientId,
        name: String,
        #[serde(flatten)]
        report: Report,
    },
    /// What apps were not told of, newest first, and which have something to learn.
    Notices {
        undelivered: Vec<NoticeLine>,
        waiting: Vec<WaitingAppLine>,
    },
    /// What became of telling apps of an ending, in the order in which they were owed the
    /// word.
    EndingTold {
        ending: EndingLine,
        notices: Vec<NoticeLine>,
        more: bool,
    },
    /// So many notices are sent again.
    NoticesResent { count: u64 },
    /// A step of checking the audit trail.
    AuditChecking {
        upto: Head,
        lines: u64,
        flaw: Option<(i64, Flaw)>,
        is_over: bool,
    },
    /// The audit trail was checked.
    AuditChecked { chains: Vec<AuditChainLine> },
    /// Lines of the audit trail.
    AuditLines { lines: Vec<AuditLine>, more: bool },
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
    EmailSet,
}
