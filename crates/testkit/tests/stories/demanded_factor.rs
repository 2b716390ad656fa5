//! A second factor that the organization demands (POL-02, POL-04, MFA-08).

use nightlatch_domain::policy::SecondFactorRule;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Choices, Site, TestDatabase};
use nightlatch_web::routes::{self, Access};

use crate::{DAY, SECOND};

on_both_databases!(
    pol_04_a_session_without_the_demanded_factor_can_only_set_it_up,
    pol_04_off_asks_nobody,
);

fn pol_04_a_session_without_the_demanded_factor_can_only_set_it_up(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_administrator("Ada Lovelace", "ada@brightwater.example");
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let until = site.now().plus(DAY * 14);
    let (mut laptop, mut hers) = (site.browser(), site.browser());
    laptop.sign_in_with(
        &ada,
        Choices {
            remember: true,
            shared: false,
        },
    );
    laptop.open("/account/security").expect(200);
    assert!(laptop.page().says("Please set one up before"));
    site.wait_until(until.minus(SECOND));
    laptop.open("/account/profile").expect(200);
    // The session that exists is concerned, and a new one.
    site.wait_until(until);
    let mut other = site.browser();
    other.sign_in(&ada);
    hers.sign_in(&grace);
    for browser in [&mut laptop, &mut other] {
        for route in routes::list() {
            if route.rule.sets_up_factor || route.path.contains('{') {
                continue;
            }
            let what = format!("{} {}", route.method, route.path);
            let ask = browser.ask(route.method, route.path).by_own_page();
            let ask = ask.header("x-nightlatch", "1");
            match (route.rule.access, route.method) {
                (Access::People, "GET") => {
                    let answer = ask.send();
                    assert_eq!(answer.location(), Some("/account/security"), "{what}");
                }
                (Access::People, _) => {
                    let answer = ask.form("csrf=x").send();
                    assert_eq!(answer.location(), Some("/account/security"), "{what}");
                }
                (Access::Programs, "GET") => drop(ask.send().expect(403)),
                (Access::Programs, _) => drop(ask.json(&serde_json::json!({})).send().expect(403)),
                (
                    Access::Everyone
                    | Access::Operations
                    | Access::Apps
                    | Access::Proxies
                    | Access::ProtectedHosts,
                    _,
                ) => {}
            }
        }
        browser.open("/account/security").expect(200);
        assert!(browser.page().says("only this page opens"));
    }
    hers.open("/account/profile").expect(200);
    // Once it is set up, everything opens; and it can always be left.
    other.set_up_app();
    laptop.open("/account/profile").expect(200);
    assert_eq!(laptop.path(), "/account/profile");
    site.change_settings(|settings| {
        settings.policy.second_factor.rule = SecondFactorRule::Everybody;
        settings.policy.second_factor.grace_days = 0;
    });
    hers.open("/account/profile").expect(200);
    assert_eq!(hers.path(), "/account/security");
    hers.press("Log out").expect(200);
    assert!(!hers.is_signed_in());
}

fn pol_04_off_asks_nobody(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.set_up_app();
    site.change_settings(|settings| {
        settings.policy.second_factor.rule = SecondFactorRule::Off;
    });
    site.browser().sign_in(&ada);
}
