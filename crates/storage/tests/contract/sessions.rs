//! One session: every column, its end that comes once, and what does not touch an ended one.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::Cause;
use nightlatch_domain::organization::Settings;
use nightlatch_domain::policy::Deadlines;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::{Epochs, Life, Proof, ProofMethod, Session, SessionKind};
use nightlatch_domain::user::{Appearance, User, UserStatus};
use nightlatch_storage::sessions::{self, OwnedSession};
use nightlatch_storage::{Store, epochs, on_both_databases, organizations, users};

use super::rows::{
    ODD_TEXT, add_sessions, at, client, constraint, digest, ended, id, is_wrong_row_count,
    long_text, numbers, organization, people, refusal, same, session, user, write,
};

fn find(store: &Store, number: u8) -> Session {
    write(store, move |tx| sessions::find(tx, id(number)))
        .unwrap()
        .session
}

fn by_token(store: &Store, token: TokenDigest) -> Option<OwnedSession> {
    write(store, move |tx| sessions::find_by_token(tx, token))
}

fn close(store: &Store, number: u8, milliseconds: i64, cause: Cause, ending: u8) -> bool {
    let ended = ended(milliseconds, cause, ending);
    write(store, move |tx| sessions::close(tx, id(number), &ended))
}

fn record(store: &Store, number: u8, active_at: i64, idle_deadline: i64) {
    write(store, move |tx| {
        sessions::record_activity(tx, id(number), at(active_at), at(idle_deadline))
    });
}

fn activity(store: &Store, number: u8) -> (i64, i64) {
    let life = find(store, number).life;
    (
        life.last_active_at.milliseconds(),
        life.deadlines.idle.milliseconds(),
    )
}

fn proof(milliseconds: i64) -> Proof {
    Proof {
        method: ProofMethod::Password,
        at: at(milliseconds),
    }
}

fn full_session(number: u8, kind: SessionKind) -> Session {
    Session {
        id: id(number),
        user_id: id(3),
        organization_id: id(2),
        browser_id: Some(id(77)),
        created_at: at(-11),
        life: Life {
            epochs: Epochs {
                user: 21,
                organization: 22,
                deployment: i64::MAX,
            },
            kind,
            authenticated_at: at(31),
            last_active_at: at(32),
            deadlines: Deadlines {
                idle: at(33),
                overall: Timestamp::from_milliseconds(i64::MAX),
            },
            ended: None,
        },
        proofs: vec![proof(41), proof(i64::MIN), proof(42)],
        client: client(Some("2001:db8::ff00:42:8329"), Some(ODD_TEXT), &long_text()),
    }
}

on_both_databases! {
    fn many_end_at_once_and_the_first_cause_stays(store) {
        people(store);
        // More than one statement takes, and one of them over already.
        add_sessions(store, (1..=130).map(|number| session(number, 1)).collect());
        assert!(close(store, 70, 5, Cause::LoggedOut, 1));
        let all: Vec<_> = (1..=130).map(id).collect();
        let by_force = ended(9, Cause::EndedByAdministrator, 2);
        let closed = write(store, move |tx| sessions::close_many(tx, &all, &by_force));
        let others: Vec<u8> = (1..=130).filter(|number| *number != 70).collect();
        let mut closed = numbers(closed);
        closed.sort_unstable();
        assert_eq!(closed, others);
        for number in 1..=130 {
            let expected = if number == 70 { ended(5, Cause::LoggedOut, 1) } else { by_force };
            assert_eq!(find(store, number).life.ended, Some(expected));
        }
        let again = write(store, move |tx| sessions::close_many(tx, &[id(1), id(2)], &by_force));
        assert!(again.is_empty());
        assert!(write(store, move |tx| sessions::close_many(tx, &[], &by_force)).is_empty());
    }

    fn a_session_comes_back_as_it_was_stored(store) {
        people(store);
        let empty = Session { proofs: Vec::new(), ..session(9, 1) };
        let address = Session { client: client(Some("203.0.113.9"), None, ODD_TEXT), ..session(10, 1) };
        let mapped = Session { client: client(Some("::ffff:203.0.113.9"), Some(""), ""), ..session(11, 1) };
        for stored in [
            full_session(1, SessionKind::Ordinary),
            full_session(2, SessionKind::Remembered),
            full_session(0, SessionKind::Shared),
            empty,
            address,
            mapped,
        ] {
            let token = TokenDigest::of(&stored.id.to_bytes());
            assert!(by_token(store, token).is_none());
            add_sessions(store, vec![stored.clone()]);
            same(&by_token(store, token).unwrap().session, &stored);
            let id = stored.id;
            same(&write(store, move |tx| sessions::find(tx, id)).unwrap().session, &stored);
        }
        assert!(write(store, |tx| sessions::find(tx, id(99))).is_none());
    }

    fn a_session_comes_with_its_owner_and_the_present_counters(store) {
        people(store);
        let owner = User {
            name: ODD_TEXT.to_owned(),
            appearance: Appearance::Dark,
            picture_version: Some(7),
            ..user(3, 2)
        };
        let mut company = organization(2);
        company.settings = Settings { contact: Some(ODD_TEXT.to_owned()), ..Settings::default() };
        add_sessions(store, vec![full_session(1, SessionKind::Ordinary), session(2, 1)]);
        let (profile, settings) = (owner.clone(), company.clone());
        write(store, move |tx| {
            users::update_profile(tx, &profile, at(77))?;
            users::set_status(tx, id(3), UserStatus::Disabled)?;
            organizations::update(tx, &settings)?;
            for _ in 0..3 {
                epochs::raise_user(tx, id(3))?;
            }
            for _ in 0..2 {
                epochs::raise_organization(tx, id(2))?;
            }
            epochs::raise_deployment(tx)
        });
        let found = by_token(store, TokenDigest::of(&[1; 16])).unwrap();
        same(&found.user, &User { status: UserStatus::Disabled, ..owner });
        same(&found.organization, &company);
        assert_eq!(found.epochs, Epochs { user: 3, organization: 2, deployment: 1 });
        assert_eq!(found.standing().user_status, UserStatus::Disabled);
        let other = write(store, |tx| sessions::find(tx, id(2))).unwrap();
        assert_eq!(other.epochs, Epochs { user: 0, organization: 0, deployment: 1 });
        same(&other.user, &user(1, 1));
    }

    fn a_token_belongs_to_one_session(store) {
        people(store);
        add_sessions(store, vec![session(1, 1), session(2, 1)]);
        let token = TokenDigest::of(&[1; 16]);
        let taken = constraint("sessions_token_digest");
        assert_eq!(refusal(store, move |tx| sessions::add(tx, &session(3, 1), token)), taken);
        assert_eq!(refusal(store, move |tx| sessions::renew(tx, &session(2, 1), token)), taken);
        assert_eq!(
            refusal(store, |tx| sessions::add(tx, &session(1, 1), digest(9))),
            constraint("sessions_pkey")
        );
        let unowned = refusal(store, |tx| sessions::add(tx, &session(4, 99), digest(9)));
        assert_eq!(unowned, constraint("foreign_key"));
    }

    fn renewing_gives_a_new_token_and_stores_the_present_state(store) {
        people(store);
        add_sessions(store, vec![session(1, 1), session(2, 1)]);
        let renewed = Session {
            life: Life {
                epochs: Epochs { user: 5, organization: 6, deployment: 7 },
                authenticated_at: at(2_000),
                last_active_at: at(2_001),
                deadlines: Deadlines { idle: at(8_000), overall: at(12_000) },
                ..session(1, 1).life
            },
            proofs: vec![proof(0), proof(2_000)],
            ..session(1, 1)
        };
        // Where it began, whose it is and what kind it is do not change.
        let update = Session {
            user_id: id(2),
            browser_id: Some(id(8)),
            created_at: at(55),
            life: Life { kind: SessionKind::Shared, ..renewed.life },
            client: client(None, None, "another"),
            ..renewed.clone()
        };
        write(store, move |tx| sessions::renew(tx, &update, digest(9)));
        assert!(by_token(store, TokenDigest::of(&[1; 16])).is_none(), "the old token is dead");
        same(&by_token(store, digest(9)).unwrap().session, &renewed);
        same(&find(store, 2), &session(2, 1));
    }

    fn the_token_before_the_present_one_is_kept_until_the_end_and_no_longer(store) {
        people(store);
        add_sessions(store, vec![session(1, 1), session(2, 1)]);
        let previous = |token| {
            let found = write(store, move |tx| sessions::find_by_previous_token(tx, token));
            found.map(|owned| owned.session.id)
        };
        let first = TokenDigest::of(&[1; 16]);
        assert_eq!(previous(first), None, "the present one is not the one before");
        write(store, |tx| sessions::renew(tx, &session(1, 1), digest(8)));
        assert_eq!(previous(first), Some(id(1)));
        assert!(by_token(store, first).is_none());
        write(store, |tx| sessions::renew(tx, &session(1, 1), digest(9)));
        assert_eq!((previous(first), previous(digest(8))), (None, Some(id(1))));
        write(store, move |tx| sessions::set_previous_token(tx, id(1), first));
        assert_eq!((previous(first), previous(digest(8))), (Some(id(1)), None));
        // An authentication that the token outlives moves neither.
        write(store, |tx| sessions::record_authentication(tx, &session(1, 1)));
        assert_eq!(previous(first), Some(id(1)));
        assert!(by_token(store, digest(9)).is_some());
        assert!(close(store, 1, 500, Cause::LoggedOut, 1));
        write(store, move |tx| sessions::set_previous_token(tx, id(1), first));
        assert_eq!((previous(first), previous(digest(8))), (None, None));
        let kept = "SELECT count(*) FROM sessions WHERE previous_token_digest IS NOT NULL";
        assert_eq!(write(store, move |tx| tx.query_one(kept, &[], |row| row.get::<i64>(0))), 0);
    }

    fn an_ended_session_is_not_renewed(store) {
        people(store);
        add_sessions(store, vec![session(1, 1)]);
        assert!(close(store, 1, 500, Cause::LoggedOut, 1));
        let before = find(store, 1);
        assert!(is_wrong_row_count(&refusal(store, |tx| sessions::renew(tx, &session(1, 1), digest(9)))));
        assert!(is_wrong_row_count(&refusal(store, |tx| sessions::renew(tx, &session(9, 1), digest(9)))));
        assert!(by_token(store, digest(9)).is_none());
        same(&by_token(store, TokenDigest::of(&[1; 16])).unwrap().session, &before);
    }

    fn the_first_end_of_a_session_stays(store) {
        people(store);
        add_sessions(store, vec![session(1, 1), session(2, 1)]);
        assert!(close(store, 1, 500, Cause::IdleTimeout, 1));
        assert!(!close(store, 1, 400, Cause::LoggedOut, 2));
        assert!(!close(store, 1, 600, Cause::EndedByAdministrator, 3));
        assert!(!close(store, 99, 500, Cause::LoggedOut, 1));
        let mut expected = session(1, 1);
        expected.life.ended = Some(ended(500, Cause::IdleTimeout, 1));
        same(&find(store, 1), &expected);
        same(&find(store, 2), &session(2, 1));
    }

    fn every_cause_can_be_stored(store) {
        people(store);
        for (number, cause) in (1..).zip(Cause::ALL) {
            add_sessions(store, vec![session(number, 1)]);
            assert!(close(store, number, i64::from(number), cause, number));
            assert_eq!(find(store, number).life.ended, Some(ended(i64::from(number), cause, number)));
        }
    }

    fn activity_only_moves_forward_and_changes_nothing_else(store) {
        people(store);
        add_sessions(store, vec![session(1, 1), session(2, 1)]);
        assert_eq!(activity(store, 1), (1_000, 5_000));
        for (active_at, idle_deadline) in [(999, 9_000), (1_000, 9_000), (i64::MIN, 9_000)] {
            record(store, 1, active_at, idle_deadline);
            assert_eq!(activity(store, 1), (1_000, 5_000), "{active_at} is not after 1000");
        }
        record(store, 1, 1_001, 5_001);
        record(store, 1, 1_000, 5_000);
        let mut expected = session(1, 1);
        expected.life.last_active_at = at(1_001);
        expected.life.deadlines.idle = at(5_001);
        same(&find(store, 1), &expected);
        same(&find(store, 2), &session(2, 1));
        record(store, 99, 2_000, 6_000);
    }

    fn activity_never_touches_an_ended_session(store) {
        people(store);
        add_sessions(store, vec![session(1, 1)]);
        assert!(close(store, 1, 500, Cause::LoggedOut, 1));
        let before = find(store, 1);
        record(store, 1, 2_000, 6_000);
        same(&find(store, 1), &before);
    }

    fn half_an_end_is_refused_by_the_schema(store) {
        people(store);
        add_sessions(store, vec![session(1, 1)]);
        for sql in [
            "UPDATE sessions SET ended_at = 1",
            "UPDATE sessions SET ended_cause = 'logged_out'",
            "UPDATE sessions SET ended_at = 1, ended_cause = 'logged_out'",
            "UPDATE sessions SET ending_id = id",
            "UPDATE sessions SET ended_at = 1, ending_id = id",
        ] {
            let refused = refusal(store, move |tx| tx.execute(sql, &[]));
            assert!(
                matches!(refused, nightlatch_storage::StorageError::Constraint { .. }),
                "{sql}: {refused:?}"
            );
        }
    }
}
