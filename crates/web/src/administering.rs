//! The way of pages and API through the one door of `flows::administration`.
//!
//! Owns how what came of it is told: as a refusal, or as the wish for a proof. It decides
//! nothing; the door does.

use nightlatch_domain::user::Power;
use nightlatch_flows::Moment;
use nightlatch_flows::administration::{self, Administered, Administrator, Demand};
use nightlatch_storage::{StorageError, Tx};

use crate::api::proof::{highest_proof_needed, session_over};
use crate::failure::Failure;
use crate::guard::Person;
use crate::views::Problem;

/// What somebody without the role is told about what only those who change things may do.
const ADMINISTRATORS_ONLY: &str = "This is for administrators of your organization. If you need it for your work, ask one of them.";

/// The same about what owners decide.
const OWNERS_ONLY: &str = "This is for owners of your organization. Please ask one of them.";

/// The refusal of whoever has not the role that something needs.
pub(crate) fn not_allowed(power: Power) -> Failure {
    let (sentence, code) = match power {
        Power::Read | Power::Administer => (ADMINISTRATORS_ONLY, "administrators-only"),
        Power::Own => (OWNERS_ONLY, "owners-only"),
    };
    Failure::saying(Problem::Forbidden, sentence).with_code(code)
}

/// Lets somebody with a role look at something.
pub(crate) async fn look<T: Send + 'static>(
    person: &Person,
    mut work: impl FnMut(&mut Tx<'_>, Administrator) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, Failure> {
    let app = &person.visit.app;
    let (moment, session) = (app.moment(), person.live.owned.session.id);
    let done: Result<Administered<T>, StorageError> = app
        .store
        .read(move |tx| administration::act(tx, &moment, session, Demand::READ, &mut work))
        .await;
    settle(done?, Demand::READ, "")
}

/// Lets somebody with a role do something; whether it takes a proof first is in the answer.
pub(crate) async fn attempt<T: Send + 'static>(
    person: &Person,
    demand: Demand,
    mut work: impl FnMut(&mut Tx<'_>, &Moment, Administrator) -> Result<T, StorageError>
    + Send
    + 'static,
) -> Result<Administered<T>, Failure> {
    let app = &person.visit.app;
    let (moment, session) = (app.moment(), person.live.owned.session.id);
    let done: Result<Administered<T>, StorageError> = app
        .store
        .write(move |tx| {
            administration::act(tx, &moment, session, demand, |tx, administrator| {
                work(tx, &moment, administrator)
            })
        })
        .await;
    Ok(done?)
}

/// The same for programs; `what` begins the sentence that asks for a proof.
pub(crate) async fn act<T: Send + 'static>(
    person: &Person,
    (demand, what): (Demand, &str),
    work: impl FnMut(&mut Tx<'_>, &Moment, Administrator) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, Failure> {
    settle(attempt(person, demand, work).await?, demand, what)
}

fn settle<T>(done: Administered<T>, demand: Demand, what: &str) -> Result<T, Failure> {
    match done {
        Administered::Done(done) => Ok(done),
        Administered::ProofNeeded => Err(highest_proof_needed(what)),
        Administered::NotAllowed => Err(not_allowed(demand.power)),
        Administered::SessionOver => Err(session_over()),
    }
}
