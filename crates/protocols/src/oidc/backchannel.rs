//! Logout tokens (Back-Channel Logout 1.0 section 2.4).
//!
//! Each attempt carries a token of its own: signed then, good for two minutes, with an
//! id that was never used (C5). It names the session and nothing else; only for apps
//! that were registered so does it name the person.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, NoticeId, SessionId, UserId};
use nightlatch_domain::notice::Notice;
use nightlatch_domain::relying_party::SigningAlgorithm;
use nightlatch_flows::Moment;
use serde::Serialize;

use crate::jose::{JoseError, KeySet, TokenType};

/// How long a logout token is good (BCL-02).
pub const LIFE: Duration = Duration::from_mins(2);

/// What a logout token says.
#[derive(Debug, Serialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
    events: Events,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// When the session ended (RFC 8417 section 2.2): a retry comes later, and must not
    /// end what began since (BCL-07).
    toe: i64,
}

#[derive(Debug, Default, Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Nothing,
}

/// An object without members.
#[derive(Debug, Default, Serialize)]
struct Nothing {}

/// Whom or what an app is to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// One session.
    Session(SessionId),
    /// Everything of a person.
    Person(UserId),
}

/// What a logout token is made of.
#[derive(Debug, Clone, Copy)]
pub struct Logout<'a> {
    /// Who says so: our own address.
    pub issuer: &'a str,
    /// To which app.
    pub client_id: ClientId,
    /// What is over.
    pub subject: Subject,
    /// Since when.
    pub ended_at: Timestamp,
    /// As the app's ID tokens are signed.
    pub algorithm: SigningAlgorithm,
}

impl<'a> Logout<'a> {
    /// What a notice says.
    pub fn of(notice: &Notice, issuer: &'a str) -> Self {
        Self {
            issuer,
            client_id: notice.client_id,
            subject: if notice.envelope.by_subject {
                Subject::Person(notice.user_id)
            } else {
                Subject::Session(notice.session_id)
            },
            ended_at: notice.ended_at,
            algorithm: notice.envelope.algorithm,
        }
    }

    /// A logout of a session that nobody has, for trying an app out.
    pub fn probe(
        issuer: &'a str,
        client_id: ClientId,
        algorithm: SigningAlgorithm,
        moment: &Moment,
    ) -> Self {
        Self {
            issuer,
            client_id,
            subject: Subject::Session(SessionId::random(moment.random.as_ref())),
            ended_at: moment.now,
            algorithm,
        }
    }

    /// The token of one attempt.
    pub fn sign(&self, keys: &KeySet, moment: &Moment) -> Result<String, JoseError> {
        let now = moment.now;
        let (sid, sub) = match self.subject {
            Subject::Session(id) => (Some(id.to_string()), None),
            Subject::Person(id) => (None, Some(id.to_string())),
        };
        let claims = Claims {
            iss: self.issuer.to_owned(),
            aud: self.client_id.to_string(),
            iat: seconds(now),
            exp: seconds(now.plus(LIFE)),
            jti: NoticeId::random(moment.random.as_ref()).to_string(),
            events: Events::default(),
            sid,
            sub,
            toe: seconds(self.ended_at),
        };
        keys.sign(self.algorithm, TokenType::Logout, &claims, now)
    }
}

/// The token with a signature that is not ours, and no other fault.
pub(crate) fn forge(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    for byte in &mut bytes {
        *byte ^= 0x55;
    }
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Whole seconds since the epoch (`NumericDate`, RFC 7519 section 2).
pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.milliseconds().div_euclid(1000)
}

#[cfg(test)]
mod tests;
