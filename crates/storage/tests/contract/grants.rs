//! Codes and grants: used once, rotated once, revoked once.

use nightlatch_domain::ending::Cause;
use nightlatch_domain::grant::{Grant, GrantEpochs, RevokedCause, Scopes};
use nightlatch_domain::relying_party::{Registration, RelyingParty, RelyingPartyStatus};
use nightlatch_domain::session::{Proof, ProofMethod};
use nightlatch_storage::authorization_codes::{self, AuthorizationCode};
use nightlatch_storage::{
    Store, epochs, grants, on_both_databases, relying_parties, sessions, used_assertions,
};

use super::rows::{add_sessions, at, digest, ended, id, numbers, people, same, session, write};

/// An app of an organization.
pub(super) fn app(number: u8, organization: u8) -> RelyingParty {
    RelyingParty {
        id: id(number),
        organization_id: id(organization),
        name: format!("App {number}"),
        registration: Registration::default(),
        secret: Some(digest(number)),
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: at(0),
    }
}

/// A code of app 1, in the session that has its number.
pub(super) fn authorization_code(number: u8, user: u8) -> AuthorizationCode {
    AuthorizationCode {
        client_id: id(1),
        session_id: id(number),
        user_id: id(user),
        client_epoch: 3,
        redirect_uri: "https://crm.example.com/callback".to_owned(),
        scopes: Scopes::parse("openid email"),
        nonce: Some("once".to_owned()),
        challenge: Some("challenge".to_owned()),
        request: "{}".to_owned(),
        authenticated_at: at(4),
        proofs: vec![Proof {
            method: ProofMethod::Password,
            at: at(4),
        }],
        created_at: at(5),
        expires_at: at(6),
        used_at: None,
        grant_id: None,
    }
}

/// A grant of app 1, made in the session that has its number.
pub(super) fn grant(number: u8, user: u8, offline: bool) -> Grant {
    Grant {
        id: id(number),
        client_id: id(1),
        user_id: id(user),
        organization_id: id(1),
        session_id: id(number),
        offline,
        epochs: GrantEpochs {
            organization: 1,
            deployment: 2,
            offline: 3,
            client: 4,
        },
        scopes: Scopes::parse("openid"),
        authenticated_at: at(5),
        proofs: vec![Proof {
            method: ProofMethod::Passkey,
            at: at(5),
        }],
        request: "{\"acr\":\"phr\"}".to_owned(),
        seed: [number; 32],
        generation: 0,
        rotated_at: at(6),
        idle_deadline: at(7),
        overall_deadline: at(8),
        access_from: at(9),
        created_at: at(10),
        last_used_at: at(11),
        revoked: None,
    }
}

fn scene(store: &Store) {
    people(store);
    write(store, |tx| {
        relying_parties::add(tx, &app(1, 1))?;
        relying_parties::add(tx, &app(2, 1))
    });
}

fn add(store: &Store, added: Grant) {
    write(store, move |tx| grants::add(tx, &added));
}

fn find(store: &Store, number: u8) -> Grant {
    write(store, move |tx| grants::find(tx, id(number)))
        .unwrap()
        .grant
}

fn revoked(store: &Store, number: u8) -> Option<RevokedCause> {
    find(store, number).revoked.map(|(_, cause)| cause)
}

on_both_databases! {
    fn a_code_comes_back_as_it_was_and_is_used_once(store) {
        scene(store);
        let code = authorization_code(1, 1);
        let copy = code.clone();
        write(store, move |tx| authorization_codes::add(tx, &copy, digest(1)));
        let found = move |store: &Store| write(store, |tx| authorization_codes::find(tx, digest(1)));
        assert_eq!(found(store), Some(code.clone()));
        assert_eq!(write(store, |tx| authorization_codes::find(tx, digest(2))), None);
        let use_up = |store: &Store, number: u8| {
            write(store, move |tx| authorization_codes::use_up(tx, digest(1), at(7), Some(id(number))))
        };
        assert!(use_up(store, 8));
        assert!(!use_up(store, 9), "a second use changes nothing");
        let used = AuthorizationCode { used_at: Some(at(7)), grant_id: Some(id(8)), ..code };
        assert_eq!(found(store), Some(used));
        assert_eq!(write(store, |tx| authorization_codes::prune(tx, at(5), 9)), 0);
        assert_eq!(write(store, |tx| authorization_codes::prune(tx, at(6), 9)), 1);
        assert_eq!(found(store), None);
    }

    fn a_grant_comes_back_as_it_was_with_the_present_counters(store) {
        scene(store);
        add(store, grant(1, 1, true));
        let found = write(store, |tx| grants::find(tx, id(1))).unwrap();
        same(&found.grant, &grant(1, 1, true));
        assert_eq!(found.grant.seed, [1; 32]);
        assert_eq!(found.grant.proofs, grant(1, 1, true).proofs);
        let zero = GrantEpochs { organization: 0, deployment: 0, offline: 0, client: 0 };
        assert_eq!(found.epochs, zero);
        write(store, |tx| epochs::raise_user(tx, id(1)));
        write(store, |tx| {
            epochs::raise_organization(tx, id(1))?;
            epochs::raise_deployment(tx)?;
            grants::raise_offline_epoch(tx, id(1))?;
            relying_parties::raise_epoch(tx, id(1))
        });
        let one = GrantEpochs { organization: 1, deployment: 1, offline: 1, client: 1 };
        assert_eq!(write(store, |tx| grants::find(tx, id(1))).unwrap().epochs, one);
        assert_eq!(write(store, |tx| grants::find_epochs(tx, id(1), id(1))), Some(one));
        assert_eq!(write(store, |tx| grants::find_epochs(tx, id(9), id(1))), None);
        assert_eq!(write(store, |tx| grants::find_epochs(tx, id(1), id(9))), None);
        assert!(write(store, |tx| grants::find(tx, id(2))).is_none());
    }

    fn tok_03_a_generation_is_followed_once(store) {
        scene(store);
        add(store, grant(1, 1, true));
        let next = Grant { generation: 1, rotated_at: at(20), idle_deadline: at(21), last_used_at: at(22), ..grant(1, 1, true) };
        let copy = next.clone();
        assert!(write(store, move |tx| grants::rotate(tx, &copy, 0)));
        same(&find(store, 1), &next);
        let copy = next.clone();
        assert!(!write(store, move |tx| grants::rotate(tx, &copy, 0)), "somebody was faster");
        write(store, |tx| grants::revoke(tx, id(1), at(30), RevokedCause::ByClient));
        let after = Grant { generation: 2, ..next };
        assert!(!write(store, move |tx| grants::rotate(tx, &after, 1)), "a revoked one stays as it is");
    }

    fn the_first_revocation_stays_and_access_tokens_are_voided_forward_only(store) {
        scene(store);
        add(store, grant(1, 1, false));
        let revoke = |store: &Store, cause| write(store, move |tx| grants::revoke(tx, id(1), at(30), cause));
        write(store, |tx| grants::void_access_tokens(tx, id(1), at(12)));
        write(store, |tx| grants::void_access_tokens(tx, id(1), at(11)));
        assert_eq!(find(store, 1).access_from, at(12));
        assert!(revoke(store, RevokedCause::TokenReused));
        assert!(!revoke(store, RevokedCause::ByClient));
        assert_eq!(find(store, 1).revoked, Some((at(30), RevokedCause::TokenReused)));
    }

    fn each_revocation_reaches_as_far_as_it_says(store) {
        scene(store);
        // Session 1: bound, long-lived and another app's; session 4: bound.
        let other = Grant { client_id: id(2), session_id: id(1), ..grant(3, 1, false) };
        for one in [grant(1, 1, false), Grant { session_id: id(1), ..grant(2, 1, true) }, other, grant(4, 2, false)] {
            add(store, one);
        }
        let state = |store: &Store| [1, 2, 3, 4].map(|number| revoked(store, number));
        let listed = |store: &Store| {
            let found = write(store, |tx| grants::list_offline_of_user(tx, id(1), 9));
            numbers(found.into_iter().map(|grant| grant.id))
        };
        assert_eq!(listed(store), [2]);
        let left = Some(RevokedCause::LeftApp);
        let count = write(store, |tx| grants::revoke_of_session(tx, id(1), id(1), at(9), RevokedCause::LeftApp));
        assert_eq!((count, state(store)), (1, [left, None, None, None]));
        let ended = Some(RevokedCause::SessionEnded);
        let count = write(store, |tx| grants::revoke_all_of_sessions(tx, &[id(1)], at(9), RevokedCause::SessionEnded));
        assert_eq!((count, state(store)), (2, [left, ended, ended, None]));
        assert_eq!(listed(store), Vec::<u8>::new());
        add(store, grant(5, 1, true));
        add(store, Grant { client_id: id(2), ..grant(6, 1, true) });
        let count = write(store, |tx| {
            grants::revoke_offline_of_client(tx, id(1), id(1), at(9), RevokedCause::LeftApp)
        });
        assert_eq!((count, listed(store)), (1, vec![6]));
    }

    fn a_grant_is_deleted_once_neither_it_nor_its_session_can_come_back(store) {
        scene(store);
        add_sessions(store, vec![session(1, 1), session(2, 1)]);
        for number in [1, 2, 3] {
            add(store, grant(number, 1, number == 3));
        }
        write(store, |tx| sessions::close(tx, id(2), &ended(50, Cause::LoggedOut, 1)));
        assert_eq!(write(store, |tx| grants::prune(tx, at(8), 9)), 0);
        assert_eq!(write(store, |tx| grants::prune(tx, at(9), 9)), 2);
        assert!(write(store, |tx| grants::find(tx, id(1))).is_some(), "its session is open");
    }

    fn an_assertion_is_used_once_and_forgotten_after_its_time(store) {
        let use_up = |store: &Store| write(store, |tx| used_assertions::use_up(tx, digest(1), at(9)));
        assert!(use_up(store));
        assert!(!use_up(store));
        assert_eq!(write(store, |tx| used_assertions::prune(tx, at(9), 9)), 0);
        assert_eq!(write(store, |tx| used_assertions::prune(tx, at(10), 9)), 1);
        assert!(use_up(store));
    }
}
