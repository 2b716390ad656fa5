//! A thief who plants a way back, and an owner who throws the thief out (F2, F3).

use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Browser, Choices, Lie, PASSWORD, PasskeyDevice, Site, TestDatabase, UserAgent,
    link_in, passkey_problem, signed_in_to,
};

use crate::{DAY, HOUR, MINUTE};

on_both_databases!(
    f2_throwing_a_thief_out_takes_along_what_they_planted,
    f2_what_others_added_stays_with_one_session_and_the_last_day_goes_with_all,
    f2_this_was_not_me_takes_along_what_was_planted,
    f3_a_browser_that_the_thief_had_remembered_is_forgotten,
    f2_a_session_of_somebody_else_takes_nothing_along,
);

const FACTORS: &str =
    "SELECT (SELECT count(*) FROM passkeys) + (SELECT count(*) FROM authenticator_apps)
    + (SELECT count(*) FROM recovery_codes)";

/// Ada on her laptop, and a thief with her password, who is told of by mail.
fn begin(site: &Site) -> (Account, Browser<'_>, Browser<'_>) {
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.advance(MINUTE);
    let mut thief = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    thief.sign_in(&ada);
    site.advance(MINUTE);
    (ada, laptop, thief)
}

fn first_link(site: &Site, ada: &Account) -> String {
    link_in(&site.letters_to(ada)[0])
}

fn f2_throwing_a_thief_out_takes_along_what_they_planted(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, laptop, mut thief) = begin(&site);
    let mut key = PasskeyDevice::security_key(&site.origin());
    thief.add_passkey(&mut key, "Spare key");
    drop(thief.set_up_app());
    thief.make_recovery_codes();
    let mut phone = site.browser();
    phone.open(&first_link(&site, &ada)).expect(200);
    assert!(
        phone
            .page()
            .says("Added there, and removed with it: Passkey “Spare key”")
    );
    phone.press("Yes, throw them out").expect(200);
    let said =
        "Removed from the account: Passkey “Spare key”, Authenticator app “Phone”, Recovery codes.";
    assert!(phone.page().says(said), "{}", phone.page().text);
    assert_eq!(site.count_rows(FACTORS), 0);
    // What they planted opens nothing, neither now nor after the new password.
    let back = thief.sign_in_with_passkey(&mut key);
    assert_eq!(passkey_problem(&back), "passkey-unknown");
    let letters = site.letters_to(&ada);
    let removed: Vec<_> = letters
        .iter()
        .filter(|letter| letter.subject.starts_with("A second step was removed"))
        .collect();
    assert_eq!(removed.len(), 1, "one mail for all of it");
    assert!(
        removed[0]
            .text
            .contains("Passkey “Spare key”, Authenticator app “Phone”")
    );
    for (kind, lines) in [
        (EventKind::PasskeyRemoved, 1),
        (EventKind::AuthenticatorAppRemoved, 1),
        (EventKind::RecoveryCodesRemoved, 1),
    ] {
        assert_eq!(site.count_events(&ada, kind), lines, "{kind:?}");
    }
    let reset = letters
        .iter()
        .map(link_in)
        .find(|link| link.starts_with("/login/reset/"))
        .expect("a link to a new password");
    let new = "eleven herons over a silver estuary";
    phone.open(&reset).expect(200);
    phone.fill("New password", new);
    phone.fill("New password once more", new);
    phone.press("Set the new password").expect(200);
    let back = thief.sign_in_with_passkey(&mut key);
    assert_eq!(passkey_problem(&back), "passkey-unknown");
    // And the owner is not asked for a code of the thief's app.
    let mut owner = laptop;
    let answer = owner.try_to_sign_in(&ada.email, new, Choices::default());
    drop(answer.expect_redirect("/"));
    assert_eq!(site.open_sessions_of(&ada), 1);
}

fn f2_what_others_added_stays_with_one_session_and_the_last_day_goes_with_all(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let own = laptop.set_up_app();
    site.advance(DAY);
    let mut first = site.browser();
    first.sign_in_with_code(&ada, &own);
    let mut planted = PasskeyDevice::security_key(&site.origin());
    first.add_passkey(&mut planted, "First");
    site.deliver_mails();
    site.advance(HOUR);
    // A second session of the thief's, in yet another browser, by that passkey.
    let mut second = site.browser();
    signed_in_to(&second.sign_in_with_passkey(&mut planted));
    let mut other = PasskeyDevice::security_key(&site.origin());
    second.add_passkey(&mut other, "Second");
    site.advance(HOUR);
    let letters = site.letters_to(&ada);
    let links: Vec<_> = letters
        .iter()
        .filter(|letter| letter.subject.starts_with("New sign-in"))
        .map(link_in)
        .collect();
    let mut phone = site.browser();
    phone.open(&links[0]).expect(200);
    phone.press("Yes, throw them out").expect(200);
    assert!(
        phone
            .page()
            .says("Removed from the account: Passkey “First”.")
    );
    assert_eq!(site.count_rows(FACTORS), 2);
    phone.open(&links[1]).expect(200);
    assert!(phone.page().says("also removes what is new since "));
    phone
        .press("Log out all sessions of this account")
        .expect(200);
    assert!(
        phone
            .page()
            .says("Removed from the account: Passkey “Second”.")
    );
    assert_eq!(site.count_rows(FACTORS), 1);
    laptop.sign_in_with_code(&ada, &own);
    assert!(laptop.is_signed_in());
}

fn f2_this_was_not_me_takes_along_what_was_planted(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut thief) = begin(&site);
    let mut key = PasskeyDevice::security_key(&site.origin());
    let mut own = PasskeyDevice::security_key(&site.origin());
    // The owner is adding one as well: once there is a second factor, no more is added
    // without it.
    let begun = laptop.begin_passkey().expect(200).json();
    thief.add_passkey(&mut key, "Spare key");
    site.advance(MINUTE);
    let made = own.create(&begun, Lie::Honest);
    drop(laptop.finish_passkey(&begun, &made, "Blue key").expect(200));
    // Also where the session is over by then.
    thief.log_out();
    laptop.open("/account/history").expect(200);
    let entries = laptop.page().entries("Signed in with a new browser");
    let entry = entries
        .into_iter()
        .find(|entry| entry.text.contains("Chrome on Linux"))
        .expect("the thief's line")
        .clone();
    let link = laptop.page().links_in(&entry)[0].clone();
    laptop.click(&link.words).expect(200);
    assert!(
        laptop
            .page()
            .says("What was added to your account there is removed: Passkey “Spare key”.")
    );
    laptop.press("Report it and change my password").expect(200);
    assert!(
        laptop
            .page()
            .says("what it had added to your account was removed")
    );
    assert_eq!(site.count_rows(FACTORS), 1);
    let back = thief.sign_in_with_passkey(&mut key);
    assert_eq!(passkey_problem(&back), "passkey-unknown");
    let mut tablet = site.browser();
    signed_in_to(&tablet.sign_in_with_passkey(&mut own));
    assert!(laptop.is_signed_in());
    let told = site
        .letters_to(&ada)
        .into_iter()
        .filter(|letter| letter.subject.starts_with("A second step was removed"));
    assert_eq!(told.count(), 1);
}

fn f3_a_browser_that_the_thief_had_remembered_is_forgotten(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let app = laptop.set_up_app();
    laptop.log_out();
    laptop.sign_in_and_be_remembered(&ada, &app);
    let mut thief = site.browser();
    thief.sign_in_and_be_remembered(&ada, &app);
    // Logging out forgets nothing, so there is nothing left that an ending would forget.
    thief.log_out();
    site.advance(MINUTE);
    let letters = site.letters_to(&ada);
    let told = letters
        .iter()
        .find(|letter| letter.subject.starts_with("New sign-in"))
        .expect("an alert");
    let mut phone = site.browser();
    phone.open(&link_in(told)).expect(200);
    phone.press("Yes, throw them out").expect(200);
    let answer = thief.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    drop(answer.expect_redirect("/login/factor"));
    // The owner's own is not touched: nothing was planted.
    laptop.log_out();
    let answer = laptop.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    drop(answer.expect_redirect("/"));
}

/// One's own session cannot be reported, another person's neither: no way to strip
/// somebody of their factors.
fn f2_a_session_of_somebody_else_takes_nothing_along(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, _) = begin(&site);
    let zoe = site.add_person("Zoë Ærlig", "zoe@brightwater.example");
    let mut hers = site.browser();
    hers.sign_in(&zoe);
    let mut key = PasskeyDevice::security_key(&site.origin());
    hers.add_passkey(&mut key, "Green key");
    let path = format!("/account/sessions/{}/not-me", hers.session_id());
    laptop.open(&path).expect(404);
    laptop.open("/account/profile").expect(200);
    let pairs = laptop.page().form("Save name").pairs();
    let csrf = pairs.into_iter().find(|(name, _)| name == "csrf");
    let body = serde_urlencoded::to_string([csrf.expect("a token")]).expect("pairs");
    let ask = laptop.ask("POST", &path).by_own_page().form(&body);
    ask.send().expect(404);
    assert_eq!(site.count_rows(FACTORS), 1);
    assert!(hers.is_signed_in());
}
