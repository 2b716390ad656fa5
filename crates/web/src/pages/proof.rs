//! Proving again who one is: the one place where pages take a proof.
//!
//! Owns what a form may bring as a proof, what is said when it is not right, and
//! that a right one never costs anybody their session: it has replaced the token,
//! so whatever comes next, an error included, answers with the new cookie
//! (SES-05). The very act that asked goes on in the same request (UI-06).

use axum::response::{IntoResponse as _, Response};
use nightlatch_domain::Timestamp;
use nightlatch_domain::secret::Password;
use nightlatch_flows::email_change::AskOutcome;
use nightlatch_flows::factors::Change;
use nightlatch_flows::log_out::Renewed;
use nightlatch_flows::own_endings::OwnEndingOutcome;
use nightlatch_flows::passkeys::known::PasskeyAnswer;
use nightlatch_flows::phone_sign_in::AnswerOutcome;
use nightlatch_flows::proof_level::{self, Missing};
use nightlatch_flows::second_factor::{CodeKind, TypedCode};
use nightlatch_flows::step_up::{self, StepUpOutcome};
use nightlatch_flows::{step_up_code, step_up_passkey};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::{Person, Visit};
use crate::links;
use crate::pages::Fields;
use crate::pages::passkey_answer;
use crate::show;
use crate::views::{Problem, Proof, ProofLevel, ProofWays};

/// The fields by which a form brings a proof; see `templates/proof.html`.
const PASSWORD: &str = "password";
const CODE: &str = "proof_code";
const RECOVERY_CODE: &str = "proof_recovery_code";
const PASSKEY: &str = "proof_passkey";

/// A password where more is asked for.
const NOT_THE_PASSWORD: &str = "Your password alone is not enough here, since this changes how you sign in. Please use your second step as well.";

/// Which proof an act takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Any one of the person's factors, so that a lost phone keeps nobody from ending
    /// sessions (F5).
    AnyProof,
    /// The highest level that the person has, since the act changes what opens the
    /// account (MFA-04).
    TheHighest,
}

/// What came of a proof.
#[derive(Debug)]
pub(crate) enum Proved {
    /// Right; the session goes on under a new token.
    Yes(Box<Renewed>),
    /// Not right; a sentence that says what to do.
    No(String),
    /// The session is over.
    SessionOver,
}

/// What a person proves with: any one of their factors.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// The password; `None` if it is longer than any may be.
    Password(Option<Password>),
    /// A code from an authenticator app, or a recovery code.
    Code(TypedCode),
    /// What a passkey answered; `None` if it cannot be read.
    Passkey(Option<Box<PasskeyAnswer>>),
}

impl Evidence {
    /// Reads the fields of a form; nothing if all are empty. The passkey comes
    /// first: the script fills its field only when the person has just used one,
    /// and a browser may have filled the password in by itself.
    fn of_form(fields: &Fields) -> Option<Self> {
        let (passkey, code) = (fields.get(PASSKEY), fields.get(CODE).trim());
        if !passkey.is_empty() {
            return Some(Self::Passkey(passkey_answer::of_field(passkey)));
        }
        match (fields.get(PASSWORD), code) {
            ("", "") => Some(fields.get(RECOVERY_CODE).trim())
                .filter(|code| !code.is_empty())
                .map(Self::recovery_code),
            ("", code) => Some(Self::code(code)),
            (_, _) => Some(Self::Password(fields.password(PASSWORD))),
        }
    }

    /// A code as typed.
    pub(crate) fn code(text: &str) -> Self {
        Self::Code(TypedCode::typed(CodeKind::AuthenticatorApp, text))
    }

    /// A recovery code as typed.
    pub(crate) fn recovery_code(text: &str) -> Self {
        Self::Code(TypedCode::typed(CodeKind::Recovery, text))
    }
}

/// Proves that the person in front of the session is its owner.
pub(crate) async fn prove_with(person: &Person, evidence: Evidence) -> Result<Proved, Failure> {
    let app = &person.visit.app;
    let (moment, id) = (app.moment(), person.live.owned.session.id);
    let (outcome, wrong): (Result<StepUpOutcome, StorageError>, _) = match evidence {
        Evidence::Password(None) => return Ok(Proved::No(wrong_password())),
        Evidence::Passkey(None) => return Ok(Proved::No(wrong_passkey())),
        Evidence::Password(Some(password)) => {
            let (store, hashing, activity) = (&app.store, &app.hashing, &app.activity);
            let proving = step_up::with_password(store, hashing, &moment, activity, id, password);
            (proving.await, wrong_password())
        }
        Evidence::Code(code) if code.kind() == CodeKind::Recovery => {
            let (store, hashing, activity) = (&app.store, &app.hashing, &app.activity);
            let proving =
                step_up_code::with_recovery_code(store, hashing, &moment, activity, id, code);
            (proving.await, wrong_recovery_code())
        }
        Evidence::Code(code) => {
            let proving =
                step_up_code::with_code(&app.store, &app.sealer, &moment, &app.activity, id, code);
            (proving.await, wrong_code())
        }
        Evidence::Passkey(Some(answer)) => {
            let inner = std::sync::Arc::clone(app);
            let proving = app.store.write(move |tx| {
                let (activity, passkeys) = (&inner.activity, &inner.passkeys);
                step_up_passkey::with_passkey(tx, &moment, activity, passkeys, id, &answer)
            });
            (proving.await, wrong_passkey())
        }
    };
    let (counted, proved) = match outcome? {
        StepUpOutcome::Proved(renewed) => ("right", Proved::Yes(renewed)),
        StepUpOutcome::Refused => ("wrong", Proved::No(wrong)),
        StepUpOutcome::ChallengeOver => ("expired", Proved::No(challenge_over())),
        StepUpOutcome::CodesOff => ("off", Proved::No(codes_off())),
        StepUpOutcome::Wait(until) => {
            ("throttled", Proved::No(wait_sentence(&person.visit, until)))
        }
        StepUpOutcome::Off => ("off", Proved::No(off_sentence())),
        StepUpOutcome::SessionOver => ("over", Proved::SessionOver),
        StepUpOutcome::Overloaded => return Err(Failure::new(Problem::Unavailable)),
    };
    app.metrics.proof(counted);
    Ok(proved)
}

/// What a form with a proof leads to.
pub(crate) enum Taken {
    /// Go on, with these cookies.
    Yes(Jar),
    /// Ask, saying this if something was wrong.
    Ask(Option<String>),
    /// To the sign-in page.
    SessionOver,
}

/// The evidence, if it can be enough; or what to say instead.
fn refuse_unfit(ways: ProofWays, evidence: Option<Evidence>) -> Result<Evidence, String> {
    match evidence {
        None => Err(ways.missing()),
        Some(Evidence::Password(_)) if ways.are_second() => Err(NOT_THE_PASSWORD.to_owned()),
        Some(evidence) => Ok(evidence),
    }
}

/// Takes the proof that came along with a form.
pub(crate) async fn take_proof(
    person: &Person,
    takes: Takes,
    fields: &Fields,
) -> Result<Taken, Failure> {
    let (_, ways) = look(person, takes).await?;
    let evidence = match refuse_unfit(ways, Evidence::of_form(fields)) {
        Ok(evidence) => evidence,
        Err(sentence) => {
            let was_asked = [PASSWORD, CODE, RECOVERY_CODE, PASSKEY]
                .into_iter()
                .any(|name| fields.all(name).next().is_some());
            // A page that was opened while the last proof was fresh did not ask: that
            // is no mistake of the person's.
            return Ok(Taken::Ask(was_asked.then_some(sentence)));
        }
    };
    Ok(match prove_with(person, evidence).await? {
        Proved::Yes(renewed) => {
            let mut jar = Jar::default();
            jar.renew_session(&renewed, person.visit.now);
            Taken::Yes(jar)
        }
        Proved::No(sentence) => Taken::Ask(Some(sentence)),
        Proved::SessionOver => Taken::SessionOver,
    })
}

/// An act that may take a fresh proof, as its flow answered.
pub(crate) trait MayTakeProof {
    /// Which proof is needed, if nothing was done for want of one.
    fn needs(&self) -> Option<Takes>;
}

impl<T> MayTakeProof for Change<T> {
    fn needs(&self) -> Option<Takes> {
        matches!(self, Self::ProofNeeded).then_some(Takes::TheHighest)
    }
}

impl MayTakeProof for AskOutcome {
    fn needs(&self) -> Option<Takes> {
        matches!(self, Self::ProofNeeded).then_some(Takes::TheHighest)
    }
}

impl MayTakeProof for OwnEndingOutcome {
    fn needs(&self) -> Option<Takes> {
        match self {
            Self::ProofNeeded => Some(Takes::AnyProof),
            Self::HighestProofNeeded => Some(Takes::TheHighest),
            _ => None,
        }
    }
}

impl MayTakeProof for AnswerOutcome {
    fn needs(&self) -> Option<Takes> {
        matches!(self, Self::ProofNeeded).then_some(Takes::AnyProof)
    }
}

/// Does what may take a fresh proof: acts, and if the flow asks for one, takes it
/// from the form and acts again, or asks on the page that belongs to the act. What
/// came of it is given to `answer`, which never sees an act that needs a proof.
pub(crate) async fn with_proof<T, Acting, Asking, Answering>(
    person: &Person,
    fields: &Fields,
    act: impl Fn() -> Acting + Send,
    ask: impl FnOnce(Option<String>) -> Asking + Send,
    answer: impl FnOnce(T) -> Answering + Send,
) -> Response
where
    T: MayTakeProof + Send,
    Acting: Future<Output = Result<T, Failure>> + Send,
    Asking: Future<Output = Result<Response, Failure>> + Send,
    Answering: Future<Output = Result<Response, Failure>> + Send,
{
    let mut renewed = Jar::default();
    let outcome = async {
        let mut outcome = act().await?;
        if let Some(takes) = outcome.needs() {
            match take_proof(person, takes, fields).await? {
                Taken::Yes(jar) => renewed = jar,
                Taken::Ask(error) => return ask(error).await,
                Taken::SessionOver => return Ok(to_sign_in()),
            }
            outcome = act().await?;
        }
        if outcome.needs().is_some() {
            return Err(Failure::internal("a fresh proof was not accepted"));
        }
        answer(outcome).await
    }
    .await;
    let mut response = outcome.into_response();
    renewed.apply_missing(response.headers_mut());
    response
}

/// Where somebody goes whose session is over.
pub(crate) fn to_sign_in() -> Response {
    show::see_other(links::LOGIN, Jar::default())
}

/// What is still to be proved, and what can prove it.
async fn look(person: &Person, takes: Takes) -> Result<(Missing, ProofWays), Failure> {
    let (session, now) = (person.live.owned.session.clone(), person.visit.now);
    let app = &person.visit.app;
    let found: Result<_, StorageError> = app
        .store
        .read(move |tx| {
            let missing = match takes {
                Takes::TheHighest => proof_level::missing(tx, &session, now)?,
                Takes::AnyProof if session.has_fresh_proof(now) => Missing::Nothing,
                Takes::AnyProof => Missing::Any,
            };
            Ok((missing, step_up::ways(tx, session.user_id)?))
        })
        .await;
    let (missing, found) = found?;
    let level = match missing {
        Missing::Second(options) => ProofLevel::Second {
            recovery_code: options.recovery_code,
        },
        Missing::Any | Missing::Nothing => ProofLevel::Any {
            password: found.password,
        },
    };
    let ways = ProofWays {
        level,
        code: found.code,
        passkey: found.passkey && app.passkeys.are_possible(),
    };
    Ok((missing, ways))
}

/// The form asks for a proof; `error` says what was wrong with the last.
pub(crate) async fn asked(
    person: &Person,
    takes: Takes,
    error: Option<String>,
) -> Result<Proof, Failure> {
    let (_, ways) = look(person, takes).await?;
    Ok(Proof::Needed { error, ways })
}

/// The form changes what opens the account: it asks for the highest proof, if the
/// session has not just given it.
pub(crate) async fn asked_to_change(person: &Person) -> Result<Proof, Failure> {
    Ok(match look(person, Takes::TheHighest).await? {
        (Missing::Nothing, _) => Proof::Fresh,
        (_, ways) => Proof::Needed { error: None, ways },
    })
}

/// The form asks for a proof if there is anything that takes one, and the last is
/// too old.
pub(crate) async fn asked_if(person: &Person, takes_one: bool) -> Result<Proof, Failure> {
    if takes_one && !person.has_fresh_proof() {
        asked(person, Takes::AnyProof, None).await
    } else {
        Ok(Proof::Fresh)
    }
}

/// A code that is not right, wherever it was asked for.
pub(crate) fn wrong_code() -> String {
    "That code is not right, or was used before. Wait for the next one in your app, then try again."
        .to_owned()
}

fn wrong_recovery_code() -> String {
    "That recovery code is not right, or was used before. Please try another one.".to_owned()
}

/// A passkey that is not right, wherever it was asked for.
pub(crate) fn wrong_passkey() -> String {
    "That passkey did not work. Please try again, or use another way.".to_owned()
}

/// The challenge of a passkey is over, wherever it was asked for.
pub(crate) fn challenge_over() -> String {
    "That took too long, or was tried before. Please use your passkey once more.".to_owned()
}

fn codes_off() -> String {
    "There were very many wrong codes, so codes are off for now. Please use another way.".to_owned()
}

fn wrong_password() -> String {
    "That is not your password. Please try again.".to_owned()
}

/// Whole seconds until an instant, never too few: who waits that long is let in.
pub(crate) fn seconds_until(visit: &Visit, until: Timestamp) -> u64 {
    let milliseconds = until.since(visit.now).as_millis();
    u64::try_from(milliseconds.div_ceil(1000)).map_or(u64::MAX, |seconds| seconds.max(1))
}

/// Says how long to wait.
pub(crate) fn wait_sentence(visit: &Visit, until: Timestamp) -> String {
    let wait = seconds_until(visit, until);
    let words = show::length(std::time::Duration::from_secs(if wait > 90 {
        wait.div_ceil(60) * 60
    } else {
        wait
    }));
    format!("There were several wrong tries. Please wait {words}, then try again.")
}

fn off_sentence() -> String {
    "There were too many wrong tries in this session. Log out and sign in again to go on."
        .to_owned()
}
