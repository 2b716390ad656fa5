//! Many at once: what apps do and what people do, in the same instant.

use std::collections::HashSet;
use std::sync::Barrier;

use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::ClientId;
use nightlatch_storage::testing::{break_after, mend};
use nightlatch_storage::{StorageError, Tx, on_both_databases};
use nightlatch_testkit::{Site, TestDatabase, Tokens};

use crate::SECOND;

on_both_databases!(
    f6_fifty_refreshes_at_once_have_one_successor,
    oidc_06_a_log_out_during_an_exchange_leaves_no_live_token_and_owes_each_notice,
    oidc_05_of_many_who_use_one_code_at_once_one_is_answered_and_nobody_keeps_anything,
);

fn f6_fifty_refreshes_at_once_have_one_successor(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |_| {});
    let tokens = site.enter(&laptop, &crm, "openid");
    // The first answer is lost: it is committed, and the process dies.
    drop(crm.refresh(&site, &tokens.refresh));
    site.crash();
    site.advance(SECOND);
    let all = Barrier::new(50);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    all.wait();
                    crm.refresh(&site, &tokens.refresh)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("an answer"))
            .collect()
    });
    let given: Vec<Tokens> = answers.iter().map(Tokens::of).collect();
    let successors: HashSet<&str> = given.iter().map(|one| one.refresh.as_str()).collect();
    assert_eq!(successors.len(), 1, "never two different successors");
    for one in &given {
        assert!(crm.is_active(&site, &one.access));
    }
    let next = Tokens::of(&crm.refresh(&site, &given[0].refresh));
    assert!(crm.is_active(&site, &next.refresh));
    assert!(laptop.is_signed_in());
    assert_eq!(site.count_events(&ada, EventKind::TokenReused), 0);
    // While the database is away nobody is told that a token is bad.
    let store = site.app().store.clone();
    break_after(&store, 1);
    crm.refresh(&site, &next.refresh).expect(503);
    mend(&store);
    Tokens::of(&crm.refresh(&site, &next.refresh));
}

/// The notices that an app is owed.
fn notices_to(tx: &mut Tx<'_>, client: ClientId) -> Result<i64, StorageError> {
    tx.query_one(
        "SELECT count(*) FROM notices WHERE client_id = $1",
        &[client.into()],
        |row| row.get(0),
    )
}

fn oidc_06_a_log_out_during_an_exchange_leaves_no_live_token_and_owes_each_notice(
    which: TestDatabase,
) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = site.add_app("CRM", |_| {});
    let mut owed = 0;
    let (mut won, mut lost) = (0, 0);
    for round in 0..40 {
        let mut laptop = site.browser();
        laptop.sign_in(&ada);
        laptop.open("/").expect(200);
        let code = site.issue_code(&laptop, &crm, "openid");
        let both = Barrier::new(2);
        let answer = std::thread::scope(|scope| {
            let exchange = scope.spawn(|| {
                both.wait();
                crm.exchange(&site, &code)
            });
            both.wait();
            if round % 2 == 0 {
                std::thread::yield_now();
            }
            laptop.press("Log out").expect(200);
            exchange.join().expect("an answer")
        });
        if answer.status == 200 {
            won += 1;
            owed += 1;
            let tokens = Tokens::of(&answer);
            assert!(!crm.is_active(&site, &tokens.access), "round {round}");
            assert!(!crm.is_active(&site, &tokens.refresh), "round {round}");
            crm.refresh(&site, &tokens.refresh).expect(400);
        } else {
            lost += 1;
            assert_eq!(answer.json()["error"], "invalid_grant", "round {round}");
        }
        let id = crm.id;
        let found = site.read(move |tx| notices_to(tx, id));
        assert_eq!(
            found, owed,
            "round {round}: tokens without a notice, or the other way"
        );
    }
    assert_eq!(won + lost, 40);
}

fn oidc_05_of_many_who_use_one_code_at_once_one_is_answered_and_nobody_keeps_anything(
    which: TestDatabase,
) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |_| {});
    let code = site.issue_code(&laptop, &crm, "openid");
    let all = Barrier::new(8);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    all.wait();
                    crm.exchange(&site, &code)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("an answer"))
            .collect()
    });
    let given: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .collect();
    assert_eq!(given.len(), 1);
    let tokens = Tokens::of(given[0]);
    assert!(!crm.is_active(&site, &tokens.access));
    assert_eq!(site.count_events(&ada, EventKind::TokenReused), 1);
}
