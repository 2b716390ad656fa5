//! Every route that has a say over an organization, as every role and as another
//! organization: refused, unless the one table says otherwise (POL-02, POL-03).

use nightlatch_domain::ids::SessionId;
use nightlatch_domain::user::{EmailKey, Role};
use nightlatch_storage::{on_both_databases, users};
use nightlatch_testkit::{Answer, Browser, Site, TestDatabase};
use nightlatch_web::routes::{self, Access, RouteFacts};
use serde_json::json;

on_both_databases!(
    pol_03_each_route_asks_for_the_role_that_the_table_names,
    pol_02_a_lost_role_counts_for_the_next_request,
);

/// Asks for a route with an id that nobody has, or that is somebody's elsewhere.
fn ask(browser: &mut Browser<'_>, route: RouteFacts, id: &str) -> Answer {
    let path = route
        .path
        .split('/')
        .map(|part| if part.starts_with('{') { id } else { part });
    let path = path.collect::<Vec<_>>().join("/");
    match (route.rule.access, route.method) {
        (Access::Programs, method) => {
            let body = (method != "GET").then(|| json!({}));
            browser.api(method, &path, body.as_ref())
        }
        (_, "GET") => browser.open_once(&path),
        (_, method) => {
            let token = form_token(browser);
            let form = format!("csrf={token}");
            browser.ask(method, &path).by_own_page().form(&form).send()
        }
    }
}

/// What a form of this browser's pages carries.
fn form_token(browser: &mut Browser<'_>) -> String {
    let page = browser.open("/help").text();
    let after = page.split_once("name=\"csrf\" value=\"");
    let token = after.and_then(|(_, rest)| rest.split('"').next());
    token.unwrap_or_default().to_owned()
}

/// Whether an answer says that the role does not allow it.
fn is_refused(answer: &Answer) -> bool {
    let text = answer.text();
    let says_so = text.contains("This is for administrators of your organization")
        || text.contains("This is for owners of your organization");
    assert!(!says_so || answer.status.as_u16() == 403);
    says_so
}

fn with_power() -> Vec<RouteFacts> {
    let mut found = routes::list();
    found.retain(|route| route.rule.power.is_some());
    assert_eq!(found.len(), routes::powers::TABLE.len());
    found
}

fn pol_03_each_route_asks_for_the_role_that_the_table_names(which: TestDatabase) {
    let site = Site::new(which);
    let elsewhere = site.add_organization("Elsewhere");
    let member = site.add_ada();
    let unknown = SessionId::random(site.app().random.as_ref()).to_string();
    for (number, role) in Role::ALL.into_iter().enumerate() {
        let email = format!("role{number}@brightwater.example");
        let account = site.add_to(site.organization(), role.name(), &email, role);
        let mut browser = site.browser();
        browser.sign_in(&account);
        for route in with_power() {
            let what = format!("{} {} as {}", route.method, route.path, role.name());
            let answer = ask(&mut browser, route, &unknown);
            let allowed = route.rule.power.is_some_and(|power| role.has(power));
            // What else is wrong with it (an unknown id, an empty body) is said only to
            // those who have the role.
            assert_eq!(!is_refused(&answer), allowed, "{what}: {}", answer.status);
            assert!(answer.status.as_u16() < 500, "{what}: {}", answer.status);
        }
    }
    let stranger = site.add_to(elsewhere, "Eve", "eve@elsewhere.example", Role::Owner);
    let mut theirs = site.browser();
    theirs.sign_in(&stranger);
    let real = member.id.to_string();
    for route in with_power()
        .into_iter()
        .filter(|route| route.path.contains('{'))
    {
        let what = format!("{} {} from elsewhere", route.method, route.path);
        let of_ours = ask(&mut theirs, route, &real);
        let of_nobody = ask(&mut theirs, route, &unknown);
        assert_eq!(of_ours.status, of_nobody.status, "{what}");
        assert_ne!(of_ours.status.as_u16(), 200, "{what}");
        assert!(!of_ours.text().contains("Lovelace"), "{what}");
    }
    for route in with_power() {
        let mut visitor = site.browser();
        let answer = ask(&mut visitor, route, &unknown);
        let status = answer.status.as_u16();
        let expected: &[u16] = if route.rule.access == Access::Programs {
            &[401]
        } else {
            &[303, 403]
        };
        assert!(
            expected.contains(&status),
            "{} {} by nobody: {status}",
            route.method,
            route.path
        );
    }
}

fn pol_02_a_lost_role_counts_for_the_next_request(which: TestDatabase) {
    let site = Site::new(which);
    let account = site.add_administrator("Grace Hopper", "grace@brightwater.example");
    let mut browser = site.browser();
    browser.sign_in(&account);
    let list = "/api/v1/organization/apps";
    drop(browser.api("GET", list, None).expect(200));
    let key = EmailKey::of_typed(&account.email);
    let found = site.read(move |tx| users::find_by_email(tx, &key));
    assert!(found.is_some_and(|user| user.role == Role::Administrator));
    let id = account.id;
    site.write(move |tx| users::set_role(tx, id, Role::Member));
    drop(browser.api("GET", list, None).expect(403));
}
