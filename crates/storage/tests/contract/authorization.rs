//! Authorization codes, requests that wait for their person, and consent.

use nightlatch_domain::grant::Scopes;
use nightlatch_domain::relying_party::{Registration, RelyingParty, RelyingPartyStatus};
use nightlatch_domain::session::{Proof, ProofMethod};
use nightlatch_storage::authorization_codes::{self, AuthorizationCode};
use nightlatch_storage::authorization_requests::{self, WaitingRequest};
use nightlatch_storage::consents::{self, Consent};
use nightlatch_storage::{StorageError, Store, Tx, on_both_databases, relying_parties, users};

use super::rows::{ODD_TEXT, at, digest, id, numbers, people, refusal, same, write};

/// An app of the first organization.
pub(super) fn app(number: u8) -> RelyingParty {
    RelyingParty {
        id: id(number),
        organization_id: id(1),
        name: format!("App {number}"),
        registration: Registration::default(),
        secret: Some(digest(number)),
        status: RelyingPartyStatus::Active,
        epoch: 3,
        created_at: at(1),
    }
}

/// A code of the first user for an app, good from 1,000 to 5,000.
pub(super) fn code(client: u8) -> AuthorizationCode {
    AuthorizationCode {
        client_id: id(client),
        session_id: id(8),
        user_id: id(1),
        client_epoch: 3,
        redirect_uri: format!("https://crm.example/{ODD_TEXT}"),
        scopes: Scopes::parse("openid email"),
        nonce: Some(ODD_TEXT.to_owned()),
        challenge: Some("challenge".to_owned()),
        request: format!("{{\"x\":\"{ODD_TEXT}\"}}"),
        authenticated_at: at(900),
        proofs: vec![Proof {
            method: ProofMethod::Password,
            at: at(900),
        }],
        created_at: at(1_000),
        expires_at: at(5_000),
        used_at: None,
        grant_id: None,
    }
}

/// A request to an app that waits from 1,000 to 5,000.
pub(super) fn waiting(client: u8) -> WaitingRequest {
    WaitingRequest {
        client_id: id(client),
        request: format!("{{\"x\":\"{ODD_TEXT}\"}}"),
        created_at: at(1_000),
        expires_at: at(5_000),
        network: Some(digest(client)),
    }
}

/// Consent to an app.
pub(super) fn consent(client: u8, scopes: &str) -> Consent {
    Consent {
        client_id: id(client),
        scopes: Scopes::parse(scopes),
        given_at: at(7),
    }
}

fn apps(store: &Store) {
    people(store);
    write(store, |tx| {
        relying_parties::add(tx, &app(1))?;
        relying_parties::add(tx, &app(2))
    });
}

fn find_code(store: &Store, number: u8) -> Option<AuthorizationCode> {
    write(store, move |tx| {
        authorization_codes::find(tx, digest(number))
    })
}

fn find_waiting(store: &Store, number: u8) -> Option<WaitingRequest> {
    write(store, move |tx| {
        authorization_requests::find(tx, digest(number))
    })
}

fn agreed(store: &Store, user: u8) -> Vec<u8> {
    let listed = write(store, move |tx| consents::list_of_user(tx, id(user), 9));
    numbers(listed.into_iter().map(|one| one.client_id))
}

/// Runs each statement that takes away what is under way.
pub(super) fn run_voids(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    authorization_codes::void_of_session(tx, id(1), id(1), id(1))?;
    authorization_codes::void_of_user(tx, id(1), id(1))?;
    authorization_requests::drop_oldest(tx, digest(1), 1, 1).map(|_| ())
}

on_both_databases! {
    fn a_code_comes_back_as_it_was_and_is_used_once(store) {
        apps(store);
        let bare = AuthorizationCode { nonce: None, challenge: None, proofs: Vec::new(), ..code(2) };
        let added = bare.clone();
        write(store, move |tx| {
            authorization_codes::add(tx, &code(1), digest(1))?;
            authorization_codes::add(tx, &added, digest(2))
        });
        same(&find_code(store, 1), &Some(code(1)));
        same(&find_code(store, 2), &Some(bare));
        assert_eq!(find_code(store, 3), None);
        let use_up = |number: u8, grant: u8| {
            write(store, move |tx| {
                authorization_codes::use_up(tx, digest(number), at(2_000), Some(id(grant)))
            })
        };
        assert!(use_up(1, 5));
        assert!(!use_up(1, 6));
        assert!(!use_up(3, 6));
        let used = AuthorizationCode { used_at: Some(at(2_000)), grant_id: Some(id(5)), ..code(1) };
        same(&find_code(store, 1), &Some(used));
    }

    fn a_code_belongs_to_an_app_and_has_one_digest(store) {
        apps(store);
        refusal(store, |tx| authorization_codes::add(tx, &code(9), digest(1)));
        write(store, |tx| authorization_codes::add(tx, &code(1), digest(1)));
        refusal(store, |tx| authorization_codes::add(tx, &code(2), digest(1)));
        same(&find_code(store, 1), &Some(code(1)));
    }

    fn leaving_voids_what_is_under_way_and_nothing_else(store) {
        apps(store);
        write(store, |tx| {
            let elsewhere = AuthorizationCode { session_id: id(77), ..code(1) };
            let of_another = AuthorizationCode { user_id: id(2), ..code(1) };
            for (number, code) in [(1, code(1)), (2, elsewhere), (3, of_another), (4, code(2)), (5, code(1))] {
                authorization_codes::add(tx, &code, digest(number))?;
            }
            authorization_codes::use_up(tx, digest(5), at(2_000), None)
        });
        let left = || (1..=5).filter(|number| find_code(store, *number).is_some()).collect::<Vec<_>>();
        let AuthorizationCode { user_id, session_id, client_id, .. } = code(1);
        let voided = write(store, move |tx| {
            authorization_codes::void_of_session(tx, user_id, session_id, client_id)
        });
        assert_eq!((voided, left()), (1, vec![2, 3, 4, 5]));
        let voided = write(store, move |tx| authorization_codes::void_of_user(tx, user_id, client_id));
        assert_eq!((voided, left()), (1, vec![3, 4, 5]));
    }

    fn the_oldest_requests_of_a_network_go_first(store) {
        apps(store);
        write(store, |tx| {
            for number in 1..=6 {
                let network = Some(digest(if number == 1 { 8 } else { 9 }));
                let created_at = at(1_000 + i64::from(number));
                let one = WaitingRequest { network, created_at, ..waiting(1) };
                authorization_requests::add(tx, &one, digest(number))?;
            }
            let nowhere = WaitingRequest { network: None, ..waiting(1) };
            authorization_requests::add(tx, &nowhere, digest(7))
        });
        let dropped = write(store, |tx| authorization_requests::drop_oldest(tx, digest(9), 3, 100));
        assert_eq!(dropped, 2);
        let left: Vec<u8> = (1..=7).filter(|number| find_waiting(store, *number).is_some()).collect();
        assert_eq!(left, [1, 4, 5, 6, 7]);
    }

    fn codes_go_with_their_time(store) {
        apps(store);
        write(store, |tx| {
            authorization_codes::add(tx, &code(1), digest(1))?;
            let later = AuthorizationCode { expires_at: at(5_001), ..code(1) };
            authorization_codes::add(tx, &later, digest(2))
        });
        assert_eq!(write(store, |tx| authorization_codes::prune(tx, at(4_999), 9)), 0);
        assert_eq!(write(store, |tx| authorization_codes::prune(tx, at(5_000), 9)), 1);
        assert!(find_code(store, 1).is_none() && find_code(store, 2).is_some());
    }

    fn a_request_waits_is_rewritten_and_is_answered_once(store) {
        apps(store);
        refusal(store, |tx| authorization_requests::add(tx, &waiting(9), digest(1)));
        write(store, |tx| {
            authorization_requests::add(tx, &waiting(1), digest(1))?;
            authorization_requests::add(tx, &waiting(2), digest(2))
        });
        same(&find_waiting(store, 1), &Some(waiting(1)));
        assert!(write(store, |tx| authorization_requests::update(tx, digest(1), "{}")));
        assert!(!write(store, |tx| authorization_requests::update(tx, digest(3), "{}")));
        let rewritten = WaitingRequest { request: "{}".to_owned(), ..waiting(1) };
        same(&find_waiting(store, 1), &Some(rewritten));
        same(&find_waiting(store, 2), &Some(waiting(2)));
        assert!(write(store, |tx| authorization_requests::delete(tx, digest(1))));
        assert!(!write(store, |tx| authorization_requests::delete(tx, digest(1))));
        assert_eq!(find_waiting(store, 1), None);
    }

    fn requests_go_with_their_time(store) {
        apps(store);
        write(store, |tx| authorization_requests::add(tx, &waiting(1), digest(1)));
        assert_eq!(write(store, |tx| authorization_requests::prune(tx, at(4_999), 9)), 0);
        assert_eq!(write(store, |tx| authorization_requests::prune(tx, at(5_000), 9)), 1);
    }

    fn consent_is_one_row_for_each_person_and_app(store) {
        apps(store);
        write(store, |tx| {
            consents::put(tx, id(1), &consent(2, "openid"))?;
            consents::put(tx, id(1), &consent(1, "openid"))?;
            consents::put(tx, id(2), &consent(1, "openid profile"))
        });
        let more = Consent { given_at: at(9), ..consent(1, "openid email offline_access") };
        let put = more.clone();
        write(store, move |tx| consents::put(tx, id(1), &put));
        let find = |user: u8, app: u8| write(store, move |tx| consents::find(tx, id(user), id(app)));
        same(&find(1, 1), &Some(more));
        same(&find(2, 1), &Some(consent(1, "openid profile")));
        assert_eq!(find(2, 2), None);
        assert_eq!((agreed(store, 1), agreed(store, 2)), (vec![1, 2], vec![1]));
        assert!(write(store, |tx| consents::delete(tx, id(1), id(2))));
        assert!(!write(store, |tx| consents::delete(tx, id(1), id(2))));
        assert_eq!(agreed(store, 1), [1]);
        refusal(store, |tx| consents::put(tx, id(1), &consent(9, "openid")));
    }

    fn consent_goes_with_its_person(store) {
        apps(store);
        write(store, |tx| {
            consents::put(tx, id(1), &consent(1, "openid"))?;
            consents::put(tx, id(2), &consent(1, "openid"))?;
            users::erase(tx, id(1))
        });
        assert_eq!((agreed(store, 1), agreed(store, 2)), (vec![], vec![1]));
    }
}
