//! The audit trail: whoever changes, removes or inserts a line leaves a trace (LOG-05).

use nightlatch_domain::audit::{ChainKey, Flaw, Head};
use nightlatch_domain::ending::Actor;
use nightlatch_domain::ids::OrganizationId;
use nightlatch_flows::audit::{self, Checked};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Choices, Site, TestDatabase};

use crate::{DAY, HOUR, MINUTE};

on_both_databases!(
    log_05_what_people_did_stands_in_the_trail_in_its_order,
    log_05_a_trail_in_which_something_was_changed_is_found_out,
    log_05_reading_the_trail_is_a_line_of_it,
    prv_01_what_is_left_of_a_trail_is_still_in_order,
    two_servers_that_seal_at_once_make_one_chain,
);

fn organization(site: &Site, account: &Account) -> OrganizationId {
    let id = account.id;
    site.write(move |tx| {
        let user = nightlatch_storage::users::get(tx, id)?;
        Ok(user.organization_id)
    })
}

/// From the beginning to the end, a few lines at a time.
fn check(site: &Site, whose: Option<OrganizationId>) -> (i64, Option<(i64, Flaw)>) {
    let mut checked: Option<Head> = None;
    loop {
        let step: Checked = site.write(move |tx| audit::check(tx, ChainKey::of(whose), checked, 3));
        if step.is_over || step.flaw.is_some() {
            return (step.upto.number, step.flaw);
        }
        checked = Some(step.upto);
    }
}

fn busy_days(site: &Site) -> (Account, OrganizationId) {
    let ada = site.add_ada();
    for _ in 0..3 {
        let mut laptop = site.browser();
        laptop.try_to_sign_in(
            &ada.email,
            "not the password of anybody",
            Choices::default(),
        );
        laptop.sign_in(&ada);
        laptop.log_out();
        site.advance(DAY);
    }
    let home = organization(site, &ada);
    site.seal_audit();
    (ada, home)
}

fn log_05_what_people_did_stands_in_the_trail_in_its_order(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, home) = busy_days(&site);
    let all = site.count_rows("SELECT count(*) FROM events");
    let chained = site.count_rows("SELECT count(*) FROM audit_chain");
    assert!(all > 9 && chained == all, "{chained} of {all}");
    assert!(check(&site, Some(home)).1.is_none());
    assert!(check(&site, None).1.is_none());
    // A failure gathers more of its kind for an hour, and has its place after that.
    let mut laptop = site.browser();
    laptop.try_to_sign_in(
        &ada.email,
        "not the password of anybody",
        Choices::default(),
    );
    site.seal_audit();
    assert_eq!(site.count_rows("SELECT count(*) FROM audit_chain"), chained);
    site.advance(HOUR + MINUTE * 6);
    site.seal_audit();
    assert_eq!(
        site.count_rows("SELECT count(*) FROM audit_chain"),
        chained + 1
    );
    assert!(check(&site, Some(home)).1.is_none());
}

fn log_05_a_trail_in_which_something_was_changed_is_found_out(which: TestDatabase) {
    for (sql, flaw) in [
        (
            "UPDATE events SET at = at + 1 WHERE id = (SELECT event_id FROM audit_chain WHERE chain = $1 AND number = $2)",
            Flaw::Changed,
        ),
        (
            "UPDATE events SET user_agent = 'Somebody else' WHERE id = (SELECT event_id FROM audit_chain WHERE chain = $1 AND number = $2)",
            Flaw::PersonalChanged,
        ),
        (
            "DELETE FROM events WHERE id = (SELECT event_id FROM audit_chain WHERE chain = $1 AND number = $2)",
            Flaw::Removed,
        ),
        (
            "DELETE FROM audit_chain WHERE chain = $1 AND number = $2",
            Flaw::Missing,
        ),
    ] {
        let site = Site::new(which);
        let (_, home) = busy_days(&site);
        assert!(check(&site, Some(home)).1.is_none());
        // A failure, since of sessions every story checks what the history says.
        let number = site.count_rows(
            "SELECT min(c.number) FROM audit_chain c JOIN events e ON e.id = c.event_id
             WHERE e.kind = 'sign_in_failed'",
        );
        site.write(move |tx| {
            let chain = ChainKey::of(Some(home));
            tx.execute_one(sql, &[chain.into(), number.into()])
        });
        assert_eq!(
            check(&site, Some(home)),
            (number - 1, Some((number, flaw))),
            "{sql}"
        );
    }
    // Cut off at the end, with all of its traces but one.
    let site = Site::new(which);
    let (_, home) = busy_days(&site);
    let (last, _) = check(&site, Some(home));
    site.write(move |tx| {
        let chain = ChainKey::of(Some(home));
        tx.execute_one(
            "DELETE FROM audit_chain WHERE chain = $1 AND number = $2",
            &[chain.into(), last.into()],
        )
    });
    assert_eq!(
        check(&site, Some(home)),
        (last - 1, Some((last, Flaw::Cut)))
    );
}

fn log_05_reading_the_trail_is_a_line_of_it(which: TestDatabase) {
    let site = Site::new(which);
    let (_, home) = busy_days(&site);
    let moment = site.app().moment();
    let read = site.write(move |tx| {
        let reader = (Some(home), Actor::Operator);
        audit::read(tx, &moment, reader, 0, 4)
    });
    assert_eq!(read.len(), 4);
    site.seal_audit();
    let lines = "SELECT count(*) FROM events WHERE kind = 'audit_read' AND detail = 'lines 1 to 4' AND sealed";
    assert_eq!(site.count_rows(lines), 1);
    assert!(check(&site, Some(home)).1.is_none());
}

fn prv_01_what_is_left_of_a_trail_is_still_in_order(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, home) = busy_days(&site);
    let before = check(&site, Some(home)).0;
    site.advance(DAY * 363);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    assert!(site.prune() > 0);
    let left = site.count_rows("SELECT count(*) FROM audit_chain");
    assert!(left > 0 && left < before, "{left} of {before}");
    let (upto, flaw) = check(&site, Some(home));
    assert!(flaw.is_none(), "{flaw:?}");
    assert!(upto > before);
}

fn two_servers_that_seal_at_once_make_one_chain(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.begin_sessions(&ada, 60);
    let home = organization(&site, &ada);
    let seal = || {
        let (store, moment) = (site.app().store.clone(), site.app().moment());
        async move {
            store
                .write(move |tx| audit::seal(tx, moment.random.as_ref(), moment.now, 10))
                .await
        }
    };
    let mut sealed = 0;
    loop {
        let (one, other) =
            site.block_on(async { futures_util::future::join(seal(), seal()).await });
        let step = one.expect("a step") + other.expect("a step");
        sealed += step;
        if step == 0 {
            break;
        }
    }
    let all = site.count_rows("SELECT count(*) FROM events");
    assert_eq!(i64::try_from(sealed).expect("a number"), all);
    assert!(check(&site, Some(home)).1.is_none());
}
