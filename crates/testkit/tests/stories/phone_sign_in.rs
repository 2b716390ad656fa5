//! `sign_in_with_my_phone_on_a_library_computer`: no secret is typed there, and a
//! relayed code leads nowhere (TOK-09, SHR-01, OUT-12).
//!
//! Longer than 400 lines, since it is one story told in parts.

use nightlatch_domain::event::EventKind;
use nightlatch_domain::phone_sign_in::PhoneSignInRule;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Choices, PASSWORD, Site, TestDatabase};

use crate::{MINUTE, SECOND};

on_both_databases!(
    the_code_is_typed_on_the_phone_and_the_library_computer_is_signed_in,
    looking_changes_nothing_and_a_code_works_once,
    a_code_lives_three_minutes,
    a_no_is_final,
    guessing_codes_is_slowed_down,
    a_phone_left_on_a_table_lets_nobody_in,
    another_network_takes_a_word_and_another_country_is_refused,
    the_organization_may_ask_for_one_network_or_switch_it_off,
    never_for_administrators,
    trust_does_not_spread,
    it_cannot_touch_the_account,
    an_approval_dies_with_log_out_of_all_sessions,
    an_approval_dies_with_the_session_that_gave_it,
    a_network_cannot_fill_the_list,
    a_session_that_was_open_there_is_replaced,
    a_yes_cannot_be_carried_to_another_computer,
);

pub(crate) const LIBRARY: &str = "192.0.2.7";

fn phone<'a>(site: &'a Site, ada: &Account) -> Browser<'a> {
    let mut phone = site.browser().at(LIBRARY);
    phone.sign_in(ada);
    phone
}

/// Asks for a code at a computer and reads it from the screen.
pub(crate) fn code_of(library: &mut Browser<'_>) -> String {
    library.open("/login/phone").expect(200);
    library.press("Show a code").expect(200);
    assert_eq!(library.page().heading, "Type this code on your phone");
    let text = library.open("/login/phone").expect(200).text();
    let shown = text.split("class=\"user-code\"").nth(1).expect("a code");
    let shown = shown.split('>').nth(1).expect("text");
    shown.split('<').next().expect("an end").to_owned()
}

fn type_code(phone: &mut Browser<'_>, code: &str) {
    phone.open("/account/phone").expect(200);
    phone.fill("Code on that computer", code);
    phone.press("Go on");
}

fn confirm(phone: &mut Browser<'_>, code: &str) {
    type_code(phone, code);
    phone.press("Sign in on that computer").expect(200);
    assert_eq!(phone.page().heading, "You are signed in over there");
}

fn come_in(library: &mut Browser<'_>) {
    library.open("/login/phone").expect(200);
    assert_eq!(library.page().heading, "Your phone said yes");
    library.press("Continue").expect(200);
}

pub(crate) fn at_the_library<'a>(site: &'a Site, ada: &Account) -> (Browser<'a>, Browser<'a>) {
    let mut phone = phone(site, ada);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    confirm(&mut phone, &code);
    come_in(&mut library);
    assert!(library.is_signed_in());
    (phone, library)
}

fn the_code_is_typed_on_the_phone_and_the_library_computer_is_signed_in(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut phone, mut library) = at_the_library(&site, &ada);
    let row = library.session_row().expect("a session");
    assert_eq!(row.idle_deadline, row.created_at.plus(MINUTE * 15));
    assert_eq!(row.overall_deadline, row.created_at.plus(MINUTE * 120));
    library.open("/").expect(200);
    assert!(library.page().says("Shared computer"));
    // SHR-01: nothing that lasts, and nothing that would be known again.
    assert_eq!(library.jar.names(), ["__Host-nightlatch"]);
    assert_eq!(site.count_events(&ada, EventKind::PhoneSignInApproved), 1);
    // It stands in the list, says how it came in, and ends there in one click.
    phone.open("/account/sessions").expect(200);
    let card = phone.page().card("Shared computer");
    assert!(card.text.contains("Your phone"));
    phone.press_in(&card, "Log out").expect(200);
    assert!(!library.is_signed_in());
    assert!(phone.is_signed_in());
    // Its owner is told as well (ALR-01).
    site.advance(MINUTE * 10);
    let letters = site.letters_to(&ada);
    assert!(letters.iter().any(|letter| {
        letter.subject == "Sign-in approved with your phone (Brightwater Trading)"
    }));
}

fn looking_changes_nothing_and_a_code_works_once(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = phone(&site, &ada);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    for _ in 0..3 {
        type_code(&mut phone, &code);
        assert_eq!(phone.page().heading, "Sign in on this computer?");
        library.open("/login/phone").expect(200);
        assert_eq!(library.page().heading, "Type this code on your phone");
    }
    assert_eq!(site.open_sessions_of(&ada), 1);
    phone.press("Sign in on that computer").expect(200);
    // A yes alone is no session; looking at it is none either.
    library.open("/login/phone").expect(200);
    assert!(library.page().says(&ada.name) && library.page().says(&ada.email));
    assert_eq!(site.open_sessions_of(&ada), 1);
    // Whoever only saw the code cannot use the yes.
    let mut onlooker = site.browser().at(LIBRARY);
    onlooker.open("/login/phone").expect(200);
    assert_eq!(onlooker.page().heading, "Sign in with your phone");
    let stolen = library.steal_cookies();
    library.press("Continue").expect(200);
    assert_eq!(site.open_sessions_of(&ada), 2);
    let mut again = site.browser().at(LIBRARY).with_cookies(stolen);
    again.open("/login/phone").expect(200);
    assert_eq!(again.page().heading, "Sign in with your phone");
    type_code(&mut phone, &code);
    assert!(phone.page().says("No computer shows this code now."));
}

fn a_code_lives_three_minutes(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = phone(&site, &ada);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    site.advance(MINUTE * 3);
    type_code(&mut phone, &code);
    assert!(phone.page().says("No computer shows this code now."));
    library.open("/login/phone").expect(200);
    assert!(library.page().says("That code is too old"));
    // So does a yes.
    let code = code_of(&mut library);
    site.advance(MINUTE * 2 + SECOND * 59);
    confirm(&mut phone, &code);
    library.open("/login/phone").expect(200);
    site.advance(MINUTE * 3);
    library.press("Continue").expect(200);
    assert!(library.page().says("That code is too old"));
    assert!(!library.is_signed_in());
}

fn a_no_is_final(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = phone(&site, &ada);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    type_code(&mut phone, &code);
    let pairs = phone.page().form("Sign in on that computer").pairs();
    let body = serde_urlencoded::to_string(pairs).expect("pairs");
    let ask = phone
        .ask("POST", "/account/phone/refuse")
        .by_own_page()
        .form(&body);
    drop(ask.send().expect(303));
    type_code(&mut phone, &code);
    assert!(phone.page().says("No computer shows this code now."));
    library.open("/login/phone").expect(200);
    assert!(library.page().says("The phone said no"));
}

fn guessing_codes_is_slowed_down(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = phone(&site, &ada);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    for _ in 0..5 {
        type_code(&mut phone, "BBBB-BBBB");
        assert!(phone.page().says("No computer shows this code now."));
    }
    type_code(&mut phone, &code);
    assert!(phone.page().says("Please wait"));
    site.advance(MINUTE);
    type_code(&mut phone, &code);
    assert_eq!(phone.page().heading, "Sign in on this computer?");
}

fn a_phone_left_on_a_table_lets_nobody_in(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = phone(&site, &ada);
    site.advance(MINUTE * 11);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    type_code(&mut phone, &code);
    phone.fill("Your password", "not it at all, sorry");
    phone.press("Sign in on that computer").expect(422);
    library.open("/login/phone").expect(200);
    assert_eq!(library.page().heading, "Type this code on your phone");
    phone.fill("Your password", PASSWORD);
    phone.press("Sign in on that computer").expect(200);
    assert_eq!(phone.page().heading, "You are signed in over there");
    come_in(&mut library);
    assert!(library.is_signed_in());
}

fn another_network_takes_a_word_and_another_country_is_refused(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = site.browser().at("198.51.100.9");
    phone.sign_in(&ada);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    type_code(&mut phone, &code);
    assert!(phone.page().says("in another network"));
    phone.press("Sign in on that computer").expect(422);
    assert!(
        phone
            .page()
            .says("Please confirm that you are in front of it.")
    );
    phone.check("I am in front of this computer now, and nobody sent me the code");
    phone.press("Sign in on that computer").expect(200);
    assert_eq!(phone.page().heading, "You are signed in over there");
    come_in(&mut library);
    assert!(library.is_signed_in());
}

fn the_organization_may_ask_for_one_network_or_switch_it_off(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut far = site.browser().at("198.51.100.9");
    far.sign_in(&ada);
    let mut near = phone(&site, &ada);
    site.change_settings(|settings| settings.policy.phone_sign_in = PhoneSignInRule::SameNetwork);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    type_code(&mut far, &code);
    assert!(far.page().says("far away from you"));
    confirm(&mut near, &code);
    // Switched off between the yes and its use.
    site.change_settings(|settings| settings.policy.phone_sign_in = PhoneSignInRule::Off);
    library.open("/login/phone").expect(200);
    library.press("Continue").expect(200);
    assert!(!library.is_signed_in());
    near.open("/account/phone").expect(200);
    assert!(near.page().says("switched off"));
}

fn never_for_administrators(which: TestDatabase) {
    let site = Site::new(which);
    let grace = site.add_administrator("Grace Hopper", "grace@brightwater.example");
    let mut phone = phone(&site, &grace);
    phone.open("/account/phone").expect(200);
    assert!(phone.page().says("Administrators cannot do this"));
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    // Not by a form of one's own making either.
    phone.open("/account/profile").expect(200);
    let csrf = phone.page().form("Save name").pairs();
    let csrf = csrf.into_iter().find(|(name, _)| name == "csrf");
    let fields = [csrf.expect("a token"), ("code".to_owned(), code)];
    let body = serde_urlencoded::to_string(fields).expect("pairs");
    let ask = phone.ask("POST", "/account/phone/confirm");
    let answer = ask.by_own_page().form(&body).send();
    assert!(
        answer
            .expect(403)
            .page()
            .says("Administrators cannot do this")
    );
    library.open("/login/phone").expect(200);
    assert_eq!(library.page().heading, "Type this code on your phone");
}

fn trust_does_not_spread(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (_, mut library) = at_the_library(&site, &ada);
    library.open("/account/phone").expect(200);
    assert!(
        library
            .page()
            .says("You are on a shared computer yourself.")
    );
    let mut shared = site.browser().at(LIBRARY);
    let choices = Choices {
        remember: false,
        shared: true,
    };
    shared.sign_in_with(&ada, choices);
    shared.open("/account/phone").expect(200);
    assert!(shared.page().says("You are on a shared computer yourself."));
}

/// No step-up and no changes of credentials in a session that a phone let in.
fn it_cannot_touch_the_account(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut phone, mut library) = at_the_library(&site, &ada);
    library.open("/account/sessions/log-out-others").expect(403);
    assert!(
        library
            .page()
            .find_form("Log out all other sessions")
            .is_none()
    );
    assert!(library.page().says("on your own phone or laptop"));
    library.open("/account/security").expect(200);
    assert!(library.page().find_form("Change password").is_none());
    assert!(library.page().says("on your own phone or laptop"));
    // Nor with the right password in a form of one's own making.
    library.open("/account/profile").expect(200);
    let csrf = library.page().form("Save name").pairs();
    let csrf = csrf
        .into_iter()
        .find(|(name, _)| name == "csrf")
        .expect("a token");
    for (path, fields) in [
        (
            "/account/sessions/log-out-all",
            vec![("password", PASSWORD)],
        ),
        (
            "/account/security/password",
            vec![
                ("current", PASSWORD),
                ("new", "a kettle that sings at four in the morning"),
                ("new_again", "a kettle that sings at four in the morning"),
            ],
        ),
    ] {
        let mut pairs = vec![(csrf.0.clone(), csrf.1.clone())];
        pairs.extend(
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let body = serde_urlencoded::to_string(pairs).expect("pairs");
        let ask = library.ask("POST", path).by_own_page();
        let answer = ask.form(&body).send();
        assert_eq!(answer.expect(403).path, path);
    }
    assert!(phone.is_signed_in() && library.is_signed_in());
    // Its own end never takes more than a click.
    library.log_out();
    assert!(!library.is_signed_in());
}

fn an_approval_dies_with_log_out_of_all_sessions(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = phone(&site, &ada);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    confirm(&mut phone, &code);
    library.open("/login/phone").expect(200);
    phone.open("/account/sessions/log-out-others").expect(200);
    let mut other = site.browser();
    other.sign_in(&ada);
    other.open("/account/sessions/log-out-all").expect(200);
    other.press("Log out of all sessions").expect(200);
    library.press("Continue").expect(200);
    assert!(!library.is_signed_in());
    assert!(library.page().says("That code is too old"));
    assert_eq!(site.open_sessions_of(&ada), 0);
}

fn an_approval_dies_with_the_session_that_gave_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = phone(&site, &ada);
    let mut library = site.browser().at(LIBRARY);
    let code = code_of(&mut library);
    confirm(&mut phone, &code);
    library.open("/login/phone").expect(200);
    phone.log_out();
    library.press("Continue").expect(200);
    assert!(!library.is_signed_in());
}

fn a_network_cannot_fill_the_list(which: TestDatabase) {
    let site = Site::new(which);
    for _ in 0..20 {
        let mut library = site.browser().at(LIBRARY);
        code_of(&mut library);
    }
    let mut one_more = site.browser().at(LIBRARY);
    one_more.open("/login/phone").expect(200);
    one_more.press("Show a code").expect(429);
    let mut elsewhere = site.browser().at("198.51.100.9");
    code_of(&mut elsewhere);
    site.advance(MINUTE * 3);
    code_of(&mut one_more);
}

/// E3: not before the page has said whose.
fn a_session_that_was_open_there_is_replaced(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let zoe = site.add_person("Zoë Ærlig", "zoe@brightwater.example");
    let mut library = site.browser().at(LIBRARY);
    let mut phone = phone(&site, &ada);
    let code = code_of(&mut library);
    confirm(&mut phone, &code);
    library.open("/login/phone").expect(200);
    assert!(!library.page().says("This browser is signed in as"));
    let unaware = library.page().form("Continue").clone();
    // Zoë signs in in another tab.
    library.sign_in(&zoe);
    library.open("/login/phone").expect(200);
    assert!(
        library
            .page()
            .says("This browser is signed in as Zoë Ærlig")
    );
    assert!(
        library
            .page()
            .says("If you continue, Zoë Ærlig is logged out here.")
    );
    let aware = library.page().form("Continue").pairs();
    let csrf = aware.iter().find(|(name, _)| name == "csrf");
    let mut unaware = unaware;
    unaware.fill("csrf", &csrf.expect("a token").1);
    let sent = library.submit(&unaware);
    drop(sent.expect_redirect("/login/phone"));
    assert_eq!(site.open_sessions_of(&zoe), 1);
    come_in(&mut library);
    assert_eq!(site.open_sessions_of(&zoe), 0);
    assert_eq!(site.open_sessions_of(&ada), 2);
    // One's own is no news.
    let code = code_of(&mut library);
    confirm(&mut phone, &code);
    library.open("/login/phone").expect(200);
    assert!(!library.page().says("This browser is signed in as"));
    library.press("Continue").expect(200);
    assert_eq!(site.open_sessions_of(&ada), 2);
}

/// The attacker asks at a computer near the person, waits for the yes, and carries
/// the cookie that waits to a machine of their own.
fn a_yes_cannot_be_carried_to_another_computer(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.change_settings(|settings| settings.policy.phone_sign_in = PhoneSignInRule::SameNetwork);
    let mut phone = phone(&site, &ada);
    let mut near = site.browser().at(LIBRARY);
    let code = code_of(&mut near);
    confirm(&mut phone, &code);
    let mut far = site.browser().at("198.51.100.9");
    far.jar = near.steal_cookies();
    far.open("/login/phone").expect(200);
    far.press("Continue").expect(200);
    assert!(far.page().says("not where the code was shown"));
    assert!(!far.is_signed_in());
    assert_eq!(site.open_sessions_of(&ada), 1);
    // The owner can see that somebody tried, and the yes is worth nothing any more.
    assert_eq!(site.count_events(&ada, EventKind::SignInFailed), 1);
    near.open("/login/phone").expect(200);
    assert!(near.page().says("That code is too old"));
    assert_eq!(site.open_sessions_of(&ada), 1);
    // A computer whose address changes within its network is the same one.
    let mut near = site.browser().at("2001:db8:7::1");
    let code = code_of(&mut near);
    let mut phone = site.browser().at("2001:db8:7::9");
    phone.sign_in(&ada);
    confirm(&mut phone, &code);
    let mut near = near.at("2001:db8:7::2");
    come_in(&mut near);
    assert!(near.is_signed_in());
}
