//! Whatever happens to sessions, in whatever order: rows agree with a model of a few lines.

use std::collections::BTreeMap;

use nightlatch_domain::ending::Cause;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::Session;
use nightlatch_storage::{StorageError, Tx, on_both_databases, sessions};
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use super::rows::{at, ended, id, numbers, people, session};

/// Sessions 0 to 5; even ones are of user 2, odd ones of user 1.
#[derive(Debug, Clone)]
enum Step {
    Add {
        number: u8,
        active_at: i64,
        idle: i64,
    },
    Renew {
        number: u8,
        active_at: i64,
        idle: i64,
        epoch: i64,
    },
    Close {
        number: u8,
        at: i64,
        cause: Cause,
    },
    Record {
        number: u8,
        active_at: i64,
        idle: i64,
    },
    Prune {
        before: i64,
    },
}

/// Small ranges, so that times meet and steps repeat.
fn step() -> impl Strategy<Value = Step> {
    let number = 0_u8..6;
    let time = 0_i64..8;
    let cause = prop_oneof![
        Just(Cause::LoggedOut),
        Just(Cause::IdleTimeout),
        Just(Cause::ReplacedByNewSignIn)
    ];
    prop_oneof![
        3 => (number.clone(), time.clone(), time.clone())
            .prop_map(|(number, active_at, idle)| Step::Add { number, active_at, idle }),
        2 => (number.clone(), time.clone(), time.clone(), 0_i64..3)
            .prop_map(|(number, active_at, idle, epoch)| Step::Renew { number, active_at, idle, epoch }),
        2 => (number.clone(), time.clone(), cause).prop_map(|(number, at, cause)| Step::Close { number, at, cause }),
        4 => (number, time.clone(), time.clone())
            .prop_map(|(number, active_at, idle)| Step::Record { number, active_at, idle }),
        1 => time.prop_map(|before| Step::Prune { before }),
    ]
}

fn made(number: u8, active_at: i64, idle: i64, epoch: i64) -> Session {
    let mut made = session(number, 1 + (number + 1) % 2);
    made.life.last_active_at = at(active_at);
    made.life.deadlines.idle = at(idle);
    made.life.epochs.user = epoch;
    made
}

/// A token of its own for every step.
fn token(place: usize) -> TokenDigest {
    TokenDigest::of(&place.to_be_bytes())
}

/// What a step answers, what is found by token afterwards, and what the lists say.
type Seen = Vec<String>;

/// Carries what was seen out of a transaction that is to leave nothing behind.
#[derive(Debug, PartialEq)]
enum Undone {
    Seen(Seen),
    Storage(StorageError),
}

impl From<StorageError> for Undone {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

fn on_rows(tx: &mut Tx<'_>, steps: &[Step]) -> Result<Seen, StorageError> {
    let mut seen = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        seen.push(match step {
            Step::Add {
                number,
                active_at,
                idle,
            } => {
                let is_new = sessions::find(tx, id(*number))?.is_none();
                if is_new {
                    sessions::add(tx, &made(*number, *active_at, *idle, 0), token(place))?;
                }
                format!("added {is_new}")
            }
            Step::Renew {
                number,
                active_at,
                idle,
                epoch,
            } => {
                let renewed =
                    sessions::renew(tx, &made(*number, *active_at, *idle, *epoch), token(place));
                match renewed {
                    Err(StorageError::WrongRowCount { .. }) => "renewed false".to_owned(),
                    other => other.map(|()| "renewed true".to_owned())?,
                }
            }
            Step::Close { number, at, cause } => {
                format!(
                    "closed {}",
                    sessions::close(tx, id(*number), &ended(*at, *cause, *number))?
                )
            }
            Step::Record {
                number,
                active_at,
                idle,
            } => {
                sessions::record_activity(tx, id(*number), at(*active_at), at(*idle))?;
                "recorded".to_owned()
            }
            Step::Prune { before } => format!("pruned {}", sessions::prune(tx, at(*before), 100)?),
        });
    }
    for place in 0..steps.len() {
        let found = sessions::find_by_token(tx, token(place))?;
        seen.push(format!("{:?}", found.map(|owned| owned.session)));
    }
    for user in [1, 2] {
        let latest = sessions::list_open_of_user(tx, id(user), 4)?;
        let oldest = sessions::list_oldest_open_of_user(tx, id(user), 4)?;
        let below = sessions::list_open_of_user_below(tx, id(user), 1, 100)?.len();
        let count = sessions::count_open_of_user(tx, id(user), 2)?;
        let ids =
            |list: &[sessions::OwnedSession]| numbers(list.iter().map(|owned| owned.session.id));
        seen.push(format!(
            "{:?} {:?} {below} {count}",
            ids(&latest),
            ids(&oldest)
        ));
    }
    let overdue = sessions::list_overdue(tx, at(4), 100)?;
    let deadlines: Vec<_> = overdue
        .iter()
        .map(|owned| owned.session.life.deadlines.idle)
        .collect();
    seen.push(format!("{deadlines:?}"));
    Ok(seen)
}

type Model = BTreeMap<u8, (Session, usize)>;

fn open(model: &mut Model, number: u8) -> Option<&mut (Session, usize)> {
    model
        .get_mut(&number)
        .filter(|(session, _)| session.life.ended.is_none())
}

fn in_memory(model: &mut Model, place: usize, step: &Step) -> String {
    match step {
        Step::Add {
            number,
            active_at,
            idle,
        } => {
            let is_new = !model.contains_key(number);
            model
                .entry(*number)
                .or_insert_with(|| (made(*number, *active_at, *idle, 0), place));
            format!("added {is_new}")
        }
        Step::Renew {
            number,
            active_at,
            idle,
            epoch,
        } => {
            let held = open(model, *number);
            let renewed = held.is_some();
            if let Some(held) = held {
                *held = (made(*number, *active_at, *idle, *epoch), place);
            }
            format!("renewed {renewed}")
        }
        Step::Close { number, at, cause } => {
            let held = open(model, *number);
            let closed = held.is_some();
            if let Some((session, _)) = held {
                session.life.ended = Some(ended(*at, *cause, *number));
            }
            format!("closed {closed}")
        }
        Step::Record {
            number,
            active_at,
            idle,
        } => {
            if let Some((session, _)) = open(model, *number)
                && session.life.last_active_at < at(*active_at)
            {
                session.life.last_active_at = at(*active_at);
                session.life.deadlines.idle = at(*idle);
            }
            "recorded".to_owned()
        }
        Step::Prune { before } => {
            let all = model.len();
            model.retain(|_, (session, _)| {
                session
                    .life
                    .ended
                    .is_none_or(|ended| ended.at >= at(*before))
            });
            format!("pruned {}", all - model.len())
        }
    }
}

fn expected(steps: &[Step]) -> Seen {
    let mut model = Model::new();
    let mut seen: Seen = (0..)
        .zip(steps)
        .map(|(place, step)| in_memory(&mut model, place, step))
        .collect();
    for place in 0..steps.len() {
        let found = model.values().find(|(_, token)| *token == place);
        seen.push(format!("{:?}", found.map(|(session, _)| session)));
    }
    let open: Vec<&Session> = model
        .values()
        .map(|(session, _)| session)
        .filter(|session| session.life.ended.is_none())
        .collect();
    for user in [1, 2] {
        let mut held: Vec<&Session> = open
            .iter()
            .copied()
            .filter(|session| session.user_id == id(user))
            .collect();
        // By number first, and these sorts keep the order of equals.
        held.sort_by_key(|session| session.life.last_active_at);
        let oldest = numbers(held.iter().map(|session| session.id).take(4));
        held.sort_by_key(|session| {
            std::cmp::Reverse((session.life.last_active_at, std::cmp::Reverse(session.id)))
        });
        let latest = numbers(held.iter().map(|session| session.id).take(4));
        let below = held
            .iter()
            .filter(|session| session.life.epochs.user < 1)
            .count();
        seen.push(format!(
            "{latest:?} {oldest:?} {below} {}",
            held.len().min(2)
        ));
    }
    let mut deadlines: Vec<_> = open
        .iter()
        .map(|session| session.life.deadlines.idle)
        .collect();
    deadlines.retain(|deadline| *deadline < at(4));
    deadlines.sort_unstable();
    seen.push(format!("{deadlines:?}"));
    seen
}

on_both_databases! {
    fn rows_agree_with_the_model(store) {
        people(store);
        let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
        let steps = proptest::collection::vec(step(), 1..40);
        TestRunner::new(config)
            .run(&steps, |steps| {
                let expected = expected(&steps);
                let outcome: Result<(), Undone> =
                    store.write_blocking(move |tx| Err(Undone::Seen(on_rows(tx, &steps)?)));
                proptest::prop_assert_eq!(outcome, Err(Undone::Seen(expected)));
                Ok(())
            })
            .unwrap();
    }
}
