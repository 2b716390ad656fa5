//! What an app may do in a person's name, and whether it still may.
//!
//! Every exchange of a code makes one [`Grant`]; refresh and access tokens are
//! derived from it and die with it. A grant is bound to the session it was made
//! in, or long-lived (`offline_access`). [`admit`] is the only decision, and asks
//! [`crate::session::admit`] where a session is concerned.
//!
//! Longer than 400 lines, since the one decision stands beside the table of its
//! tests.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, GrantId, OrganizationId, SessionId, UserId};
use crate::relying_party::RelyingPartyStatus;
use crate::session::Proof;
use crate::time::Timestamp;
use crate::user::UserStatus;

/// One thing that an app may ask for (`scope`, RFC 6749 section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `openid`: to know that it is this person.
    OpenId,
    /// `profile`: their name and picture.
    Profile,
    /// `email`: their address.
    Email,
    /// `offline_access`: to go on when they are not there (OIDC-18).
    OfflineAccess,
}

impl Scope {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 4] = [
        Self::OpenId,
        Self::Profile,
        Self::Email,
        Self::OfflineAccess,
    ];

    /// The name in the protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::OfflineAccess => "offline_access",
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Scopes(u8);

impl Scopes {
    /// Reads words separated by spaces. Unknown ones are left out (OIDC-15): a
    /// client asks many servers with one list.
    pub fn parse(text: &str) -> Self {
        text.split(' ')
            .filter_map(|word| Scope::ALL.into_iter().find(|scope| scope.name() == word))
            .fold(Self::default(), Self::with)
    }

    /// The same with one more.
    #[must_use]
    pub fn with(self, scope: Scope) -> Self {
        Self(self.0 | bit(scope))
    }

    /// The same without one.
    #[must_use]
    pub fn without(self, scope: Scope) -> Self {
        Self(self.0 & !bit(scope))
    }

    /// These and those.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether it is among them.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }

    /// Whether all of these are also in the other set.
    pub fn are_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// As one byte, for tokens that carry them.
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    /// Reads such a byte; nothing if it names a scope that does not exist.
    pub fn from_byte(byte: u8) -> Option<Self> {
        let all = Scope::ALL.into_iter().fold(Self::default(), Self::with);
        let read = Self(byte);
        read.are_within(all).then_some(read)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

const fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

/// As the protocol writes it: words separated by spaces.
impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            if place > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(scope.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Scopes({self})")
    }
}

impl From<String> for Scopes {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}

/// The counters that stood when a grant was made. The user's own is missing on
/// purpose: a grant that is bound to a session dies with it, and long-lived ones
/// have a counter of their own (A8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantEpochs {
    /// Of the organization.
    pub organization: i64,
    /// Of the whole deployment.
    pub deployment: i64,
    /// Of the user's long-lived grants.
    pub offline: i64,
    /// Of the app.
    pub client: i64,
}

/// Why a grant was revoked by itself, while its session and app go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedCause {
    /// The app asked for it (RFC 7009).
    ByClient,
    /// A code was used twice (OIDC-05).
    CodeReused,
    /// A refresh token was used after its successor (TOK-02).
    TokenReused,
    /// The person left the app, or took their consent back.
    LeftApp,
    /// Its session was ended for a cause that takes long-lived grants along (TOK-04).
    SessionEnded,
}

impl RevokedCause {
    const ALL: [Self; 5] = [
        Self::ByClient,
        Self::CodeReused,
        Self::TokenReused,
        Self::LeftApp,
        Self::SessionEnded,
    ];

    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByClient => "by_client",
            Self::CodeReused => "code_reused",
            Self::TokenReused => "token_reused",
            Self::LeftApp => "left_app",
            Self::SessionEnded => "session_ended",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

/// A refresh-token family, and the anchor of its access tokens.
#[derive(Clone)]
pub struct Grant {
    /// Names it; half of each of its tokens, and worth nothing alone.
    pub id: GrantId,
    /// To which app.
    pub client_id: ClientId,
    /// In whose name.
    pub user_id: UserId,
    /// The user's organization.
    pub organization_id: OrganizationId,
    /// The session in which it was made; `sid` of its ID tokens.
    pub session_id: SessionId,
    /// Long-lived: it outlives that session.
    pub offline: bool,
    /// The counters that stood then.
    pub epochs: GrantEpochs,
    /// What it allows.
    pub scopes: Scopes,
    /// The last active authentication (`auth_time`); a refresh never moves it
    /// (OIDC-11).
    pub authenticated_at: Timestamp,
    /// How the person proved themselves, for `amr` and `acr`.
    pub proofs: Vec<Proof>,
    /// What else was asked for when it was made; JSON of whoever wrote it.
    pub request: String,
    /// What its tokens are derived from, together with a key that is not in the
    /// database: neither alone makes one (TOK-01).
    pub seed: [u8; 32],
    /// How many times its refresh token was replaced.
    pub generation: i64,
    /// When it was replaced last; the one before is answered for [`GRACE`] more.
    pub rotated_at: Timestamp,
    /// It is over then, unless it is used (TOK-01).
    pub idle_deadline: Timestamp,
    /// It is over then.
    pub overall_deadline: Timestamp,
    /// Access tokens issued before are void.
    pub access_from: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the app last used it.
    pub last_used_at: Timestamp,
    /// That and why it was revoked.
    pub revoked: Option<(Timestamp, RevokedCause)>,
}

/// Without the seed.
impl fmt::Debug for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Grant")
            .field("id", &self.id)
            .field("client_id", &self.client_id)
            .field("user_id", &self.user_id)
            .field("session_id", &self.session_id)
            .field("offline", &self.offline)
            .field("epochs", &self.epochs)
            .field("scopes", &self.scopes)
            .field("generation", &self.generation)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

/// For how long the refresh token before the present one still gets the present
/// one as its answer: an answer that was lost, or two tabs (TOK-03, F6).
pub const GRACE: std::time::Duration = std::time::Duration::from_secs(20);

/// What a grant is measured against.
#[derive(Debug, Clone, Copy)]
pub struct GrantStanding {
    /// The present counters.
    pub epochs: GrantEpochs,
    /// Whether the account may be used.
    pub user_status: UserStatus,
    /// Whether the app may be entered.
    pub client_status: RelyingPartyStatus,
    /// Whether [`crate::session::admit`] lets the session live; asked for grants that
    /// are bound to theirs.
    pub session_is_live: bool,
}

/// Why a grant is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantRefusal {
    /// It was revoked.
    Revoked,
    /// The app was withdrawn, or everything of it ended.
    ClientOver,
    /// The account may not be used.
    UserNotActive,
    /// The session in which it was made is over.
    SessionOver,
    /// Long-lived grants of the user, organization or deployment were ended.
    EpochPassed,
    /// It lasted as long as it may, or was not used for too long.
    Expired,
}

/// Decides whether a grant is good (OIDC-06, A6). Nothing else does.
pub fn admit(grant: &Grant, standing: &GrantStanding, now: Timestamp) -> Result<(), GrantRefusal> {
    if grant.revoked.is_some() {
        return Err(GrantRefusal::Revoked);
    }
    if standing.client_status != RelyingPartyStatus::Active
        || grant.epochs.client != standing.epochs.client
    {
        return Err(GrantRefusal::ClientOver);
    }
    if standing.user_status != UserStatus::Active {
        return Err(GrantRefusal::UserNotActive);
    }
    if grant.offline {
        if grant.epochs != standing.epochs {
            return Err(GrantRefusal::EpochPassed);
        }
        if now >= grant.idle_deadline.min(grant.overall_deadline) {
            return Err(GrantRefusal::Expired);
        }
    } else if !standing.session_is_live {
        return Err(GrantRefusal::SessionOver);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCHS: GrantEpochs = GrantEpochs {
        organization: 1,
        deployment: 2,
        offline: 3,
        client: 4,
    };

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(milliseconds)
    }

    fn grant(offline: bool) -> Grant {
        Grant {
            id: GrantId::from_bytes([1; 16]),
            client_id: ClientId::from_bytes([2; 16]),
            user_id: UserId::from_bytes([3; 16]),
            organization_id: OrganizationId::from_bytes([4; 16]),
            session_id: SessionId::from_bytes([5; 16]),
            offline,
            epochs: EPOCHS,
            scopes: Scopes::parse("openid"),
            authenticated_at: at(0),
            proofs: Vec::new(),
            request: "{}".to_owned(),
            seed: [6; 32],
            generation: 0,
            rotated_at: at(0),
            idle_deadline: at(100),
            overall_deadline: at(200),
            access_from: at(0),
            created_at: at(0),
            last_used_at: at(0),
            revoked: None,
        }
    }

    fn standing() -> GrantStanding {
        GrantStanding {
            epochs: EPOCHS,
            user_status: UserStatus::Active,
            client_status: RelyingPartyStatus::Active,
            session_is_live: true,
        }
    }

    #[test]
    fn oidc_06_each_fact_alone_refuses() {
        for offline in [false, true] {
            assert_eq!(admit(&grant(offline), &standing(), at(50)), Ok(()));
            let revoked = Grant {
                revoked: Some((at(1), RevokedCause::ByClient)),
                ..grant(offline)
            };
            assert_eq!(
                admit(&revoked, &standing(), at(50)),
                Err(GrantRefusal::Revoked)
            );
            let withdrawn = GrantStanding {
                client_status: RelyingPartyStatus::Withdrawn,
                ..standing()
            };
            let mut raised = standing();
            raised.epochs.client += 1;
            for standing in [withdrawn, raised] {
                let refusal = admit(&grant(offline), &standing, at(50));
                assert_eq!(refusal, Err(GrantRefusal::ClientOver));
            }
            let disabled = GrantStanding {
                user_status: UserStatus::Disabled,
                ..standing()
            };
            assert_eq!(
                admit(&grant(offline), &disabled, at(50)),
                Err(GrantRefusal::UserNotActive)
            );
        }
    }

    #[test]
    fn a8_a_bound_grant_dies_with_its_session_and_a_long_lived_one_with_its_counters() {
        let over = GrantStanding {
            session_is_live: false,
            ..standing()
        };
        let bound = admit(&grant(false), &over, at(50));
        assert_eq!(bound, Err(GrantRefusal::SessionOver));
        assert_eq!(admit(&grant(true), &over, at(50)), Ok(()));
        for raise in [
            |epochs: &mut GrantEpochs| epochs.offline += 1,
            |epochs: &mut GrantEpochs| epochs.organization += 1,
            |epochs: &mut GrantEpochs| epochs.deployment += 1,
        ] {
            let mut raised = standing();
            raise(&mut raised.epochs);
            let refusal = admit(&grant(true), &raised, at(50));
            assert_eq!(refusal, Err(GrantRefusal::EpochPassed));
            // Its session says whether these concern it.
            assert_eq!(admit(&grant(false), &raised, at(50)), Ok(()));
        }
    }

    #[test]
    fn tok_01_a_long_lived_grant_has_two_ends() {
        let long = grant(true);
        assert_eq!(admit(&long, &standing(), at(99)), Ok(()));
        let expired = Err(GrantRefusal::Expired);
        assert_eq!(admit(&long, &standing(), at(100)), expired);
        let used = Grant {
            idle_deadline: at(1_000),
            ..long
        };
        assert_eq!(admit(&used, &standing(), at(199)), Ok(()));
        assert_eq!(admit(&used, &standing(), at(200)), expired);
    }

    #[test]
    fn oidc_15_unknown_scopes_are_left_out() {
        let scopes = Scopes::parse("openid  address email openid phone");
        assert_eq!(scopes.to_string(), "openid email");
        assert!(Scopes::parse("email").are_within(scopes));
        assert!(!Scopes::parse("email profile").are_within(scopes));
        assert_eq!(Scopes::parse(&scopes.to_string()), scopes);
        assert_eq!(scopes.without(Scope::Email), Scopes::parse("openid"));
        assert_eq!(Scopes::from_byte(scopes.to_byte()), Some(scopes));
        assert_eq!(Scopes::from_byte(0x10), None);
    }
}
