//! An unknown address takes as long as a wrong password (AUTH-07).
//!
//! Without equal work the answer would come twenty times faster for addresses
//! that nobody has, and a list of addresses could be sorted by stopwatch.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::random::SeededRandom;
use nightlatch_domain::secret::Password;
use nightlatch_domain::user::{EmailAddress, EmailKey, Role};
use nightlatch_domain::{Random, Timestamp};
use nightlatch_flows::Moment;
use nightlatch_flows::password_hashing::PasswordHashing;
use nightlatch_flows::people::{
    AddOrganizationOutcome, AddUserOutcome, NewUser, add_organization, add_user,
};
use nightlatch_flows::sign_in::{Attempt, SignInOutcome, with_password};
use nightlatch_storage::testing::{TestDatabase, TestStore, fresh_store};
use nightlatch_storage::{StorageError, Tx};

const ROUNDS: u64 = 24;

/// A machine that does other things may disturb one series; not three. Without equal
/// work each differs twentyfold.
const SERIES: u64 = 3;

/// Nobody first, then those whom there is.
const EMAILS: [&str; 2] = ["nobody@example.test", "ada@example.test"];

fn moment(random: &Arc<dyn Random>, round: u64) -> Moment {
    // An hour apart, so that nobody has to wait.
    let start = Timestamp::from_milliseconds(1_795_433_500_000);
    Moment {
        now: start.plus(Duration::from_hours(round)),
        random: Arc::clone(random),
        activity: Arc::default(),
    }
}

fn add_ada(store: &TestStore, hashing: &PasswordHashing, random: &Arc<dyn Random>) {
    let password = Password::typed("seven lanterns beneath a quiet harbor").expect("short");
    let record = hashing.hash_blocking(&password).expect("a record");
    let moment = moment(random, 0);
    store
        .write_blocking(move |tx: &mut Tx<'_>| {
            let added = add_organization(tx, &moment, "Brightwater")?;
            let AddOrganizationOutcome::Added(organization_id) = added else {
                return Err(StorageError::Other("a name is taken".to_owned()));
            };
            let new = NewUser {
                organization_id,
                email: EmailAddress::parse("ada@example.test").expect("an address"),
                name: "Ada".to_owned(),
                role: Role::Member,
                password_record: record.clone(),
            };
            match add_user(tx, &moment, &new, Actor::Operator)? {
                AddUserOutcome::Added(_) => Ok(()),
                AddUserOutcome::AddressTaken => {
                    Err(StorageError::Other("an address is taken".to_owned()))
                }
            }
        })
        .expect("a person");
}

/// The times of wrong passwords for each of [`EMAILS`], sorted.
async fn measure(
    store: &TestStore,
    hashing: &PasswordHashing,
    random: &Arc<dyn Random>,
    series: u64,
) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::new(); EMAILS.len()];
    for round in 1..=ROUNDS {
        for (email, times) in EMAILS.iter().zip(&mut times) {
            let attempt = Attempt {
                email: EmailKey::of_typed(email),
                password: Password::typed("not the password of anybody").expect("short"),
                remember: false,
                shared: false,
                browser: None,
                replaces: None,
                client: ClientDetails::new(None, None, "test"),
            };
            let moment = moment(random, series * ROUNDS + round);
            let began = Instant::now();
            let outcome = with_password(store, hashing, &moment, attempt).await;
            times.push(began.elapsed());
            assert!(
                matches!(outcome, Ok(SignInOutcome::Refused)),
                "{email}: {outcome:?}"
            );
        }
    }
    for times in &mut times {
        times.sort_unstable();
    }
    times
}

/// Whether the middle halves overlap.
fn overlap(one: &[Duration], other: &[Duration]) -> bool {
    let (lower, upper) = (one.len() / 4, one.len() * 3 / 4);
    one[lower] <= other[upper] && other[lower] <= one[upper]
}

#[tokio::test]
async fn auth_07_unknown_addresses_and_wrong_passwords_take_the_same_time() {
    let random: Arc<dyn Random> = Arc::new(SeededRandom::new(1));
    let hashing = PasswordHashing::new(1, Arc::clone(&random)).expect("hashing");
    let store = fresh_store(TestDatabase::Sqlite);
    std::thread::scope(|scope| {
        scope.spawn(|| add_ada(&store, &hashing, &random));
    });
    let mut measured = Vec::new();
    for series in 0..SERIES {
        measured = measure(&store, &hashing, &random, series).await;
        let nobody = &measured[0];
        if measured[1..].iter().all(|known| overlap(nobody, known)) {
            return;
        }
    }
    panic!("the middle halves never overlapped; at last {EMAILS:?}: {measured:?}");
}
