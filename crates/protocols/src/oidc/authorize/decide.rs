//! What happens next with an authorization request: a pure function.
//!
//! Whatever is demanded of the person is measured against the instant at which
//! the app asked, which the browser cannot move (OIDC-10).

use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::Scopes;
use nightlatch_domain::ids::{SessionId, UserId};
use nightlatch_domain::session::Proof;

use super::request::AuthorizationRequest;
use crate::oidc::acr::Level;
use crate::oidc::error::OidcError;

/// Who is signed in.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, and the decision reads each by its name"
)]
pub struct SignedIn<'a> {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Whether app and person belong to one organization.
    pub is_of_one_organization: bool,
    /// When the session began.
    pub began_at: Timestamp,
    /// When its owner last proved who they are (`auth_time`).
    pub proved_at: Timestamp,
    /// How.
    pub proofs: &'a [Proof],
    /// Whether a phone let it in; such a session can prove nothing more.
    pub by_phone: bool,
    /// Whether it must set up a second factor before anything else (POL-04).
    pub must_set_up_factor: bool,
    /// Whether its owner has an authenticator app.
    pub has_authenticator_app: bool,
    /// Whether its owner has a passkey.
    pub has_passkey: bool,
}

/// What the decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What was asked.
    pub request: &'a AuthorizationRequest,
    /// When.
    pub asked_at: Timestamp,
    /// Who is signed in, if anybody.
    pub signed_in: Option<SignedIn<'a>>,
    /// The session that the person has chosen for this request.
    pub chosen: Option<SessionId>,
    /// What the app may have at all.
    pub scopes: Scopes,
    /// Whether the app lets this person in.
    pub may_enter: bool,
    /// Whether nobody needs to be asked for that.
    pub is_agreed: bool,
    /// Whether people are asked for consent to this app at all.
    pub asks_consent: bool,
    /// When the person agreed last.
    pub agreed_at: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// What a person is to prove with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofWanted {
    /// Anything that they have.
    Any,
    /// A second factor; the password is not enough.
    SecondFactor,
    /// A passkey; nothing else cannot be phished.
    Passkey,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The app gets its code.
    Respond,
    /// The person signs in.
    SignIn,
    /// The person signs in once more from the beginning: what they can prove with
    /// here would not do.
    SignInAgain,
    /// The person proves again who they are.
    Reauthenticate(ProofWanted),
    /// The person says whether this is the right account.
    ChooseAccount,
    /// The account is of another organization than the app.
    WrongAccount,
    /// The app does not let this person in.
    NoAccess,
    /// The session must set up a second factor first.
    SetUpFactor,
    /// The person is asked whether the app may have this.
    AskConsent,
    /// The app gets an error.
    Refuse(OidcError),
}

/// Decides. With `prompt=none` there is either an answer or an error (OIDC-09).
pub fn decide(situation: &Situation<'_>) -> Decision {
    let decision = next(situation);
    if !situation.request.prompt.none {
        return decision;
    }
    Decision::Refuse(match decision {
        Decision::Respond | Decision::Refuse(_) => return decision,
        Decision::SignIn | Decision::SignInAgain | Decision::Reauthenticate(_) => {
            OidcError::LoginRequired
        }
        Decision::ChooseAccount | Decision::WrongAccount => OidcError::AccountSelectionRequired,
        Decision::NoAccess => OidcError::AccessDenied,
        Decision::SetUpFactor => OidcError::InteractionRequired,
        Decision::AskConsent => OidcError::ConsentRequired,
    })
}

fn next(situation: &Situation<'_>) -> Decision {
    let Some(person) = situation.signed_in else {
        return Decision::SignIn;
    };
    let request = situation.request;
    // Never a code for the one who happens to be signed in (OIDC-13).
    if request
        .subject
        .is_some_and(|subject| subject != person.user)
    {
        return Decision::Refuse(OidcError::LoginRequired);
    }
    if !person.is_of_one_organization {
        return Decision::WrongAccount;
    }
    // First of all: nobody proves anything for an app that they may not enter.
    if !situation.may_enter {
        return Decision::NoAccess;
    }
    if request.prompt.select_account && !has_chosen(situation, &person) {
        return Decision::ChooseAccount;
    }
    if person.must_set_up_factor {
        return Decision::SetUpFactor;
    }
    if !is_fresh(situation, &person) {
        return if person.by_phone {
            Decision::SignInAgain
        } else {
            Decision::Reauthenticate(ProofWanted::Any)
        };
    }
    if let Some(decision) = strengthen(situation, &person) {
        return decision;
    }
    if !has_agreed(situation) {
        return Decision::AskConsent;
    }
    Decision::Respond
}

/// Who signs in for a request has chosen by that.
fn has_chosen(situation: &Situation<'_>, person: &SignedIn<'_>) -> bool {
    situation.chosen == Some(person.session) || person.began_at > situation.asked_at
}

/// Whether the last proof is young enough for `prompt=login` and `max_age`. A proof
/// that was given for this very request is, however long its page stayed open.
fn is_fresh(situation: &Situation<'_>, person: &SignedIn<'_>) -> bool {
    if person.proved_at > situation.asked_at {
        return true;
    }
    let age = situation.now.since(person.proved_at);
    !situation.request.prompt.login
        && situation
            .request
            .max_age
            .is_none_or(|most| most > 0 && age <= std::time::Duration::from_secs(most))
}

fn has_agreed(situation: &Situation<'_>) -> bool {
    if !situation.asks_consent {
        return true;
    }
    let asks_anew = situation.request.prompt.consent;
    let is_new = situation
        .agreed_at
        .is_some_and(|at| at > situation.asked_at);
    situation.is_agreed && (!asks_anew || is_new)
}

/// What it takes to reach the level that was asked for (OIDC-12); nothing if it is
/// reached, or if the app only would have liked it and it was tried.
fn strengthen(situation: &Situation<'_>, person: &SignedIn<'_>) -> Option<Decision> {
    let (wanted, essential) = wanted_levels(situation.request);
    let level = Level::of(person.proofs);
    if wanted.is_empty() || wanted.iter().any(|name| is_reached(level, name)) {
        return None;
    }
    let weakest = wanted
        .iter()
        .filter_map(|name| Level::from_name(name))
        .min();
    let has_begun_anew = person.began_at > situation.asked_at;
    let wanted = match weakest {
        Some(Level::TwoFactor) if person.has_authenticator_app || person.has_passkey => {
            Some(ProofWanted::SecondFactor)
        }
        Some(Level::PhishingResistant) if person.has_passkey => Some(ProofWanted::Passkey),
        _ => None,
    };
    // The session goes on, one proof the stronger. One that a phone let in can prove
    // nothing more, so a new one takes its place, once.
    let way = match wanted {
        Some(_) if person.by_phone => (!has_begun_anew).then_some(Decision::SignInAgain),
        Some(wanted) => Some(Decision::Reauthenticate(wanted)),
        None => None,
    };
    match way {
        // A wish is tried once; then the app takes what there is.
        Some(_) if !essential && person.proved_at > situation.asked_at => None,
        Some(decision) if essential || !situation.request.prompt.none => Some(decision),
        _ if essential => Some(Decision::Refuse(OidcError::UnmetAuthenticationRequirements)),
        _ => None,
    }
}

fn is_reached(level: Level, name: &str) -> bool {
    Level::from_name(name).is_some_and(|wanted| level >= wanted)
}

/// The levels that were asked for, and whether the app cannot do without.
fn wanted_levels(request: &AuthorizationRequest) -> (&[String], bool) {
    match request.claims.in_id_token("acr") {
        Some(wish) if !wish.values.is_empty() => (&wish.values, wish.essential),
        _ => (&request.acr_values, false),
    }
}

/// The value of `acr` in the ID token: the first that was asked for and is reached,
/// or else the strongest that the proofs deserve (Core 5.5.1.1).
pub fn stated_acr(request: &AuthorizationRequest, proofs: &[Proof]) -> &'static str {
    let level = Level::of(proofs);
    let (wanted, _) = wanted_levels(request);
    wanted
        .iter()
        .filter_map(|name| Level::from_name(name))
        .find(|wanted| level >= *wanted)
        .unwrap_or(level)
        .name()
}

#[cfg(test)]
mod tests;
