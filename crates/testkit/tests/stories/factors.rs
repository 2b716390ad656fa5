//! Authenticator apps and recovery codes: set up, proved, used once, taken away.
//!
//! Longer than 400 lines, since every factor goes through the same few steps.

use std::sync::Arc;

use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::EventKind;
use nightlatch_flows::factors::{
    CodeVerdict, Enrolled, authenticator_app, enrolled, recovery_codes,
};
use nightlatch_flows::resealing::reseal_next;
use nightlatch_storage::{authenticator_apps, on_both_databases, sessions};
use nightlatch_testkit::{Account, PASSWORD, Site, TestDatabase};

use crate::{MINUTE, SECOND};

on_both_databases!(
    mfa_04_an_app_counts_after_its_first_code,
    mfa_01_the_seed_is_shown_during_set_up_only_and_stored_sealed,
    a_wrong_first_code_loses_nothing,
    a_set_up_of_fifteen_minutes_is_forgotten,
    mfa_02_a_code_is_accepted_once,
    mfa_03_guesses_count_per_account_and_a_recovery_code_is_the_way_out,
    auth_08_changing_factors_takes_a_proof_and_goes_on_after_it,
    out_14_other_sessions_end_with_the_change_unless_unchecked,
    an_ended_session_changes_no_factor,
    mfa_08_an_app_is_renamed_and_removed_by_its_owner_only,
    mfa_05_recovery_codes_are_shown_once_and_work_once,
    mfa_05_a_new_set_voids_the_old,
    codes_are_handed_back_as_a_file_and_nothing_else_is,
    a_seed_moved_to_another_account_does_not_open,
    ops_03_rotation_keeps_everything_readable,
    the_api_lists_and_removes,
    a_deleted_account_keeps_no_factor,
);

fn have(site: &Site, account: &Account) -> Enrolled {
    let id = account.id;
    site.read(move |tx| enrolled(tx, id))
}

fn verify(site: &Site, account: &Account, code: &str) -> CodeVerdict {
    let (moment, sealer, id) = (site.moment(), site.app().sealer.clone(), account.id);
    let code = code.to_owned();
    site.write(move |tx| authenticator_app::verify(tx, &moment, &sealer, id, &code))
}

fn recover(site: &Site, account: &Account, code: &str) -> CodeVerdict {
    let app = site.app();
    let moment = site.moment();
    let checking = recovery_codes::check(&app.store, &app.hashing, &moment, account.id, code);
    let right = match site.block_on(checking).expect("an answer") {
        Ok(right) => Arc::new(right),
        Err(verdict) => return verdict,
    };
    let id = site.sessions_of(account)[0].id;
    let spent = site.write(move |tx| {
        let owned = sessions::find(tx, id)?.expect("a session");
        recovery_codes::spend(tx, &moment, &right, &owned.session)
    });
    assert!(spent, "nobody else used it up meanwhile");
    CodeVerdict::Right
}

fn mfa_04_an_app_counts_after_its_first_code(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let app = laptop.begin_authenticator_app();
    assert!(have(&site, &ada).authenticator_apps.is_empty());
    assert_eq!(verify(&site, &ada, &app.code(&site)), CodeVerdict::Wrong);
    let code = app.code(&site);
    laptop.fill("Code from the app", &code);
    laptop.fill("Your name for this app", "Pixel in my pocket");
    // The first factor leads to recovery codes.
    let answer = laptop.press("Add this app").expect(200);
    assert!(answer.page().says("Make new recovery codes"));
    let apps = have(&site, &ada).authenticator_apps;
    assert_eq!(apps.len(), 1);
    assert_eq!(apps[0].name, "Pixel in my pocket");
    assert_eq!(site.count_events(&ada, EventKind::AuthenticatorAppAdded), 1);
    let page = laptop.open("/account/security").expect(200).page();
    assert!(page.says("Pixel in my pocket") && page.says("not used yet"));
    let history = laptop.open("/account/history").expect(200).page();
    assert!(history.says("Authenticator app added"));
}

fn mfa_01_the_seed_is_shown_during_set_up_only_and_stored_sealed(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let app = laptop.begin_authenticator_app();
    let address = laptop.path().to_owned();
    // Reloading the page shows the same picture.
    let again = laptop.open(&address).expect(200);
    assert!(again.text().contains("<svg role=\"img\""));
    assert_eq!(again.header("cache-control"), Some("no-store"));
    let code = app.code(&site);
    laptop.fill("Code from the app", &code);
    laptop.press("Add this app").expect(200);
    assert!(
        !laptop
            .open(&address)
            .expect(200)
            .text()
            .contains("<svg role=\"img\"")
    );
    let sealed = have(&site, &ada).authenticator_apps[0].sealed_seed.clone();
    assert_eq!(sealed.len(), 1 + 8 + 12 + 20 + 16);
    // Another person does not see it while it is being set up.
    laptop.begin_authenticator_app();
    let address = laptop.path().to_owned();
    let eve = site.add_person("Eve", "eve@brightwater.example");
    let mut stranger = site.browser();
    stranger.sign_in(&eve);
    assert!(
        !stranger
            .open(&address)
            .expect(200)
            .text()
            .contains("<svg role=\"img\"")
    );
}

fn a_wrong_first_code_loses_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let app = laptop.begin_authenticator_app();
    laptop.fill("Code from the app", "000000");
    laptop.fill("Your name for this app", "Kitchen tablet");
    let answer = laptop.press_once("Add this app").expect(422);
    assert!(answer.page().says("That code is not right"));
    assert_eq!(
        laptop
            .page()
            .form("Add this app")
            .value("Your name for this app"),
        "Kitchen tablet"
    );
    assert!(have(&site, &ada).authenticator_apps.is_empty());
    let code = app.code(&site);
    laptop.fill("Code from the app", &code);
    laptop.fill("Your name for this app", &"x".repeat(61));
    let answer = laptop.press_once("Add this app").expect(422);
    assert!(answer.page().says("a name of 1 to 60 characters"));
    laptop.fill("Code from the app", &code);
    laptop.fill("Your name for this app", "Kitchen tablet");
    laptop.press("Add this app").expect(200);
    assert_eq!(have(&site, &ada).authenticator_apps.len(), 1);
}

fn a_set_up_of_fifteen_minutes_is_forgotten(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let app = laptop.begin_authenticator_app();
    site.advance(MINUTE * 15);
    let code = app.code(&site);
    laptop.fill("Code from the app", &code);
    // The proof is too old as well; it is asked for, and then the set-up is gone.
    laptop.press_once("Add this app").expect(200);
    laptop.fill("Your password", PASSWORD);
    let answer = laptop.press("Continue").expect(200);
    assert!(answer.page().says("adding it took longer than 15 minutes"));
    // The proof renewed the session, and its new cookie came along.
    assert!(laptop.is_signed_in());
    assert!(have(&site, &ada).authenticator_apps.is_empty());
    site.advance(SECOND);
    site.prune();
    let left = site.count_rows("SELECT count(*) FROM authenticator_apps");
    assert_eq!(left, 0);
}

fn mfa_02_a_code_is_accepted_once(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let app = laptop.add_authenticator_app("Phone");
    // The code of the set-up is spent.
    assert_eq!(verify(&site, &ada, &app.code(&site)), CodeVerdict::Wrong);
    let earlier = app.code(&site);
    site.advance(SECOND * 30);
    let code = app.code(&site);
    assert_eq!(verify(&site, &ada, &code), CodeVerdict::Right);
    assert_eq!(verify(&site, &ada, &code), CodeVerdict::Wrong);
    assert_eq!(verify(&site, &ada, &earlier), CodeVerdict::Wrong);
    // On another node, or after a restart, too.
    site.crash();
    assert_eq!(verify(&site, &ada, &code), CodeVerdict::Wrong);
    site.advance(SECOND * 30);
    assert_eq!(verify(&site, &ada, &app.code(&site)), CodeVerdict::Right);
    let page = laptop.open("/account/security").expect(200).page();
    assert!(page.says("last used"));
}

fn mfa_03_guesses_count_per_account_and_a_recovery_code_is_the_way_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let app = laptop.add_authenticator_app("Phone");
    let codes = laptop.make_recovery_codes();
    for _ in 0..5 {
        assert_eq!(verify(&site, &ada, "000000"), CodeVerdict::Wrong);
    }
    let until = match verify(&site, &ada, "000000") {
        CodeVerdict::Wait(until) => until,
        other => panic!("{other:?}"),
    };
    // Another sign-in of the same account brings no fresh tries.
    site.browser().sign_in(&ada);
    assert_eq!(verify(&site, &ada, "000000"), CodeVerdict::Wait(until));
    let mut failures = 5;
    loop {
        match verify(&site, &ada, "000000") {
            CodeVerdict::Wrong => failures += 1,
            CodeVerdict::Wait(until) => site.wait_until(until),
            CodeVerdict::Off => break,
            CodeVerdict::Right => panic!("a lucky guess"),
        }
    }
    assert_eq!(failures, 100);
    assert_eq!(verify(&site, &ada, &app.code(&site)), CodeVerdict::Off);
    assert_eq!(recover(&site, &ada, &codes[0]), CodeVerdict::Right);
    assert_eq!(verify(&site, &ada, &app.code(&site)), CodeVerdict::Right);
}

fn auth_08_changing_factors_takes_a_proof_and_goes_on_after_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.advance(MINUTE * 11);
    laptop.open("/account/security").expect(200);
    let answer = laptop.press_once("Add an authenticator app").expect(200);
    assert!(answer.page().says("Confirm it's you"));
    laptop.fill("Your password", "not my password at all");
    laptop.press_once("Continue").expect(422);
    assert_eq!(
        site.count_rows("SELECT count(*) FROM authenticator_apps"),
        0
    );
    laptop.fill("Your password", PASSWORD);
    let answer = laptop.press("Continue").expect(200);
    assert!(answer.page().says("Add an authenticator app"));
    // Recovery codes ask on their own page, and a form without the field is asked.
    site.advance(MINUTE * 11);
    laptop.open("/account/security/recovery-codes").expect(200);
    let mut form = laptop.page().form("Make new recovery codes").clone();
    form.fields.retain(|field| field.name != "password");
    assert!(
        laptop
            .submit(&form)
            .expect(200)
            .page()
            .says("Confirm it's you")
    );
    assert!(have(&site, &ada).recovery_codes_made_at.is_none());
    laptop.fill("Your password", PASSWORD);
    let answer = laptop.press("Make new recovery codes").expect(200);
    assert!(answer.page().says("Keep these codes now"));
}

fn out_14_other_sessions_end_with_the_change_unless_unchecked(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = site.browser();
    phone.sign_in(&ada);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.add_authenticator_app("Unchecked");
    laptop.make_recovery_codes();
    assert!(phone.is_signed_in() && laptop.is_signed_in());
    let before = laptop.session_cookie().map(str::to_owned);
    let app = laptop.begin_authenticator_app();
    let code = app.code(&site);
    laptop.fill("Code from the app", &code);
    laptop.press("Add this app").expect(200);
    assert!(!phone.is_signed_in());
    assert!(laptop.is_signed_in());
    assert_ne!(laptop.session_cookie().map(str::to_owned), before);
    assert!(site.causes_of(&ada).contains(&Some(Cause::FactorChanged)));
    let page = phone.open("/login").expect(200).page();
    assert!(page.says("the way you sign in was changed"));
}

fn an_ended_session_changes_no_factor(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut thief = site.browser();
    thief.sign_in(&ada);
    let app = thief.begin_authenticator_app();
    let code = app.code(&site);
    thief.fill("Code from the app", &code);
    let mut owner = site.browser();
    owner.sign_in(&ada);
    owner.open("/account/sessions/log-out-others").expect(200);
    owner.press("Log out all other sessions").expect(200);
    thief.press("Add this app");
    assert!(!thief.is_signed_in());
    assert!(have(&site, &ada).authenticator_apps.is_empty());
}

fn mfa_08_an_app_is_renamed_and_removed_by_its_owner_only(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let eve = site.add_person("Eve", "eve@brightwater.example");
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let app = laptop.add_authenticator_app("Phone");
    let id = have(&site, &ada).authenticator_apps[0].id;
    let mut stranger = site.browser();
    stranger.sign_in(&eve);
    let answer = stranger
        .open(&format!("/account/security/authenticator-apps/{id}/remove"))
        .expect(200);
    assert!(answer.page().says("There is no such authenticator app"));
    assert!(!answer.page().says("Phone"));
    stranger
        .api(
            "DELETE",
            &format!("/api/v1/factors/authenticator-apps/{id}"),
            None,
        )
        .expect(404);
    laptop.open("/account/security").expect(200);
    laptop.fill("Your name for this app", "Old phone");
    laptop
        .press_form("Save name", "Your name for this app")
        .expect(200);
    assert_eq!(have(&site, &ada).authenticator_apps[0].name, "Old phone");
    laptop
        .open(&format!("/account/security/authenticator-apps/{id}/remove"))
        .expect(200);
    assert!(laptop.page().says("Old phone") && laptop.page().says("your last authenticator app"));
    laptop.press("Remove this app").expect(200);
    assert!(have(&site, &ada).authenticator_apps.is_empty());
    assert_eq!(
        site.count_events(&ada, EventKind::AuthenticatorAppRemoved),
        1
    );
    site.advance(SECOND * 30);
    assert_eq!(verify(&site, &ada, &app.code(&site)), CodeVerdict::Wrong);
}

fn mfa_05_recovery_codes_are_shown_once_and_work_once(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    assert_eq!(
        recover(&site, &ada, "0123-4567-89AB-CDEF"),
        CodeVerdict::Wrong
    );
    let codes = laptop.make_recovery_codes();
    assert_eq!(codes.len(), 10);
    let page = laptop.open("/account/security").expect(200);
    assert!(page.page().says("You have 10 unused recovery codes"));
    assert!(
        codes
            .iter()
            .all(|code| !page.text().contains(code.as_str()))
    );
    let typed = codes[3]
        .to_lowercase()
        .replace('-', " ")
        .replace('0', "o")
        .replace('1', "l");
    assert_eq!(recover(&site, &ada, &typed), CodeVerdict::Right);
    assert_eq!(recover(&site, &ada, &codes[3]), CodeVerdict::Wrong);
    assert_eq!(have(&site, &ada).recovery_codes_left, 9);
    assert_eq!(site.count_events(&ada, EventKind::RecoveryCodeUsed), 1);
    // Two who verify one code at the same time: one of them uses it up.
    let app = site.app();
    let moment = site.moment();
    let mut verified = (0..2).map(|_| {
        let checking = recovery_codes::check(&app.store, &app.hashing, &moment, ada.id, &codes[6]);
        site.block_on(checking).expect("an answer").expect("right")
    });
    let both = Arc::new([verified.next(), verified.next()].map(|one| one.expect("two")));
    let (id, at) = (site.sessions_of(&ada)[0].id, moment.clone());
    let spent = site.write(move |tx| {
        let owned = sessions::find(tx, id)?.expect("a session");
        let spend =
            |tx: &mut _, which: usize| recovery_codes::spend(tx, &at, &both[which], &owned.session);
        Ok::<_, nightlatch_storage::StorageError>((spend(tx, 0)?, spend(tx, 1)?))
    });
    assert_eq!(spent, (true, false));
    // One character off, in an existing label's code.
    let mut wrong = codes[4].clone();
    let last = if wrong.ends_with('0') { "2" } else { "0" };
    wrong.replace_range(wrong.len() - 1.., last);
    assert_eq!(recover(&site, &ada, &wrong), CodeVerdict::Wrong);
    let eve = site.add_person("Eve", "eve@brightwater.example");
    assert_eq!(recover(&site, &eve, &codes[5]), CodeVerdict::Wrong);
    // Nothing of a code stands in the table but its label.
    let hashes =
        site.count_rows("SELECT count(*) FROM recovery_codes WHERE hash LIKE '$argon2id$%'");
    assert_eq!(hashes, 10);
}

fn mfa_05_a_new_set_voids_the_old(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let old = laptop.make_recovery_codes();
    let new = laptop.make_recovery_codes();
    for code in old.iter().take(3) {
        assert_eq!(recover(&site, &ada, code), CodeVerdict::Wrong);
    }
    assert_eq!(recover(&site, &ada, &new[0]), CodeVerdict::Right);
    assert_eq!(site.count_events(&ada, EventKind::RecoveryCodesMade), 2);
}

fn codes_are_handed_back_as_a_file_and_nothing_else_is(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let codes = laptop.make_recovery_codes();
    let form = laptop.page().form("Download as a text file").clone();
    let answer = laptop.submit(&form).expect(200);
    assert_eq!(answer.media_type(), "text/plain");
    let file = answer.header("content-disposition").map(str::to_owned);
    assert_eq!(
        file.as_deref(),
        Some("attachment; filename=\"recovery-codes.txt\"")
    );
    assert!(
        codes
            .iter()
            .all(|code| answer.text().contains(code.as_str()))
    );
    let mut forged = form.clone();
    for field in &mut forged.fields {
        if field.name == "code" {
            "open calc.exe | rm -rf".clone_into(&mut field.value);
        }
    }
    laptop.submit(&forged).expect(400);
}

fn a_seed_moved_to_another_account_does_not_open(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let eve = site.add_person("Eve", "eve@brightwater.example");
    site.browser().sign_in(&ada);
    let (mut laptop, mut evil) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    evil.sign_in(&eve);
    laptop.add_authenticator_app("Ada's");
    let known = evil.add_authenticator_app("Eve's");
    site.advance(SECOND * 30);
    // Eve can write to the database, and puts her own seed into Ada's row.
    let ada_app = have(&site, &ada).authenticator_apps[0].clone();
    let eve_app = have(&site, &eve).authenticator_apps[0].clone();
    let (id, old, new) = (ada_app.id, ada_app.sealed_seed, eve_app.sealed_seed);
    assert!(site.write(move |tx| authenticator_apps::replace_seed(tx, id, &old, &new)));
    let (moment, sealer, ada_id) = (site.moment(), site.app().sealer.clone(), ada.id);
    let code = known.code(&site);
    let app = site.app();
    let refused = site
        .block_on(
            app.store
                .write(move |tx| authenticator_app::verify(tx, &moment, &sealer, ada_id, &code)),
        )
        .expect_err("a seed that is not Ada's");
    assert!(
        refused
            .to_string()
            .contains("a place that it was not sealed for"),
        "{refused}"
    );
    // Nor does giving her whole row to Ada help.
    let (eve_id, ada_id) = (eve.id, ada.id);
    let row = site.read(move |tx| authenticator_apps::list_of_user(tx, eve_id, 9))[0].clone();
    let (moment, sealer) = (site.moment(), site.app().sealer.clone());
    let code = known.code(&site);
    let moved = authenticator_apps::AuthenticatorApp {
        user_id: ada_id,
        ..row
    };
    let refused = site.block_on(app.store.write(move |tx| {
        authenticator_apps::delete_all_of_user(tx, ada_id)?;
        authenticator_apps::delete_all_of_user(tx, eve_id)?;
        authenticator_apps::add(tx, &moved)?;
        authenticator_app::verify(tx, &moment, &sealer, ada_id, &code)
    }));
    assert!(refused.is_err(), "{refused:?}");
}

fn ops_03_rotation_keeps_everything_readable(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let app = laptop.add_authenticator_app("Phone");
    laptop.open("/account/security").expect(200);
    let running = site.app();
    running
        .sealer
        .replace_keys(&[43; 32], &[&[42; 32]])
        .expect("keys");
    running.form_key.replace_keys(&[43; 32], &[&[42; 32]]);
    site.advance(SECOND * 30);
    assert_eq!(verify(&site, &ada, &app.code(&site)), CodeVerdict::Right);
    // The form that was open goes through.
    laptop.press("Add an authenticator app").expect(200);
    let reseal = || {
        let (moment, sealer) = (site.moment(), site.app().sealer.clone());
        site.write(move |tx| reseal_next(tx, &moment, &sealer, None))
    };
    let first = reseal();
    assert_eq!((first.seen, first.changed, first.unreadable), (2, 1, 0));
    assert_eq!(reseal().changed, 0, "what is done is recognized");
    // The old key is not needed any more.
    running.sealer.replace_keys(&[43; 32], &[]).expect("keys");
    site.advance(SECOND * 30);
    assert_eq!(verify(&site, &ada, &app.code(&site)), CodeVerdict::Right);
}

fn the_api_lists_and_removes(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.add_authenticator_app("Phone");
    laptop.make_recovery_codes();
    let list = laptop
        .api("GET", "/api/v1/factors", None)
        .expect(200)
        .json();
    assert_eq!(list["authenticator_apps"][0]["name"], "Phone");
    assert_eq!(list["recovery_codes_left"], 10);
    let id = list["authenticator_apps"][0]["id"].as_str().expect("an id");
    let path = format!("/api/v1/factors/authenticator-apps/{id}");
    site.advance(MINUTE * 11);
    let refused = laptop.api("DELETE", &path, None).expect(403).json();
    assert!(refused.to_string().contains("proof-needed"), "{refused}");
    let proof = serde_json::json!({ "code": phone.code(&site) });
    laptop
        .api("POST", "/api/v1/proof", Some(&proof))
        .expect(200);
    laptop.api("DELETE", &path, None).expect(200);
    laptop.api("DELETE", &path, None).expect(404);
    assert!(laptop.is_signed_in());
}

fn a_deleted_account_keeps_no_factor(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.add_authenticator_app("Phone");
    laptop.make_recovery_codes();
    site.delete(&ada);
    for table in [
        "SELECT count(*) FROM authenticator_apps",
        "SELECT count(*) FROM recovery_codes",
    ] {
        assert_eq!(site.count_rows(table), 0, "{table}");
    }
}
