//! Logout that an app begins (RP-Initiated Logout 1.0): what is asked, what the hint
//! proves, and what follows.
//!
//! An app may end without a question what its hint names and this browser holds:
//! this very session. Everything else is asked about, since any page can send
//! anybody here (RPL-02, B9). Being too late, or knowing too little, is never an
//! error (B1, B2, B7). [`decide`] is a pure function, so that each line of that is
//! a line of a table in the tests.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, SessionId, UserId};
use nightlatch_domain::nearest::nearest;
use nightlatch_domain::relying_party::{
    LONGEST_URI, RegisteredUri, RelyingParty, RelyingPartyStatus,
};
use nightlatch_flows::activity::Activity;
use nightlatch_flows::sessions::find_live;
use nightlatch_storage::{StorageError, Tx, entries, relying_parties, sessions};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::jose::{KeySet, TokenType};

/// The longest `state` that is given back, in bytes.
const LONGEST_STATE: usize = 2048;

/// The parameters as they came.
#[derive(Default)]
pub struct EndSessionRequest {
    /// `id_token_hint`. It names a person, and is never written down (RPL-09).
    id_token_hint: Option<String>,
    client_id: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

impl EndSessionRequest {
    /// Reads a query or a form. What comes twice, or is empty, is as good as absent.
    /// `logout_hint` and `ui_locales` may be there and change nothing: who is signed
    /// in here is known, and there is one language (RPL-01).
    pub fn parse(encoded: &[u8]) -> Self {
        let pairs: Vec<_> = form_urlencoded::parse(encoded).collect();
        let only = |wanted: &str| {
            let mut values = pairs.iter().filter(|(name, _)| name == wanted);
            match (values.next(), values.next()) {
                (Some((_, value)), None) if !value.is_empty() && !value.contains('\0') => {
                    Some(value.clone().into_owned())
                }
                _ => None,
            }
        };
        Self {
            id_token_hint: only("id_token_hint"),
            client_id: only("client_id"),
            post_logout_redirect_uri: only("post_logout_redirect_uri"),
            state: only("state"),
        }
    }
}

/// Without its contents.
impl std::fmt::Debug for EndSessionRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("EndSessionRequest(…)")
    }
}

/// What a hint of ours says. Whether that is so now is judged by [`decide`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// `sid`.
    pub session: Option<SessionId>,
    /// `sub`.
    pub user: UserId,
    /// `aud`.
    pub client: ClientId,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    sid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Reads a hint. Its age does not matter, nor whether its key still signs (RPL-03,
/// B1, B3); that it is ours does.
fn read_hint(keys: &KeySet, issuer: &str, token: &str) -> Option<Hint> {
    let claims = keys.verify::<Claims>(TokenType::Id, token).ok()?.claims;
    if claims.iss != issuer {
        return None;
    }
    let audience = match &claims.aud {
        Audience::One(one) => one,
        Audience::Many(many) => match many.as_slice() {
            [only] => only,
            _ => return None,
        },
    };
    Some(Hint {
        session: claims.sid.as_deref().and_then(|sid| sid.parse().ok()),
        user: claims.sub.parse().ok()?,
        client: audience.parse().ok()?,
    })
}

/// What is asked, once the hint was checked. It holds no token any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Which app asks, as far as it says.
    pub client: Option<ClientId>,
    /// What its hint proves.
    pub hint: Option<Hint>,
    /// Where the person should be sent afterwards; not judged yet.
    pub return_to: Option<String>,
    /// To be given back there.
    pub state: Option<String>,
}

impl Asked {
    /// Checks a request against our keys and our own name.
    pub fn of(request: EndSessionRequest, keys: &KeySet, issuer: &str) -> Self {
        let hint = request
            .id_token_hint
            .as_deref()
            .and_then(|token| read_hint(keys, issuer, token));
        let named = request.client_id.as_deref().map(str::parse::<ClientId>);
        let (client, hint) = match (named, hint) {
            (None, hint) => (hint.map(|hint| hint.client), hint),
            (Some(Ok(named)), None) => (Some(named), None),
            (Some(Ok(named)), Some(hint)) if hint.client == named => (Some(named), Some(hint)),
            // Two apps in one request, or none that there could be: neither counts, or
            // one app would be sent where another is registered (RPL-03).
            (Some(_), _) => (None, None),
        };
        let bounded = |text: Option<String>, longest| text.filter(|text| text.len() <= longest);
        Self {
            client,
            hint,
            return_to: bounded(request.post_logout_redirect_uri, LONGEST_URI),
            state: bounded(request.state, LONGEST_STATE),
        }
    }
}

/// Who this browser is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// Nobody, as far as its cookies say.
    Nobody,
    /// It holds the cookie of a session that is over.
    Over(SessionId, UserId),
    /// Somebody is signed in.
    SignedIn(SessionId, UserId),
}

/// What became of the session that the hint names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hinted {
    /// There is no hint, it names no session, or none that we know of this person in
    /// this app: suspect (RPL-04).
    Unknown,
    /// It lives: here or in another browser.
    Live,
    /// It is over.
    Over,
}

/// What is known beside the request.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The app that asks, if it can be entered.
    pub app: Option<RelyingParty>,
    /// The session of its hint.
    pub hinted: Hinted,
}

/// Reads the facts.
pub fn facts(
    tx: &mut Tx<'_>,
    activity: &Activity,
    asked: &Asked,
    now: Timestamp,
) -> Result<Facts, StorageError> {
    let app = match asked.client {
        None => None,
        Some(id) => relying_parties::find(tx, id)?,
    };
    let mut hinted = Hinted::Unknown;
    if let Some(hint) = asked.hint
        && let Some(session) = hint.session
        && let Some(owned) = sessions::find(tx, session)?
        && owned.session.user_id == hint.user
        && entries::find(tx, session, hint.client)?.is_some()
    {
        hinted = match find_live(tx, session, activity, now)? {
            Some(_) => Hinted::Live,
            None => Hinted::Over,
        };
    }
    Ok(Facts {
        app: app.filter(|app| app.status == RelyingPartyStatus::Active),
        hinted,
    })
}

/// Where the person lands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// At this address of the app.
    Return(String),
    /// On a page of ours that says what happened.
    Page,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The hint proves the session of this browser: it ends at once.
    End(Way),
    /// The person is asked first.
    Ask,
    /// Nobody is signed in here, so there is nothing to end (RPL-07).
    Leave(Way),
}

/// Decides. A session in another browser never ends, whatever the hint proves: it
/// may have been kept by somebody else.
pub fn decide(asked: &Asked, here: Here, facts: &Facts) -> Decision {
    let hint_of = |session, user| {
        asked
            .hint
            .is_some_and(|hint| hint.session == Some(session) && hint.user == user)
    };
    match here {
        Here::SignedIn(session, user) if hint_of(session, user) => {
            Decision::End(way_home(asked, facts))
        }
        Here::SignedIn(..) => Decision::Ask,
        Here::Over(session, user) if hint_of(session, user) => {
            Decision::Leave(way_home(asked, facts))
        }
        Here::Over(..) | Here::Nobody if facts.hinted == Hinted::Over => {
            Decision::Leave(way_home(asked, facts))
        }
        Here::Over(..) | Here::Nobody => Decision::Leave(Way::Page),
    }
}

/// Where the person is sent once they are logged out: the address that is asked
/// for, if it is registered letter by letter (RPL-05), with the app's state.
///
/// Only for a hint that proves something or a person who said yes: otherwise
/// anybody could dress up an app's address as ours.
pub fn way_home(asked: &Asked, facts: &Facts) -> Way {
    let (Some(app), Some(address)) = (&facts.app, &asked.return_to) else {
        return Way::Page;
    };
    if !app.registration.is_post_logout_redirect_uri(address) {
        return Way::Page;
    }
    let Some(state) = &asked.state else {
        return Way::Return(address.clone());
    };
    let state: String = form_urlencoded::byte_serialize(state.as_bytes()).collect();
    let glue = match address.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    Way::Return(format!("{address}{glue}state={state}"))
}

/// Why nobody is sent to the address that was asked for, for the operator's log
/// (B6).
#[derive(Debug, PartialEq, Eq)]
pub struct Unregistered {
    /// The app's name.
    pub app: String,
    /// The address, without what follows `?` or `#`: that may name a person.
    pub received: String,
    /// The registered one that looks most like it.
    pub nearest: Option<String>,
}

/// Compares the address that was asked for with those that are registered; nothing
/// if it is one of them, or if no app or address is named.
pub fn unregistered(asked: &Asked, facts: &Facts) -> Option<Unregistered> {
    let (app, address) = (facts.app.as_ref()?, asked.return_to.as_ref()?);
    let registration = &app.registration;
    if registration.is_post_logout_redirect_uri(address) {
        return None;
    }
    let known = registration.post_logout_redirect_uris.iter();
    let nearest = nearest(address, known.map(RegisteredUri::as_str)).map(str::to_owned);
    Some(Unregistered {
        app: app.name.clone(),
        received: address
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .chars()
            .take(300)
            .collect(),
        nearest,
    })
}

#[cfg(test)]
mod tests;
