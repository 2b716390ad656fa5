//! One logout that one app must be told of.
//!
//! Written in the transaction of the ending (or, for mass endings, in the batch
//! that writes the end of the session down), once per session, app and address.
//! It holds all that telling takes, so that deleting the person or the app loses
//! nothing (DLV-01).

mod attempt;
mod health;

use serde::{Deserialize, Serialize};

pub use attempt::{Attempt, GIVE_UP_AFTER, Verdict, judge, read_retry_after};
pub use health::{Happened, Health, News};

use crate::ids::{ClientId, EndingId, NoticeId, OrganizationId, SessionId, UserId};
use crate::relying_party::{RelyingParty, SigningAlgorithm};
use crate::time::Timestamp;

/// How an app learns of a logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// We call it (OpenID Connect Back-Channel Logout).
    BackChannel,
    /// It asks us (RFC 8936).
    Pull,
    /// Not at all, and it needs not be: a proxy asks us at each request (D1).
    AtEachRequest,
    /// Not at all: it notices when it next asks us something (C10).
    None,
}

impl Channel {
    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BackChannel => "back_channel",
            Self::Pull => "pull",
            Self::AtEachRequest => "at_each_request",
            Self::None => "none",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::BackChannel,
            Self::Pull,
            Self::AtEachRequest,
            Self::None,
        ]
        .into_iter()
        .find(|channel| channel.name() == name)
    }
}

/// Whose turn it is: mass endings never delay a person who just logged out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Somebody waits for it.
    Interactive,
    /// One of very many.
    Mass,
}

impl Lane {
    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Mass => "mass",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Interactive, Self::Mass]
            .into_iter()
            .find(|lane| lane.name() == name)
    }
}

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// It is being told, or will be tried again.
    Waiting,
    /// The app confirmed it.
    Confirmed,
    /// The app refused it for good (BCL-05).
    Failed,
    /// It was tried for as long as we try.
    GaveUp,
    /// The person has entered the app again since: telling it would end what they
    /// do now (DLV-05).
    Superseded,
    /// There is no way to tell this app.
    CannotBeTold,
    /// Nothing needs telling: the app was over with the session (D1).
    Ended,
}

impl NoticeState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Confirmed,
        Self::Failed,
        Self::GaveUp,
        Self::Superseded,
        Self::CannotBeTold,
        Self::Ended,
    ];

    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::GaveUp => "gave_up",
            Self::Superseded => "superseded",
            Self::CannotBeTold => "cannot_be_told",
            Self::Ended => "ended",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// All that telling takes, as it was when the session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// What people call the app.
    pub app: String,
    /// Where it hears of logouts; nothing for other channels.
    pub address: Option<String>,
    /// How the logout token is signed (BCL-02).
    pub algorithm: SigningAlgorithm,
    /// Name the person and not the session: the app was registered so.
    pub by_subject: bool,
    /// Private, loopback and plain addresses are allowed.
    pub allow_private_network: bool,
    /// Certificates to verify it with, as PEM.
    pub ca_certificates: Option<String>,
    /// For how long the app may go on if it is not told, in minutes.
    pub worst_case_minutes: u32,
}

impl Envelope {
    /// The ways in which an app is told, one envelope for each.
    pub fn all_of(app: &RelyingParty) -> Vec<(Channel, Self)> {
        let registration = &app.registration;
        let envelope = |address: Option<String>| Self {
            app: app.name.clone(),
            address,
            algorithm: registration.signing_algorithm,
            by_subject: !registration.backchannel_logout_session_required,
            allow_private_network: registration.allow_private_network,
            ca_certificates: registration.ca_certificates.clone(),
            worst_case_minutes: registration.worst_case(),
        };
        let mut all: Vec<(Channel, Self)> = registration
            .backchannel_logout_uris
            .iter()
            .map(|uri| {
                let address = Some(uri.as_str().to_owned());
                (Channel::BackChannel, envelope(address))
            })
            .collect();
        if registration.pulls_logouts {
            all.push((Channel::Pull, envelope(None)));
        }
        if all.is_empty() {
            let channel = if registration.is_only_protected() {
                Channel::AtEachRequest
            } else {
                Channel::None
            };
            all.push((channel, envelope(None)));
        }
        all
    }
}

/// One logout to tell one app, at one address.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Sorts by time.
    pub id: NoticeId,
    /// The act that ended the session.
    pub ending_id: EndingId,
    /// Whom to tell; also the audience of the token.
    pub client_id: ClientId,
    /// `sid`.
    pub session_id: SessionId,
    /// `sub`, if the app is told so.
    pub user_id: UserId,
    /// The user's organization.
    pub organization_id: OrganizationId,
    /// How.
    pub channel: Channel,
    /// What it takes.
    pub envelope: Envelope,
    /// When the session ended (`toe`).
    pub ended_at: Timestamp,
    /// Whose turn it is.
    pub lane: Lane,
    /// What became of it.
    pub state: NoticeState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next; while it is being tried, the end of the claim.
    pub next_at: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
    /// After that it is not tried any more.
    pub give_up_at: Timestamp,
    /// When it was confirmed or given up.
    pub finished_at: Option<Timestamp>,
    /// The last HTTP status that the app answered.
    pub last_status: Option<i64>,
    /// Why the last attempt failed, in words for administrators.
    pub last_error: Option<String>,
}
