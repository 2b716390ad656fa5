//! Ending sessions on behalf of a person: the one path from pages and API to the
//! flow, with the proof where it takes one.

use std::sync::Arc;

use nightlatch_domain::secret::Password;
use nightlatch_flows::log_out::Renewed;
use nightlatch_flows::own_endings::{OwnEnding, OwnEndingDone, OwnEndingOutcome, end_own};
use nightlatch_flows::second_factor::{CodeKind, TypedCode};
use nightlatch_flows::step_up::{self, StepUpOutcome};
use nightlatch_flows::step_up_code;
use nightlatch_storage::StorageError;

use crate::failure::Failure;
use crate::guard::{Person, Presence, Visit};
use crate::pages::Fields;
use crate::show;
use crate::signals::Concern;
use crate::views::Problem;

/// What came of an act.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Done.
    Done(OwnEndingDone),
    /// It takes a fresh proof.
    ProofNeeded,
    /// It had ended before.
    EndedBefore,
    /// There are no others.
    NoOthers,
    /// Nothing of theirs has that id.
    NotFound,
    /// The session that asked is over.
    SessionOver,
}

/// Ends what the holder of a session asks to end, and tells open pages.
pub(crate) async fn end(visit: &Visit, wanted: OwnEnding) -> Result<Ending, Failure> {
    let (acting, user) = match &visit.presence {
        Presence::SignedIn(live) => (live.owned.session.id, live.owned.user.id),
        Presence::Over(over) => (over.session_id, over.user_id),
        Presence::Replaced {
            session_id,
            user_id,
        } if wanted == OwnEnding::This => (*session_id, *user_id),
        Presence::Replaced { .. } | Presence::Nobody => return Ok(Ending::SessionOver),
    };
    let app = &visit.app;
    let (moment, activity) = (app.moment(), Arc::clone(&app.activity));
    let presented = visit.session_token;
    let outcome: OwnEndingOutcome = app
        .store
        .write_ending(move |tx| end_own(tx, &moment, &activity, acting, presented, &wanted))
        .await?;
    Ok(match outcome {
        OwnEndingOutcome::Done(done) => {
            app.metrics.ending(done.cause);
            app.signals.ended(Concern::User(user));
            Ending::Done(done)
        }
        OwnEndingOutcome::ProofNeeded => Ending::ProofNeeded,
        OwnEndingOutcome::EndedBefore => Ending::EndedBefore,
        OwnEndingOutcome::NoOthers => Ending::NoOthers,
        OwnEndingOutcome::NotFound => Ending::NotFound,
        OwnEndingOutcome::SessionOver => Ending::SessionOver,
    })
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
}

impl Evidence {
    /// Reads the fields `password`, `proof_code` and `proof_recovery_code`; nothing if
    /// all are empty.
    pub(crate) fn of_form(fields: &Fields) -> Option<Self> {
        match (fields.get("password"), fields.get("proof_code").trim()) {
            ("", "") => Some(fields.get("proof_recovery_code").trim())
                .filter(|code| !code.is_empty())
                .map(Self::recovery_code),
            ("", code) => Some(Self::code(code)),
            (_, _) => Some(Self::Password(fields.password("password"))),
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
    };
    let (counted, proved) = match outcome? {
        StepUpOutcome::Proved(renewed) => ("right", Proved::Yes(renewed)),
        StepUpOutcome::Refused => ("wrong", Proved::No(wrong)),
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

/// A code that is not right, wherever it was asked for.
pub(crate) fn wrong_code() -> String {
    "That code is not right, or was used before. Wait for the next one in your app, then try again."
        .to_owned()
}

fn wrong_recovery_code() -> String {
    "That recovery code is not right, or was used before. Please try another one.".to_owned()
}

fn codes_off() -> String {
    "There were very many wrong codes, so codes are off for now. Please use your password."
        .to_owned()
}

fn wrong_password() -> String {
    "That is not your password. Please try again.".to_owned()
}

/// Whole seconds until an instant, never too few: who waits that long is let in.
pub(crate) fn seconds_until(visit: &Visit, until: nightlatch_domain::Timestamp) -> u64 {
    let milliseconds = until.since(visit.now).as_millis();
    u64::try_from(milliseconds.div_ceil(1000)).map_or(u64::MAX, |seconds| seconds.max(1))
}

/// Says how long to wait.
pub(crate) fn wait_sentence(visit: &Visit, until: nightlatch_domain::Timestamp) -> String {
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
