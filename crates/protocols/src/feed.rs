//! The pull feed's messages: polls (RFC 8936), security event tokens (RFC 8417), and
//! the event that they carry, a revoked session (CAEP).
//!
//! A token keeps the id of its notice however often it is fetched, so that a reader
//! knows what it has (DLV-02).

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr as _;

use nightlatch_domain::ids::{ClientId, NoticeId};
use nightlatch_domain::notice::Notice;
use nightlatch_flows::Moment;
use nightlatch_flows::feed::{LONGEST_READER, MOST_EVENTS, Poll, Refusal};
use serde::{Deserialize, Serialize};

use crate::jose::{JoseError, KeySet, TokenType};
use crate::oidc::backchannel::seconds;
use crate::oidc::parameters::Parameters;

/// How a reader is called that does not say.
const ONLY_READER: &str = "default";

/// A poll as it is sent (RFC 8936 section 2.4). Members that we do not know are
/// passed over, as it demands.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PollBody {
    max_events: Option<i64>,
    return_immediately: bool,
    ack: Vec<String>,
    set_errs: HashMap<String, SetError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SetError {
    err: String,
    description: String,
}

/// A poll that was understood.
#[derive(Debug)]
pub struct PollRequest {
    /// What it says and asks.
    pub poll: Poll,
    /// Whether an answer without events may wait for one.
    pub may_wait: bool,
}

/// Why a poll was not understood; prints how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PollProblem {
    /// It is no JSON object of this kind.
    #[error("send a JSON object as in RFC 8936 section 2.4, for example {{\"maxEvents\": 10}}")]
    NotAPoll,
    /// The name of the reader is odd.
    #[error(
        "the parameter reader names one replica of the app: 1 to 100 letters, digits, dots, \
         hyphens and underscores"
    )]
    Reader,
}

/// The body of a poll, read as an object: a list would pass for one without members.
pub struct PollObject(serde_json::Map<String, serde_json::Value>);

impl PollObject {
    /// Reads it.
    pub fn parse(body: &[u8]) -> Result<Self, PollProblem> {
        serde_json::from_slice(body)
            .map(Self)
            .map_err(|_| PollProblem::NotAPoll)
    }

    /// With what the app proves itself, where that is not in the header: the same names
    /// as at the token endpoint. RFC 8936 leaves members that it does not know alone.
    pub fn parameters(&self) -> Parameters {
        Parameters::of_members(&self.0)
    }
}

impl fmt::Debug for PollObject {
    // It may hold a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads a poll of an app that has proved itself.
pub fn read_poll(
    client_id: ClientId,
    reader: Option<&str>,
    body: PollObject,
) -> Result<PollRequest, PollProblem> {
    let reader = reader.unwrap_or(ONLY_READER);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if reader.is_empty() || reader.len() > LONGEST_READER || !reader.bytes().all(is_plain) {
        return Err(PollProblem::Reader);
    }
    let body: PollBody =
        serde_json::from_value(body.0.into()).map_err(|_| PollProblem::NotAPoll)?;
    let most = match body.max_events {
        None => MOST_EVENTS,
        Some(most) => usize::try_from(most).map_err(|_| PollProblem::NotAPoll)?,
    };
    // What is no id of ours names nothing that could be acknowledged.
    let acknowledged = body.ack.iter().filter_map(|id| NoticeId::from_str(id).ok());
    let refused = body.set_errs.iter().filter_map(|(id, error)| {
        Some(Refusal {
            notice_id: NoticeId::from_str(id).ok()?,
            words: format!("the app refused it: {} {}", error.err, error.description),
        })
    });
    Ok(PollRequest {
        poll: Poll {
            client_id,
            reader: reader.to_owned(),
            acknowledged: acknowledged.collect(),
            refused: refused.collect(),
            most,
        },
        may_wait: !body.return_immediately && most > 0,
    })
}

/// The answer to a poll (RFC 8936 section 2.5).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PollAnswer {
    sets: HashMap<String, String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more_available: bool,
}

impl PollAnswer {
    /// An answer with these notices, each signed as its app's tokens are.
    pub fn of(
        notices: &[Notice],
        more: bool,
        issuer: &str,
        keys: &KeySet,
        moment: &Moment,
    ) -> Result<Self, JoseError> {
        let sets = notices
            .iter()
            .map(|notice| {
                let token = security_event(notice, issuer, keys, moment)?;
                Ok((notice.id.to_string(), token))
            })
            .collect::<Result<_, JoseError>>()?;
        Ok(Self {
            sets,
            more_available: more,
        })
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: String,
    iat: i64,
    jti: String,
    /// The ending, which all that it caused have in common.
    txn: String,
    toe: i64,
    sub_id: SubjectId<'a>,
    events: Events,
}

/// Whom or what it is about (RFC 9493, CAEP section 2). There is no `sub`, so that
/// nobody takes this for an ID token (RFC 8417 section 4.5).
#[derive(Serialize)]
#[serde(tag = "format", rename_all = "snake_case")]
enum SubjectId<'a> {
    Complex {
        session: Box<SubjectId<'a>>,
        user: Box<SubjectId<'a>>,
    },
    Opaque {
        id: String,
    },
    IssSub {
        iss: &'a str,
        sub: String,
    },
}

#[derive(Serialize)]
struct Events {
    #[serde(rename = "https://schemas.openid.net/secevent/caep/event-type/session-revoked")]
    session_revoked: SessionRevoked,
}

#[derive(Serialize)]
struct SessionRevoked {
    event_timestamp: i64,
}

/// The security event token of a notice.
pub fn security_event(
    notice: &Notice,
    issuer: &str,
    keys: &KeySet,
    moment: &Moment,
) -> Result<String, JoseError> {
    let user = SubjectId::IssSub {
        iss: issuer,
        sub: notice.user_id.to_string(),
    };
    let sub_id = if notice.envelope.by_subject {
        user
    } else {
        let id = notice.session_id.to_string();
        SubjectId::Complex {
            session: Box::new(SubjectId::Opaque { id }),
            user: Box::new(user),
        }
    };
    let ended_at = seconds(notice.ended_at);
    let claims = Claims {
        iss: issuer,
        aud: notice.client_id.to_string(),
        iat: seconds(notice.created_at),
        jti: notice.id.to_string(),
        txn: notice.ending_id.to_string(),
        toe: ended_at,
        sub_id,
        events: Events {
            session_revoked: SessionRevoked {
                event_timestamp: ended_at,
            },
        },
    };
    let algorithm = notice.envelope.algorithm;
    keys.sign(algorithm, TokenType::SecurityEvent, &claims, moment.now)
}
