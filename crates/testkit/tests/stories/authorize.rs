//! People come to their apps: signing in on the way, consent, and what apps may ask
//! of them (OIDC-02…18).

use nightlatch_domain::event::EventKind;
use nightlatch_domain::grant::Scopes;
use nightlatch_domain::organization::Settings;
use nightlatch_domain::policy::SecondFactorRule;
use nightlatch_protocols::oidc::acr::{ONE_FACTOR, PHISHING_RESISTANT, TWO_FACTOR};
use nightlatch_protocols::oidc::authorize::RememberedRequest;
use nightlatch_storage::{authorization_requests, on_both_databases};
use nightlatch_testkit::{
    Account, Answer, Browser, Choices, PASSWORD, RelyingPartyClient, Site, TestDatabase,
};

use crate::{HOUR, MINUTE, SECOND};

on_both_databases!(
    oidc_02_05_a_person_signs_in_and_comes_to_the_app,
    a_company_app_asks_nothing,
    ui_06_the_second_step_leads_to_the_app_too,
    oidc_18_saying_no_leads_back_with_an_error,
    oidc_18_consent_says_what_the_app_gets_and_for_how_long,
    oidc_09_without_a_page_there_is_a_code_or_an_error,
    oidc_10_a_new_proof_is_demanded_and_the_session_stays,
    oidc_10_an_old_sign_in_is_not_good_enough,
    oidc_10_on_a_shared_computer_too,
    b12_the_person_chooses_the_account,
    b12_an_account_of_another_organization_can_be_changed,
    a12_a_hint_fills_the_field_and_proves_nothing,
    a1_after_a_logout_the_form_comes,
    an_app_may_ask_by_form_and_be_answered_by_form,
    oidc_12_the_level_of_proof_is_asked_for_and_stated,
    oidc_12_a_level_that_nobody_reaches_is_an_error,
    pol_04_a_second_step_comes_first,
    f5_no_long_lived_access_from_a_session_that_a_phone_let_in,
    what_waits_goes_with_its_time,
);

fn crm(site: &Site) -> RelyingPartyClient {
    RelyingPartyClient::register(site, "Harbor CRM", |_| {})
}

fn company_app(site: &Site) -> RelyingPartyClient {
    RelyingPartyClient::register(site, "Time sheets", |app| app.first_party = true)
}

/// Fills the sign-in form that is on the screen.
fn sign_in_here(browser: &mut Browser<'_>, site: &Site, account: &Account) -> Answer {
    site.advance(SECOND);
    browser.fill("E-mail address", &account.email);
    browser.fill("Password", PASSWORD);
    browser.press("Sign in")
}

fn waiting(site: &Site) -> i64 {
    site.count_rows("SELECT count(*) FROM authorization_requests")
}

fn consents(site: &Site) -> i64 {
    site.count_rows("SELECT count(*) FROM consents")
}

fn oidc_02_05_a_person_signs_in_and_comes_to_the_app(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let mut laptop = site.browser();
    laptop.open(&app.authorize_url()).expect(200);
    assert_eq!(laptop.page().heading, "Sign in");
    assert!(laptop.page().says("Sign in to go on to Harbor CRM."));
    assert!(!laptop.path().contains("client_id"), "{}", laptop.path());
    sign_in_here(&mut laptop, &site, &ada).expect(200);
    assert_eq!(laptop.page().heading, "Allow Harbor CRM?");
    assert!(laptop.page().says("harbor-crm.example"));
    site.advance(SECOND);
    let answer = laptop.press_once("Allow");
    let code = app.code_from(&answer);
    let stored = app.stored(&site, &code);
    let session = laptop.session_row().expect("a session");
    assert_eq!(stored.client_id, app.id);
    assert_eq!((stored.session_id, stored.user_id), (session.id, ada.id));
    assert_eq!(stored.redirect_uri, app.redirect_uri);
    assert_eq!(stored.scopes, Scopes::parse("openid profile email"));
    assert_eq!(stored.nonce.as_ref(), Some(&app.nonce));
    assert_eq!(stored.challenge, Some(app.challenge()));
    assert_eq!(stored.authenticated_at, session.created_at);
    assert_eq!(stored.expires_at, site.now().plus(MINUTE));
    assert_eq!((stored.used_at, stored.proofs.len()), (None, 1));
    let remembered: RememberedRequest = serde_json::from_str(&stored.request).expect("JSON");
    assert_eq!(remembered.acr, ONE_FACTOR);
    assert_eq!((waiting(&site), consents(&site)), (0, 1));
    assert_eq!(site.count_events(&ada, EventKind::ConsentGiven), 1);
    laptop.open("/account/history").expect(200);
    assert_eq!(laptop.page().entries("Harbor CRM").len(), 1);
    // From now on there is nothing to do, and each code is another.
    let again = laptop.open_once(&app.authorize_url());
    assert_ne!(app.code_from(&again), code);
    assert_eq!(
        app.stored(&site, &app.code_from(&again)).authenticated_at,
        session.created_at
    );
}

fn a_company_app_asks_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = RelyingPartyClient::register(&site, "Time sheets", |app| {
        app.first_party = true;
        app.offline_access = true;
    });
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let url = app.authorize_url_with(&[("scope", "openid offline_access"), ("prompt", "consent")]);
    let code = app.code_from(&laptop.open_once(&url));
    let scopes = app.stored(&site, &code).scopes;
    assert_eq!(scopes, Scopes::parse("openid offline_access"));
    assert_eq!(consents(&site), 0);
}

fn ui_06_the_second_step_leads_to_the_app_too(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    let mut tablet = site.browser();
    tablet.open(&app.authorize_url()).expect(200);
    sign_in_here(&mut tablet, &site, &ada).expect(200);
    assert_eq!(tablet.path(), "/login/factor");
    let answer = tablet.give_code(&phone.next_code(&site));
    let answer = tablet.follow(answer);
    let code = app.code_from(&answer);
    assert_eq!(app.stored(&site, &code).proofs.len(), 2);
}

fn oidc_18_saying_no_leads_back_with_an_error(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open(&app.authorize_url()).expect(200);
    let path = laptop.path().to_owned();
    let answer = laptop.press_once("Don't allow");
    assert_eq!(app.error_from(&answer), "access_denied");
    assert_eq!((waiting(&site), consents(&site)), (0, 0));
    assert_eq!(site.count_events(&ada, EventKind::ConsentGiven), 0);
    // Back shows that it is over, and asks nothing again.
    laptop.open(&path).expect(410);
    assert_eq!(laptop.page().heading, "This sign-in is over");
    laptop.open(&app.authorize_url()).expect(200);
    assert_eq!(laptop.page().heading, "Allow Harbor CRM?");
}

fn oidc_18_consent_says_what_the_app_gets_and_for_how_long(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let plain = crm(&site);
    let lasting = RelyingPartyClient::register(&site, "Mail merge", |app| {
        app.offline_access = true;
        app.lifetimes.offline_overall_days = 90;
    });
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    // Not registered for it: left out, and not asked for.
    let url = plain.authorize_url_with(&[("scope", "openid offline_access")]);
    laptop.open(&url).expect(200);
    assert!(!laptop.page().says("when you are not there"));
    assert!(!laptop.page().says("e-mail address"));
    let code = plain.code_from(&laptop.press_once("Allow"));
    assert_eq!(plain.stored(&site, &code).scopes, Scopes::parse("openid"));
    // More than before is asked for, and what was there before stays.
    laptop.open(&plain.authorize_url()).expect(200);
    assert!(laptop.page().says("your name and picture"));
    assert!(laptop.page().says("your e-mail address"));
    plain.code_from(&laptop.press_once("Allow"));
    let code = plain.code_from(&laptop.open_once(&url));
    assert_eq!(plain.stored(&site, &code).scopes, Scopes::parse("openid"));
    let url = lasting.authorize_url_with(&[("scope", "openid offline_access")]);
    laptop.open(&url).expect(200);
    assert!(
        laptop
            .page()
            .says("for up to 90 days, also after you log out")
    );
    let code = lasting.code_from(&laptop.press_once("Allow"));
    let scopes = lasting.stored(&site, &code).scopes;
    assert_eq!(scopes, Scopes::parse("openid offline_access"));
    // Asked for anew, whatever was agreed before.
    site.advance(SECOND);
    let url = lasting.authorize_url_with(&[("prompt", "consent"), ("scope", "openid")]);
    laptop.open(&url).expect(200);
    assert_eq!(laptop.page().heading, "Allow Mail merge?");
    site.advance(SECOND);
    lasting.code_from(&laptop.press_once("Allow"));
}

fn oidc_09_without_a_page_there_is_a_code_or_an_error(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let url = app.authorize_url_with(&[("prompt", "none")]);
    let mut laptop = site.browser();
    assert_eq!(app.error_from(&laptop.open_once(&url)), "login_required");
    laptop.sign_in(&ada);
    assert_eq!(app.error_from(&laptop.open_once(&url)), "consent_required");
    laptop.open(&app.authorize_url()).expect(200);
    app.code_from(&laptop.press_once("Allow"));
    app.code_from(&laptop.open_once(&url));
    for (name, value, error) in [
        ("max_age", "0", "login_required"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "none consent", "invalid_request"),
    ] {
        let both = app.authorize_url_with(&[("prompt", "none"), (name, value)]);
        let only = app.authorize_url_with(&[(name, value)]);
        let url = if name == "prompt" { only } else { both };
        assert_eq!(app.error_from(&laptop.open_once(&url)), error, "{value}");
    }
    assert_eq!(waiting(&site), 0);
}

fn oidc_10_a_new_proof_is_demanded_and_the_session_stays(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let session = laptop.session_id();
    let began = laptop.session_row().expect("a session").created_at;
    site.advance(SECOND);
    laptop
        .open(&app.authorize_url_with(&[("prompt", "login")]))
        .expect(200);
    assert_eq!(laptop.page().heading, "Confirm it's you");
    assert!(laptop.page().says("Time sheets asks you"));
    laptop.fill("Your password", "not it at all, sorry");
    laptop.press("Continue").expect(422);
    assert!(laptop.page().says("That is not your password."));
    // Looking again changes nothing.
    let waits = laptop.path().trim_end_matches("/proof").to_owned();
    laptop.open(&waits).expect(200);
    assert_eq!(laptop.page().heading, "Confirm it's you");
    site.advance(SECOND);
    laptop.fill("Your password", PASSWORD);
    let answer = laptop.press("Continue");
    let stored = app.stored(&site, &app.code_from(&answer));
    assert_eq!(stored.authenticated_at, site.now());
    assert!(stored.authenticated_at > began);
    assert_eq!(laptop.session_id(), session);
    assert_eq!(site.sessions_of(&ada).len(), 1);
    // It was an answer to that request only.
    site.advance(SECOND);
    laptop
        .open(&app.authorize_url_with(&[("prompt", "login")]))
        .expect(200);
    assert_eq!(laptop.page().heading, "Confirm it's you");
    assert_eq!(
        app.error_from(&laptop.press_once("Cancel")),
        "access_denied"
    );
}

fn oidc_10_an_old_sign_in_is_not_good_enough(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.advance(MINUTE * 10);
    let young = app.authorize_url_with(&[("max_age", "600")]);
    app.code_from(&laptop.open_once(&young));
    site.advance(SECOND);
    for url in [young, app.authorize_url_with(&[("max_age", "0")])] {
        laptop.open(&url).expect(200);
        assert_eq!(laptop.page().heading, "Confirm it's you");
        site.advance(SECOND);
        laptop.fill("Your password", PASSWORD);
        app.code_from(&laptop.press("Continue"));
        site.advance(MINUTE * 11);
    }
}

/// The overall limit does not move there, and still the proof counts.
fn oidc_10_on_a_shared_computer_too(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut library = site.browser();
    let shared = Choices {
        shared: true,
        remember: false,
    };
    library.sign_in_with(&ada, shared);
    site.advance(SECOND);
    library
        .open(&app.authorize_url_with(&[("max_age", "0")]))
        .expect(200);
    site.advance(SECOND);
    library.fill("Your password", PASSWORD);
    let answer = library.press("Continue");
    let stored = app.stored(&site, &app.code_from(&answer));
    assert_eq!(stored.authenticated_at, site.now());
}

fn b12_the_person_chooses_the_account(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let zoe = site.add_person("Zoë Ærlig", "zoe@brightwater.example");
    let url = app.authorize_url_with(&[("prompt", "select_account")]);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.advance(SECOND);
    laptop.open(&url).expect(200);
    assert_eq!(laptop.page().heading, "Choose an account");
    assert!(laptop.page().says("You are signed in as Ada Lovelace"));
    let answer = laptop.press_once("Continue as Ada Lovelace");
    assert_eq!(app.stored(&site, &app.code_from(&answer)).user_id, ada.id);
    // Another account ends at the app that asked.
    laptop.open(&url).expect(200);
    laptop.click("Use another account").expect(200);
    let answer = sign_in_here(&mut laptop, &site, &zoe);
    assert_eq!(app.stored(&site, &app.code_from(&answer)).user_id, zoe.id);
}

fn b12_an_account_of_another_organization_can_be_changed(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let elsewhere = site.add_organization("Saltmarsh Books");
    let role = nightlatch_domain::user::Role::Member;
    let ben = site.add_to(elsewhere, "Ben Okri", "ben@saltmarsh.example", role);
    let app = RelyingPartyClient::register_in(&site, elsewhere, "Book store", |app| {
        app.first_party = true;
    });
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open(&app.authorize_url()).expect(403);
    assert_eq!(laptop.page().heading, "This account cannot open the app");
    assert!(laptop.page().says("You are signed in as Ada Lovelace"));
    let silent = app.authorize_url_with(&[("prompt", "none")]);
    let error = app.error_from(&laptop.open_once(&silent));
    assert_eq!(error, "account_selection_required");
    laptop.open(&app.authorize_url()).expect(403);
    laptop.click("Use another account").expect(200);
    let answer = sign_in_here(&mut laptop, &site, &ben);
    assert_eq!(app.stored(&site, &app.code_from(&answer)).user_id, ben.id);
}

fn a12_a_hint_fills_the_field_and_proves_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let url = app.authorize_url_with(&[("login_hint", &ada.email)]);
    let mut laptop = site.browser();
    laptop.open(&url).expect(200);
    let form = laptop.page().form("Sign in");
    assert_eq!(form.value("E-mail address"), ada.email);
    assert!(!laptop.path().contains('@'), "{}", laptop.path());
    laptop.fill("Password", "not it at all, sorry");
    laptop.press("Sign in").expect(422);
    assert!(laptop.page().says("Sign in to go on to Time sheets."));
    laptop.fill("Password", PASSWORD);
    app.code_from(&laptop.press("Sign in"));
    // Somebody else's address changes nothing about who is signed in.
    let other = app.authorize_url_with(&[("login_hint", "zoe@brightwater.example")]);
    let code = app.code_from(&laptop.open_once(&other));
    assert_eq!(app.stored(&site, &code).user_id, ada.id);
}

fn a1_after_a_logout_the_form_comes(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    app.code_from(&laptop.open_once(&app.authorize_url()));
    laptop.log_out();
    let silent = app.authorize_url_with(&[("prompt", "none")]);
    assert_eq!(app.error_from(&laptop.open_once(&silent)), "login_required");
    laptop.open(&app.authorize_url()).expect(200);
    assert_eq!(laptop.page().heading, "Sign in");
    assert!(laptop.page().find_form("Sign in").is_some());
}

fn an_app_may_ask_by_form_and_be_answered_by_form(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    // The browser holds its Lax cookies back from a form of another site.
    let mut cookieless = site.browser();
    let form = app.authorize_form_with(&[("response_mode", "form_post")]);
    let answer = cookieless
        .ask("POST", "/oauth2/authorize")
        .header("sec-fetch-site", "cross-site")
        .header("origin", "https://time-sheets.example")
        .form(&form)
        .send()
        .expect(303);
    assert_eq!(answer.cookies(), Vec::<&str>::new());
    let back = answer.location().expect("an address").to_owned();
    let answer = laptop.open_once(&back).expect(200);
    let page = answer.page();
    assert_eq!(page.heading, "Back to the app");
    assert!(!answer.text().contains("Lovelace"));
    let form = page.form("Continue");
    assert_eq!(
        (form.method.as_str(), &form.action),
        ("post", &app.redirect_uri)
    );
    let names: Vec<_> = form.fields.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!(form.value("state"), app.state);
    assert_eq!(form.value("iss"), site.origin());
    assert_eq!(app.stored(&site, form.value("code")).user_id, ada.id);
    // Nobody is asked for anything there that the app said not to ask.
    let mut nobody = site.browser();
    let silent = app.authorize_form_with(&[("prompt", "none")]);
    let ask = nobody.ask("POST", "/oauth2/authorize");
    let ask = ask.header("sec-fetch-site", "cross-site");
    let answer = ask.form(&silent).send().expect(303);
    let answer = nobody.follow(answer);
    assert_eq!(app.error_from(&answer), "login_required");
}

fn essential(level: &str) -> String {
    format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{level}"]}}}}}}"#)
}

fn oidc_12_the_level_of_proof_is_asked_for_and_stated(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    // Elsewhere: a factor that was just set up counts as shown where that was done.
    let mut desk = site.browser();
    desk.sign_in(&ada);
    let phone = desk.set_up_app();
    site.advance(MINUTE);
    let url = app.authorize_url_with(&[("claims", &essential(TWO_FACTOR))]);
    laptop.open(&url).expect(200);
    assert!(laptop.page().says("this time with your second step"));
    assert!(
        laptop
            .page()
            .form("Continue")
            .find("Your password")
            .is_none()
    );
    laptop.fill("A code from your app", &phone.next_code(&site));
    let answer = laptop.press("Continue");
    let stored = app.stored(&site, &app.code_from(&answer));
    let remembered: RememberedRequest = serde_json::from_str(&stored.request).expect("JSON");
    assert_eq!(remembered.acr, TWO_FACTOR);
    assert!(remembered.claims.id_token["acr"].essential);
    // From now on it is reached.
    app.code_from(&laptop.open_once(&url));
    let wish = app.authorize_url_with(&[("acr_values", ONE_FACTOR)]);
    let stored = app.stored(&site, &app.code_from(&laptop.open_once(&wish)));
    let remembered: RememberedRequest = serde_json::from_str(&stored.request).expect("JSON");
    assert_eq!(remembered.acr, ONE_FACTOR);
}

fn oidc_12_a_level_that_nobody_reaches_is_an_error(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for level in [TWO_FACTOR, PHISHING_RESISTANT, "urn:example:gold"] {
        let url = app.authorize_url_with(&[("claims", &essential(level))]);
        let error = app.error_from(&laptop.open_once(&url));
        assert_eq!(error, "unmet_authentication_requirements");
        // A mere wish is none.
        let url = app.authorize_url_with(&[("acr_values", level)]);
        app.code_from(&laptop.open_once(&url));
    }
}

fn pol_04_a_second_step_comes_first(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), company_app(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.change_settings(|settings: &mut Settings| {
        settings.policy.second_factor.rule = SecondFactorRule::Everybody;
        settings.policy.second_factor.grace_days = 0;
    });
    laptop.open(&app.authorize_url()).expect(200);
    assert_eq!(laptop.path(), "/account/security");
    let silent = app.authorize_url_with(&[("prompt", "none")]);
    let error = app.error_from(&laptop.open_once(&silent));
    assert_eq!(error, "interaction_required");
    laptop.set_up_app();
    app.code_from(&laptop.open_once(&app.authorize_url()));
}

fn f5_no_long_lived_access_from_a_session_that_a_phone_let_in(which: TestDatabase) {
    const LIBRARY: &str = "203.0.113.20";
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = RelyingPartyClient::register(&site, "Mail merge", |app| {
        app.offline_access = true;
        app.first_party = true;
    });
    let mut phone = site.browser().at(LIBRARY);
    phone.sign_in(&ada);
    let mut library = site.browser().at(LIBRARY);
    library.open("/login/phone").expect(200);
    library.press("Show a code").expect(200);
    let text = library.page().text.clone();
    let code = text
        .split_whitespace()
        .find(|word| word.len() == 9 && word.as_bytes().get(4) == Some(&b'-'));
    phone.open("/account/phone").expect(200);
    phone.fill("Code on that computer", code.expect("a code"));
    phone.press("Go on").expect(200);
    phone.press("Sign in on that computer").expect(200);
    library.open("/login/phone").expect(200);
    library.press("Continue").expect(200);
    assert!(library.is_signed_in());
    let url = app.authorize_url_with(&[("scope", "openid offline_access")]);
    let stored = app.stored(&site, &app.code_from(&library.open_once(&url)));
    assert_eq!(stored.scopes, Scopes::parse("openid"));
    // It can prove nothing here: the whole sign-in is asked for.
    site.advance(SECOND);
    let url = app.authorize_url_with(&[("prompt", "login")]);
    library.open(&url).expect(200);
    let answer = sign_in_here(&mut library, &site, &ada);
    app.code_from(&answer);
}

fn what_waits_goes_with_its_time(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open(&app.authorize_url()).expect(200);
    let path = laptop.path().to_owned();
    site.advance(HOUR.saturating_sub(SECOND));
    laptop.open(&path).expect(200);
    assert_eq!(laptop.page().heading, "Allow Harbor CRM?");
    site.advance(SECOND);
    // The form that is still open answers nothing any more.
    laptop.press("Allow").expect(410);
    assert_eq!(laptop.page().heading, "This sign-in is over");
    assert_eq!((waiting(&site), consents(&site)), (1, 0));
    site.prune();
    assert_eq!(waiting(&site), 0);
    let unknown = nightlatch_domain::secret::TokenDigest::of(b"x");
    assert!(!site.write(move |tx| authorization_requests::delete(tx, unknown)));
    let company = company_app(&site);
    company.code_from(&laptop.open_once(&company.authorize_url()));
    let codes = "SELECT count(*) FROM authorization_codes";
    site.advance(MINUTE);
    site.prune();
    assert_eq!(site.count_rows(codes), 0);
}
