//! However people sign in, they come to the app that they were on the way to (UI-06), and
//! never to an address that logs out (B13).

use nightlatch_domain::organization::Settings;
use nightlatch_domain::policy::SecondFactorRule;
use nightlatch_protocols::oidc::acr::{PHISHING_RESISTANT, TWO_FACTOR};
use nightlatch_storage::{on_both_databases, users};
use nightlatch_testkit::{
    Account, Answer, Browser, PASSWORD, PasskeyDevice, RelyingPartyClient, Site, TestDatabase,
    link_in,
};

use crate::phone_sign_in::{LIBRARY, code_of};
use crate::{HOUR, MINUTE, SECOND};

on_both_databases!(
    ui_06_a_demanded_factor_is_set_up_and_then_comes_the_app,
    ui_06_a_demanded_passkey_is_set_up_and_then_comes_the_app,
    ui_06_a_phone_leads_to_the_app,
    ui_06_a_new_password_leads_to_the_app,
    ui_06_the_way_is_lost_with_the_time_of_the_request,
    b13_the_way_back_is_never_a_log_out,
    oidc_12_a_level_that_is_needed_is_reached_by_one_more_proof,
    leaving_an_app_voids_the_code_that_is_under_way,
    a_network_fills_nothing_and_locks_nobody_out,
);

const NEW: &str = "eleven herons over a silver estuary";

fn company_app(site: &Site) -> RelyingPartyClient {
    RelyingPartyClient::register(site, "Time sheets", |app| app.first_party = true)
}

fn demand_second_factor(site: &Site) {
    site.change_settings(|settings: &mut Settings| {
        settings.policy.second_factor.rule = SecondFactorRule::Everybody;
        settings.policy.second_factor.grace_days = 0;
    });
}

/// Begins a sign-in at the app; the form is on the screen.
fn begin(browser: &mut Browser<'_>, app: &RelyingPartyClient) {
    browser.open(&app.authorize_url()).expect(200);
    assert_eq!(browser.page().heading, "Sign in");
}

fn sign_in_here(browser: &mut Browser<'_>, ada: &Account, password: &str) -> Answer {
    browser.fill("E-mail address", &ada.email);
    browser.fill("Password", password);
    browser.press("Sign in")
}

/// Opens the link that is on the page, which leads to the app.
fn go_on(browser: &mut Browser<'_>, words: &str) -> Answer {
    let to = browser.page().link(words).to_owned();
    browser.open_once(&to)
}

fn ui_06_a_demanded_factor_is_set_up_and_then_comes_the_app(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    demand_second_factor(&site);
    let mut laptop = site.browser();
    begin(&mut laptop, &app);
    sign_in_here(&mut laptop, &ada, PASSWORD).expect(200);
    assert_eq!(laptop.path(), "/account/security");
    assert!(laptop.page().find_link("Go on to Time sheets").is_none());
    laptop.set_up_app();
    // The codes are asked for first, and may be left for later.
    laptop.open("/account/security").expect(200);
    let answer = go_on(&mut laptop, "Go on to Time sheets");
    app.code_from(&answer);
    // It was answered, so nothing leads there any more.
    laptop.open("/account/security").expect(200);
    assert!(laptop.page().find_link("Go on to Time sheets").is_none());
    // Whoever keeps them goes on from there.
    let zoe = site.add_person("Zoe", "zoe@brightwater.example");
    let mut tablet = site.browser();
    begin(&mut tablet, &app);
    sign_in_here(&mut tablet, &zoe, PASSWORD).expect(200);
    tablet.set_up_app();
    tablet.open("/account/security/recovery-codes").expect(200);
    tablet.press("Make new recovery codes").expect(200);
    let answer = go_on(&mut tablet, "I have kept them, go on to Time sheets");
    let code = app.code_from(&answer);
    assert_eq!(app.stored(&site, &code).user_id, zoe.id);
}

fn ui_06_a_demanded_passkey_is_set_up_and_then_comes_the_app(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    demand_second_factor(&site);
    let mut laptop = site.browser();
    begin(&mut laptop, &app);
    sign_in_here(&mut laptop, &ada, PASSWORD).expect(200);
    let mut phone = PasskeyDevice::phone(&site.origin());
    let begun = laptop.begin_passkey().expect(200).json();
    let made = phone.create(&begun, nightlatch_testkit::Lie::Honest);
    let answer = laptop.finish_passkey(&begun, &made, "Phone").expect(200);
    let to = answer.json()["to"].as_str().expect("a way").to_owned();
    assert!(to.starts_with("/oauth2/authorize/"), "{to}");
    app.code_from(&laptop.open_once(&to));
    assert!(
        laptop
            .jar
            .names()
            .iter()
            .all(|name| !name.ends_with("-way"))
    );
}

/// The phone says yes, and the person goes on at the computer.
fn by_phone(library: &mut Browser<'_>, phone: &mut Browser<'_>, code: &str) -> Answer {
    phone.open("/account/phone").expect(200);
    phone.fill("Code on that computer", code);
    phone.press("Go on").expect(200);
    phone.press("Sign in on that computer").expect(200);
    library.open("/login/phone").expect(200);
    library.press("Continue")
}

fn ui_06_a_phone_leads_to_the_app(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut phone = site.browser().at(LIBRARY);
    phone.sign_in(&ada);
    let mut library = site.browser().at(LIBRARY);
    begin(&mut library, &app);
    library.click("Sign in with your phone").expect(200);
    // Whoever changes their mind is still on the way to the app.
    library.click("Sign in another way").expect(200);
    assert!(library.page().says("Sign in to go on to Time sheets."));
    let code = code_of(&mut library);
    let answer = by_phone(&mut library, &mut phone, &code);
    let stored = app.stored(&site, &app.code_from(&answer));
    assert_eq!(stored.user_id, ada.id);
    // Nothing that lasts stays on a computer like this (SHR-01).
    assert_eq!(library.jar.names(), ["__Host-nightlatch"]);
    // Whoever came for no app goes nowhere else.
    library.log_out();
    begin(&mut library, &app);
    library.open("/login").expect(200);
    site.advance(MINUTE);
    let code = code_of(&mut library);
    by_phone(&mut library, &mut phone, &code).expect(200);
    assert_eq!(library.path(), "/");
}

/// Asks for a new password from the sign-in page, and sets it in this browser.
fn recover(browser: &mut Browser<'_>, site: &Site, ada: &Account) {
    browser.click("Forgot your password?").expect(200);
    browser.fill("E-mail address", &ada.email);
    browser.press("Send the link").expect(200);
    let link = link_in(site.letters_to(ada).last().expect("a letter"));
    browser.open(&link).expect(200);
    browser.fill("New password", NEW);
    browser.fill("New password once more", NEW);
    browser.press("Set the new password").expect(200);
}

fn ui_06_a_new_password_leads_to_the_app(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    begin(&mut laptop, &app);
    recover(&mut laptop, &site, &ada);
    laptop.click("Sign in").expect(200);
    assert!(laptop.page().says("Sign in to go on to Time sheets."));
    let answer = sign_in_here(&mut laptop, &ada, NEW);
    app.code_from(&answer);
    // Whoever remembers it after all is on the way as well.
    let mut tablet = site.browser();
    begin(&mut tablet, &app);
    tablet.click("Forgot your password?").expect(200);
    tablet.click("Back to signing in").expect(200);
    app.code_from(&sign_in_here(&mut tablet, &ada, NEW));
}

fn ui_06_the_way_is_lost_with_the_time_of_the_request(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    begin(&mut laptop, &app);
    site.advance(MINUTE * 30);
    recover(&mut laptop, &site, &ada);
    site.advance(HOUR);
    laptop.open("/login/recover").expect(200);
    assert_eq!(laptop.page().link("Back to signing in"), "/login");
    laptop.click("Back to signing in").expect(200);
    sign_in_here(&mut laptop, &ada, NEW).expect(200);
    assert_eq!(laptop.path(), "/");
}

fn b13_the_way_back_is_never_a_log_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = site.browser().at(LIBRARY);
    phone.sign_in(&ada);
    for planted in [
        "/logout",
        "/oauth2/logout",
        "https%3A%2F%2Fevil.example",
        "x",
    ] {
        let mut library = site.browser().at(LIBRARY);
        library.forges("__Host-nightlatch-way", planted);
        let code = code_of(&mut library);
        assert_eq!(library.page().link("Sign in another way"), "/login");
        by_phone(&mut library, &mut phone, &code).expect(200);
        assert_eq!(library.path(), "/", "{planted}");
        assert!(library.is_signed_in());
        site.advance(MINUTE);
    }
}

fn essential(level: &str) -> String {
    format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{level}"]}}}}}}"#)
}

fn oidc_12_a_level_that_is_needed_is_reached_by_one_more_proof(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut phone = PasskeyDevice::phone(&site.origin());
    let mut desk = site.browser();
    desk.sign_in(&ada);
    desk.add_passkey(&mut phone, "Phone");
    let app_on_phone = desk.set_up_app();
    // Somewhere else the password and a code opened the session.
    let mut laptop = site.browser();
    laptop.sign_in_with_code(&ada, &app_on_phone);
    let session = laptop.session_row().expect("a session");
    site.advance(MINUTE);
    let url = app.authorize_url_with(&[("claims", &essential(PHISHING_RESISTANT))]);
    laptop.open(&url).expect(200);
    assert!(laptop.page().says("this time with a passkey"));
    let form = laptop.page().form("Continue").clone();
    assert!(form.find("Your password").is_none() && form.find("A code from your app").is_none());
    // Neither is enough, however right.
    let mut pairs = form.pairs();
    pairs.push(("proof_code".to_owned(), app_on_phone.next_code(&site)));
    let weaker = serde_urlencoded::to_string(pairs).expect("pairs");
    let ask = laptop.ask("POST", &form.action).by_own_page();
    let answer = ask.form(&weaker).send().expect(422);
    assert!(answer.page().says("Please use a passkey this time."));
    let answer = laptop.use_passkey("Continue", &mut phone);
    let answer = laptop.follow(answer);
    let stored = app.stored(&site, &app.code_from(&answer));
    assert!(stored.request.contains(PHISHING_RESISTANT));
    // The session went on; nobody had to sign in anew.
    let row = laptop.session_row().expect("a session");
    assert_eq!((row.id, row.created_at), (session.id, session.created_at));
    assert_eq!(stored.session_id, row.id);
    // With a passkey as their only second factor it is the same for two factors.
    let zoe = site.add_person("Zoe", "zoe@brightwater.example");
    let mut key = PasskeyDevice::security_key(&site.origin());
    let mut hers = site.browser();
    hers.sign_in(&zoe);
    let row = hers.session_row().expect("a session");
    site.advance(SECOND);
    let mut other = site.browser();
    other.sign_in(&zoe);
    other.add_passkey(&mut key, "Key");
    let url = app.authorize_url_with(&[("claims", &essential(TWO_FACTOR))]);
    hers.open(&url).expect(200);
    let answer = hers.use_passkey("Continue", &mut key);
    let answer = hers.follow(answer);
    assert_eq!(
        app.stored(&site, &app.code_from(&answer)).session_id,
        row.id
    );
}

fn leaving_an_app_voids_the_code_that_is_under_way(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (crm, wiki) = (site.add_app("CRM", |_| {}), site.add_app("Wiki", |_| {}));
    let (mut laptop, mut tablet) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    tablet.sign_in(&ada);
    site.enter(&laptop, &crm, "openid");
    let under_way = site.issue_code(&laptop, &crm, "openid");
    let elsewhere = site.issue_code(&tablet, &crm, "openid");
    let to_another = site.issue_code(&laptop, &wiki, "openid");
    laptop.open("/account/apps").expect(200);
    let card = laptop.page().card("CRM");
    laptop.press_in(&card, "Log out of CRM only").expect(200);
    let refused = crm.exchange(&site, &under_way).expect(400);
    assert_eq!(refused.json()["error"], "invalid_grant");
    crm.exchange(&site, &elsewhere).expect(200);
    wiki.exchange(&site, &to_another).expect(200);
    // Taking everything away reaches every session, also those that were not in it yet.
    let first = site.issue_code(&laptop, &crm, "openid");
    tablet.open("/account/apps").expect(200);
    let card = tablet.page().card("CRM");
    tablet.press_in(&card, "Remove access of CRM").expect(200);
    let refused = crm.exchange(&site, &first).expect(400);
    assert_eq!(refused.json()["error"], "invalid_grant");
    assert!(laptop.is_signed_in());
    assert!(site.read(move |tx| users::get(tx, ada.id)).id == ada.id);
}

fn a_network_fills_nothing_and_locks_nobody_out(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut elsewhere = site.browser().at("198.51.100.77");
    begin(&mut elsewhere, &app);
    for _ in 0..700 {
        let mut nobody = site.browser().at(LIBRARY);
        nobody.open_once(&app.authorize_url()).expect(303);
    }
    let waiting = site.count_rows("SELECT count(*) FROM authorization_requests");
    assert!((500..=600).contains(&waiting), "{waiting}");
    // Somebody behind the same address, and somebody who came before all of that.
    let mut colleague = site.browser().at(LIBRARY);
    begin(&mut colleague, &app);
    app.code_from(&sign_in_here(&mut colleague, &ada, PASSWORD));
    app.code_from(&sign_in_here(&mut elsewhere, &ada, PASSWORD));
}
