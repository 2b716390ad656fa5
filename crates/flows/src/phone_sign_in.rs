//! Signing in on a computer one does not trust, by the word of a phone.
//!
//! [`ask`] is the shared machine's part, [`look`], [`approve`] and [`refuse`] the signed-in
//! person's, [`redeem`] the shared machine's again. The rules, and the attack
//! they are made for, stand in [`nightlatch_domain::phone_sign_in`].

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{PhoneSignInId, SessionId, UserId};
use nightlatch_domain::phone_sign_in::{
    self as rules, Confirming, LIFE, MOST_WAITING, Nearness, PhoneSignInRule, Refusal, UserCode,
};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::{Proof, ProofMethod};
use nightlatch_domain::throttle::{self, Lane, Verdict};
use nightlatch_domain::user::User;
use nightlatch_storage::phone_sign_ins::{self, Approval, Handles, PhoneSignIn};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, events, organizations, throttles};

use crate::Moment;
use crate::activity::Activity;
use crate::session_start::{self, Start};
use crate::sessions::find_live;
use crate::sign_in::SignInOutcome;
use crate::step_up::event;

/// How often a fresh code is drawn if another browser shows the same one.
const TRIES: usize = 3;

/// What came of asking.
#[derive(Debug)]
pub enum AskOutcome {
    /// The browser shows the code of this token and waits.
    Waiting(Token),
    /// Too many machines of this network wait already.
    TooMany,
}

/// A browser begins to wait for a phone.
pub fn ask(
    tx: &mut Tx<'_>,
    moment: &Moment,
    client: &ClientDetails,
) -> Result<AskOutcome, StorageError> {
    let network = client.address.map(throttle::network_key);
    if let Some(network) = network {
        let waiting = phone_sign_ins::count_of_network(tx, network, moment.now)?;
        if waiting >= MOST_WAITING {
            return Ok(AskOutcome::TooMany);
        }
    }
    for _ in 0..TRIES {
        let token = Token::generate(moment.random.as_ref());
        let waiting = PhoneSignIn {
            id: PhoneSignInId::random(moment.random.as_ref()),
            client: client.clone(),
            created_at: moment.now,
            expires_at: moment.now.plus(LIFE),
            refused: false,
            approval: None,
        };
        let handles = Handles {
            token: token.digest(),
            code: UserCode::of(&token).digest(),
            network,
        };
        if phone_sign_ins::add(tx, &waiting, &handles)? {
            return Ok(AskOutcome::Waiting(token));
        }
    }
    Ok(AskOutcome::TooMany)
}

/// How far a browser's waiting has come.
#[derive(Debug)]
pub enum Progress {
    /// Nobody has answered yet.
    Waiting {
        /// From then on its code is worth nothing.
        until: Timestamp,
    },
    /// Somebody said yes; their name and address are to be shown before the
    /// session begins, so that nobody is led into another person's account.
    Approved(Box<User>),
    /// Somebody said no.
    Refused,
    /// Its time is over, or it was used.
    Over,
}

/// Looks how far it has come. Consumes nothing.
pub fn progress(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    token: TokenDigest,
) -> Result<Progress, StorageError> {
    let Some(found) = phone_sign_ins::find_by_token(tx, token, moment.now)? else {
        return Ok(Progress::Over);
    };
    if found.refused {
        return Ok(Progress::Refused);
    }
    let Some(approval) = found.approval else {
        return Ok(Progress::Waiting {
            until: found.expires_at,
        });
    };
    let approver = approver_of(tx, moment, activity, &approval)?;
    Ok(approver.map_or(Progress::Over, |owned| {
        Progress::Approved(Box::new(owned.user))
    }))
}

/// The session that approved, if it is live under the same epochs: what it let
/// in must not outlive "log out of all sessions" (OUT-12).
fn approver_of(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    approval: &Approval,
) -> Result<Option<OwnedSession>, StorageError> {
    let owned = find_live(tx, approval.session_id, activity, moment.now)?;
    Ok(owned.filter(|owned| owned.epochs == approval.epochs))
}

/// What a typed code leads to.
#[derive(Debug)]
pub enum Look {
    /// A browser that waits.
    Found(Box<Request>),
    /// No browser shows this code, or no longer.
    Unknown,
    /// Too many wrong codes; not before this instant.
    Wait(Timestamp),
    /// Too many wrong codes in this session.
    Off,
    /// Not with this account, from this session, or at this distance.
    Refused(Refusal),
    /// The session is over.
    SessionOver,
}

/// A browser that waits, as the person sees it who may let it in.
#[derive(Debug)]
pub struct Request {
    /// Names it.
    pub id: PhoneSignInId,
    /// What it says of itself and where it is.
    pub client: ClientDetails,
    /// Since when it waits.
    pub asked_at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How near it is to the person's own device.
    pub nearness: Nearness,
}

/// Whether this session may confirm at all, before a code is typed.
pub fn may_confirm(owned: &OwnedSession, rule: PhoneSignInRule) -> Result<(), Refusal> {
    rules::judge(rule, confirming(owned), Nearness::SameNetwork)
}

fn confirming(owned: &OwnedSession) -> Confirming {
    Confirming {
        role: owned.user.role,
        kind: owned.session.life.kind,
        by_phone: owned.session.was_let_in_by_phone(),
    }
}

/// Looks up a code that a signed-in person typed. Wrong ones are counted on
/// their session, so that codes of strangers cannot be searched for.
pub fn look(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    session: SessionId,
    client: &ClientDetails,
    code: &UserCode,
) -> Result<Look, StorageError> {
    let Some(owned) = find_live(tx, session, activity, moment.now)? else {
        return Ok(Look::SessionOver);
    };
    let lane = throttle::phone_code_key(session);
    let failures = throttles::get(tx, lane)?;
    match failures.verdict(Lane::KnownBrowser, moment.now) {
        Verdict::Allowed => {}
        Verdict::Wait(until) => return Ok(Look::Wait(until)),
        Verdict::Off => return Ok(Look::Off),
    }
    let Some(found) = phone_sign_ins::find_waiting_by_code(tx, code.digest(), moment.now)? else {
        let failed = failures.failed(Lane::KnownBrowser, moment.now);
        throttles::set(tx, lane, failed.count, moment.now)?;
        return Ok(Look::Unknown);
    };
    throttles::clear(tx, lane)?;
    let rule = organizations::get(tx, owned.user.organization_id)?
        .settings
        .policy
        .phone_sign_in;
    let nearness = rules::nearness(&found.client, client);
    if let Err(refusal) = rules::judge(rule, confirming(&owned), nearness) {
        return Ok(Look::Refused(refusal));
    }
    Ok(Look::Found(Box::new(Request {
        id: found.id,
        client: found.client,
        asked_at: found.created_at,
        until: found.expires_at,
        nearness,
    })))
}

/// What came of a yes.
#[derive(Debug)]
pub enum AnswerOutcome {
    /// The browser may come in.
    Approved,
    /// It takes a fresh proof.
    ProofNeeded,
    /// What the code leads to now: anything but a browser that waits.
    Not(Look),
}

/// Lets the browser in that shows this code. Asks for a fresh proof, so that a
/// phone left on a table lets nobody in.
pub fn approve(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    session: SessionId,
    client: &ClientDetails,
    code: &UserCode,
) -> Result<AnswerOutcome, StorageError> {
    let request = match look(tx, moment, activity, session, client, code)? {
        Look::Found(request) => request,
        other => return Ok(AnswerOutcome::Not(other)),
    };
    let Some(owned) = find_live(tx, session, activity, moment.now)? else {
        return Ok(AnswerOutcome::Not(Look::SessionOver));
    };
    if !owned.session.has_fresh_proof(moment.now) {
        return Ok(AnswerOutcome::ProofNeeded);
    }
    let approval = Approval {
        user_id: owned.user.id,
        session_id: session,
        epochs: owned.epochs,
        at: moment.now,
    };
    if !phone_sign_ins::approve(tx, request.id, &approval, moment.now.plus(LIFE))? {
        return Ok(AnswerOutcome::Not(Look::Unknown));
    }
    let mut line = event(moment, &owned.session, EventKind::PhoneSignInApproved);
    line.client = client.clone();
    line.detail = Some(request.client.description().phrase());
    events::add(tx, &line)?;
    Ok(AnswerOutcome::Approved)
}

/// Turns the browser away that shows this code; nothing if there is none.
pub fn refuse(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    session: SessionId,
    client: &ClientDetails,
    code: &UserCode,
) -> Result<(), StorageError> {
    if let Look::Found(request) = look(tx, moment, activity, session, client, code)? {
        phone_sign_ins::refuse(tx, request.id, moment.now)?;
    }
    Ok(())
}

/// What came of using an approval.
#[derive(Debug)]
pub enum RedeemOutcome {
    /// A session began, or did not, as with every sign-in.
    SignIn(SignInOutcome),
    /// The browser is not where the code was shown; the yes is used up.
    Elsewhere,
    /// It would replace somebody else's session without having said so (E3); nothing
    /// is used up.
    SomebodyElse,
    /// There is no yes, or no longer.
    Over,
}

/// What a browser holds when it comes in.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The token of its session; that is replaced.
    pub replaces: Option<TokenDigest>,
    /// Who is signed in there and was not said to be replaced.
    pub keeps: Option<UserId>,
}

/// The browser that waits comes in: always with the limits of a shared computer,
/// never remembered, and without rights over the account.
pub fn redeem(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    token: TokenDigest,
    held: Held,
    client: &ClientDetails,
) -> Result<RedeemOutcome, StorageError> {
    let found = phone_sign_ins::find_by_token(tx, token, moment.now)?;
    let Some((found, approval)) = found.and_then(|found| {
        let approval = found.approval?;
        Some((found, approval))
    }) else {
        return Ok(RedeemOutcome::Over);
    };
    let Some(approver) = approver_of(tx, moment, activity, &approval)? else {
        return Ok(RedeemOutcome::Over);
    };
    if held.keeps.is_some_and(|keeps| keeps != approver.user.id) {
        return Ok(RedeemOutcome::SomebodyElse);
    }
    let rule = organizations::get(tx, approver.user.organization_id)?
        .settings
        .policy
        .phone_sign_in;
    // Rule and role are asked for again: they may have changed since the yes.
    if may_confirm(&approver, rule).is_err() || !phone_sign_ins::delete(tx, found.id)? {
        return Ok(RedeemOutcome::Over);
    }
    // The person said yes to a computer beside them. Without this, an attacker could
    // ask at such a computer and carry its cookie to one far away.
    let nearness = rules::nearness(&found.client, client);
    if rules::judge(rule, confirming(&approver), nearness).is_err() {
        let mut line = event(moment, &approver.session, EventKind::SignInFailed);
        line.actor = Actor::System;
        line.session_id = None;
        line.browser_id = None;
        line.client = client.clone();
        events::add(tx, &line)?;
        return Ok(RedeemOutcome::Elsewhere);
    }
    let start = Start {
        user: &approver.user,
        epochs: approval.epochs,
        proofs: vec![Proof {
            method: ProofMethod::Phone,
            at: approval.at,
        }],
        browser: None,
        replaces: held.replaces,
        remember: false,
        shared: true,
        client,
    };
    session_start::start(tx, moment, start).map(RedeemOutcome::SignIn)
}
