//! What calls of administrators share: the role, the proof and the session are asked for
//! inside of the transaction that does the work (`flows::administration`).

use nightlatch_flows::Moment;
use nightlatch_flows::administration::{self, Administered, Administrator, Demand};
use nightlatch_storage::{StorageError, Tx};

use super::proof::{highest_proof_needed, session_over};
use crate::failure::Failure;
use crate::guard::{ADMINISTRATORS_ONLY, Person};
use crate::views::Problem;

/// Lets an administrator look at something.
pub(super) async fn look<T: Send + 'static>(
    person: &Person,
    mut work: impl FnMut(&mut Tx<'_>, Administrator) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, Failure> {
    let app = &person.visit.app;
    let (moment, session) = (app.moment(), person.live.owned.session.id);
    let done: Result<Administered<T>, StorageError> = app
        .store
        .read(move |tx| administration::act(tx, &moment, session, Demand::Role, &mut work))
        .await;
    settle(done?, "")
}

/// Lets an administrator do something; `what` begins the sentence that asks for a proof.
pub(super) async fn act<T: Send + 'static>(
    person: &Person,
    (demand, what): (Demand, &str),
    mut work: impl FnMut(&mut Tx<'_>, &Moment, Administrator) -> Result<T, StorageError>
    + Send
    + 'static,
) -> Result<T, Failure> {
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
    settle(done?, what)
}

fn settle<T>(done: Administered<T>, what: &str) -> Result<T, Failure> {
    match done {
        Administered::Done(done) => Ok(done),
        Administered::ProofNeeded => Err(highest_proof_needed(what)),
        Administered::NotAdministrator => {
            Err(Failure::saying(Problem::Forbidden, ADMINISTRATORS_ONLY)
                .with_code("administrators-only"))
        }
        Administered::SessionOver => Err(session_over()),
    }
}
