//! Changing one's password (`suspicious_activity`; F1, AUTH-01, AUTH-02, AUTH-08).

use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Choices, PASSWORD, Site, TestDatabase};

use crate::SECOND;

on_both_databases!(
    f1_a_new_password_ends_all_others_and_keeps_this_one,
    auth_08_the_present_one_is_asked_for,
    auth_01_02_weak_ones_are_refused_with_the_reason,
    a_weak_choice_is_no_wrong_try,
    auth_01_nothing_else_is_demanded,
    a_change_overtaken_by_an_ending_does_not_happen,
    ui_04_the_well_known_address_leads_there,
);

const NEW: &str = "eleven herons over a silver estuary";

fn begin(site: &Site) -> (Account, Browser<'_>) {
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    (ada, laptop)
}

fn f1_a_new_password_ends_all_others_and_keeps_this_one(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop) = begin(&site);
    let (mut phone, mut thief) = (site.browser(), site.browser());
    phone.sign_in(&ada);
    thief.sign_in(&ada);
    let mut copied = site.browser().with_cookies(laptop.steal_cookies());
    let id = laptop.session_id();

    laptop.change_password(PASSWORD, NEW).expect(200);
    assert!(
        laptop
            .page()
            .says("Your password was changed, and your 2 other sessions were logged out.")
    );
    assert!(laptop.is_signed_in());
    // The same session, under a new token: a copied cookie is dead too.
    assert_eq!(laptop.session_id(), id);
    assert!(!copied.is_signed_in());
    for browser in [&mut phone, &mut thief] {
        browser.open("/").expect(200);
        assert!(browser.page().says("your password was changed"));
    }
    assert_eq!(site.epoch_of(&ada), 1);
    assert_eq!(site.count_events(&ada, EventKind::PasswordChanged), 1);
    let causes = site.causes_of(&ada);
    let changed = Some(Cause::PasswordChanged);
    assert_eq!(causes, [None, changed, changed]);

    // The old one is worth nothing, the new one signs in.
    let old = thief.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert_eq!(old.status.as_u16(), 422);
    drop(
        phone
            .try_to_sign_in(&ada.email, NEW, Choices::default())
            .expect_redirect("/"),
    );
}

fn auth_08_the_present_one_is_asked_for(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop) = begin(&site);
    let mut phone = site.browser();
    phone.sign_in(&ada);
    let cookie = laptop.session_cookie().map(str::to_owned);
    laptop.change_password("not my password", NEW).expect(422);
    assert!(laptop.page().says("That is not your password."));
    laptop.change_password("", NEW).expect(422);
    laptop.change_password(&"x".repeat(1025), NEW).expect(422);
    // The two new ones must be the same.
    laptop.open("/account/security").expect(200);
    laptop.fill("Current password", PASSWORD);
    laptop.fill("New password", NEW);
    laptop.fill(
        "New password once more",
        "eleven herons over a silver estuarx",
    );
    laptop.press("Change password").expect(422);
    assert!(laptop.page().says("The two new passwords differ."));
    assert_eq!(laptop.session_cookie(), cookie.as_deref());
    assert!(phone.is_signed_in());
    assert_eq!(site.count_events(&ada, EventKind::PasswordChanged), 0);
    // Nothing typed comes back in the page.
    for form in &laptop.page().forms {
        let typed = form.fields.iter().filter(|field| field.kind == "password");
        assert!(typed.into_iter().all(|field| field.value.is_empty()));
    }
}

fn auth_01_02_weak_ones_are_refused_with_the_reason(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop) = begin(&site);
    for (weak, reason) in [
        ("short but odd!", "at least 15 characters"),
        ("passwordpassword", "common and stolen passwords"),
        ("qwertyuiopasdfgh", "common and stolen passwords"),
        ("ada lovelace 1815", "your name"),
        ("brightwatertrading", "your company's name"),
        ("nightlatchnightlatch", "your name"),
        (&"x7!".repeat(400), "longer than 1,024 bytes"),
    ] {
        site.advance(SECOND * 60);
        laptop.change_password(PASSWORD, weak).expect(422);
        assert!(laptop.page().says(reason), "{weak}: {}", laptop.page().text);
    }
    assert_eq!(site.count_events(&ada, EventKind::PasswordChanged), 0);
}

fn a_weak_choice_is_no_wrong_try(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop) = begin(&site);
    for _ in 0..8 {
        laptop.change_password(PASSWORD, "too short").expect(422);
        assert!(
            laptop.page().says("at least 15 characters"),
            "the right password was taken for a wrong try: {}",
            laptop.page().text
        );
    }
    laptop.change_password(PASSWORD, NEW).expect(200);
}

fn auth_01_nothing_else_is_demanded(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop) = begin(&site);
    let long = "mellow trumpet onion ".repeat(12);
    let mut present = PASSWORD.to_owned();
    for good in [
        "ördögpatak télen süllyed",
        "кот спит на тёплой крыше дома",
        long.as_str(),
    ] {
        laptop.change_password(&present, good).expect(200);
        assert!(laptop.page().says("Your password was changed."), "{good}");
        good.clone_into(&mut present);
    }
    // Byte for byte as typed, but for Unicode's own two spellings of one letter.
    laptop.change_password(present.trim_end(), NEW).expect(422);
    laptop
        .change_password(&present, "caf\u{e9} noir sous la pluie grise")
        .expect(200);
    laptop
        .change_password("cafe\u{301} noir sous la pluie grise", NEW)
        .expect(200);
}

fn a_change_overtaken_by_an_ending_does_not_happen(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, laptop) = begin(&site);
    let mut phone = site.browser();
    phone.sign_in(&ada);
    let held = site.hold_passwords();
    std::thread::scope(|scope| {
        let mut changing = laptop.clone();
        let thread = scope.spawn(move || {
            changing.change_password(PASSWORD, NEW);
            changing
        });
        site.wait_for_attempts(1);
        phone.open("/account/sessions/log-out-all").expect(200);
        phone.press("Log out of all sessions").expect(200);
        drop(held);
        let mut changing = thread.join().expect("an answer");
        assert!(!changing.is_signed_in());
    });
    assert_eq!(site.count_events(&ada, EventKind::PasswordChanged), 0);
    phone.sign_in(&ada);
}

fn ui_04_the_well_known_address_leads_there(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop) = begin(&site);
    let answer = laptop.open_once("/.well-known/change-password");
    drop(answer.expect_redirect("/account/security"));
    let unlikely =
        "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
    drop(laptop.open_once(unlikely).expect(404));
    // Also without a session: by way of the sign-in page, and back.
    let mut nobody = site.browser();
    nobody.open("/.well-known/change-password").expect(200);
    assert_eq!(nobody.path(), "/login?return_to=/account/security");
}
