//! How many statements what people do takes, for `docs/capacity.md`: on PostgreSQL each is
//! a way there and back.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nightlatch_bench::history::History;
use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::random::SeededRandom;
use nightlatch_domain::secret::{Password, Token};
use nightlatch_domain::user::EmailKey;
use nightlatch_flows::Moment;
use nightlatch_flows::log_out::{EndingRequest, end_sessions, expand_next};
use nightlatch_flows::password_hashing::PasswordVerdict;
use nightlatch_flows::sessions::{check, list_live};
use nightlatch_flows::sign_in::{Attempt, Begun, begin, finish};
use nightlatch_storage::testing::{TestStore, statements};
use nightlatch_storage::{DatabaseLocation, StorageError, Store, Tx, bulk, on_both_databases};

const HISTORY: History = History {
    people: 2_000,
    sessions: 4_000,
    live: 2_000,
    seed: 3,
    now: Timestamp::from_milliseconds(1_795_433_500_000),
};

fn filled(beside: &TestStore) -> Store {
    let location = match beside.location() {
        DatabaseLocation::Sqlite(path) => {
            DatabaseLocation::Sqlite(path.with_file_name("filled.db"))
        }
        other => other,
    };
    bulk::fill(&location, |tx| {
        HISTORY.write(tx, "a record", &mut |_| {}).map(drop)
    })
    .unwrap();
    Store::open(&location).unwrap()
}

fn moment() -> Moment {
    // Another seed each time, or two acts would get the same ids.
    static SEED: AtomicU64 = AtomicU64::new(4);
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    Moment {
        now: HISTORY.now,
        random: Arc::new(SeededRandom::new(seed)),
        activity: Arc::default(),
    }
}

/// What a flow answers, and how many statements it ran.
fn counted<T: Send + 'static>(
    store: &Store,
    mut flow: impl FnMut(&mut Tx<'_>) -> Result<T, StorageError> + Send + 'static,
) -> (T, usize) {
    let done: Result<_, StorageError> = store.write_blocking(move |tx| {
        let answer = flow(tx)?;
        Ok((answer, statements(tx).len()))
    });
    done.unwrap()
}

fn ended(store: &Store, scope: Scope) -> usize {
    let request = EndingRequest {
        scope,
        cause: Cause::LoggedOut,
        actor: Actor::Operator,
        reason: None,
    };
    counted(store, move |tx| end_sessions(tx, &moment(), &request)).1
}

on_both_databases! {
    fn what_people_do_takes_few_statements_however_many_people_there_are(fresh) {
        let store = &filled(fresh);
        let session = HISTORY.live_session(5);
        let user = HISTORY.user_id(HISTORY.person_of(session));
        let token = HISTORY.token(session).digest();
        let (_, asked) = counted(store, move |tx| check(tx, token, &moment().activity, HISTORY.now));
        assert_eq!(asked, 1, "a check");
        let (_, asked) = counted(store, move |tx| list_live(tx, user, &moment().activity, HISTORY.now));
        assert_eq!(asked, 2, "a list of sessions");

        let attempt = Arc::new(Attempt {
            email: EmailKey::of_typed(&History::email(7)),
            password: Password::typed("x").unwrap(),
            remember: false,
            shared: false,
            browser: Some(Token::generate(&SeededRandom::new(1)).digest()),
            replaces: None,
            trusted: None,
            return_to: String::new(),
            client: ClientDetails::new(None, None, "a browser"),
        });
        let first = Arc::clone(&attempt);
        let (begun, before) = counted(store, move |tx| {
            begin(tx, &moment(), &first.email, first.browser, &first.client)
        });
        let Begun::Proceed(candidate) = begun else {
            unreachable!("the first sign-in of a person");
        };
        let right = PasswordVerdict::Right { rehashed: None };
        let (_, after) = counted(store, move |tx| finish(tx, &moment(), &attempt, &candidate, &right));
        assert!(before + after <= 40, "a sign-in: {before} and {after}");

        let one = ended(store, Scope::Session(HISTORY.session_id(session)));
        let everywhere = ended(store, Scope::AllOf(HISTORY.user_id(11)));
        let everybody = ended(store, Scope::Deployment);
        let (_, batch) = counted(store, |tx| expand_next(tx, &moment()));
        assert!(one <= 10, "log out: {one}");
        assert!(everywhere <= 12, "log out everywhere: {everywhere}");
        assert!(everybody <= 20, "log out everybody: {everybody}");
        // Five hundred sessions: a statement for each would be five hundred.
        assert!(batch <= 60, "a batch of an expansion: {batch}");
    }
}
