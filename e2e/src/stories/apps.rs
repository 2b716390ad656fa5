//! Apps: the way in with its questions, the way out with its receipt, and what people see of them in between.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::notice::NoticeState;
use nightlatch_domain::relying_party::RegisteredUri;
use nightlatch_testkit::PASSWORD;

use super::an_app::{AnApp, OWN_SCHEME};
use super::ground::Ground;
use super::steps::{
    account_menu, fill_in, has_no_session_cookie, is_signed_in, log_out_in_the_menu, sign_in,
};
use crate::failure::{Outcome, ensure};
use crate::stage::Stage;
use crate::wait;

const SECOND: Duration = Duration::from_secs(1);

/// Consent is asked for once, can be refused, and can be taken back under Apps (OIDC-18).
pub(crate) async fn consent_and_withdrawing_it(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let app = AnApp::start(&ground, "Time sheets", |_| {}).await?;
    let browser = stage.browser(ground.site()).await?;
    browser.open(&app.way_in(&[])).await?;
    browser.see("Sign in to go on to Time sheets.").await?;
    fill_in(&browser, &ground.ada, PASSWORD, &[]).await?;
    browser.see("Allow Time sheets?").await?;
    browser.see("your e-mail address").await?;
    browser.see("127.0.0.1").await?;
    browser.press("Don't allow").await?;
    browser.see("It was told no.").await?;
    browser.open(&app.way_in(&[])).await?;
    browser.press("Allow").await?;
    app.lets_in(&browser).await?;
    // Once is enough.
    browser.open(&app.way_in(&[])).await?;
    app.lets_in(&browser).await?;

    browser.open("/account/apps").await?;
    browser.see("You agreed to").await?;
    browser.press("Remove access of Time sheets").await?;
    browser
        .see("The app has no access to your account any more.")
        .await?;
    browser.see("No apps yet").await?;
    browser.open(&app.way_in(&[])).await?;
    browser.see("Allow Time sheets?").await?;
    browser.open("/account/history").await?;
    browser.see("Time sheets").await?;
    is_signed_in(&browser, &ground.ada).await
}

/// The right account is chosen on the way, also where the app expects somebody else, and the way ends at the app
/// (B12).
pub(crate) async fn choose_account_for_an_app(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let app = AnApp::start(&ground, "Time sheets", |app| app.first_party = true).await?;
    let zoe = ground
        .with(|site| site.add_person("Zoë Ærlig", "zoe@brightwater.example"))
        .await?;
    let hint = ground
        .with({
            let (zoe, client) = (zoe.clone(), app.client_id());
            move |site| {
                site.signed(&serde_json::json!({
                    "iss": site.origin(), "sub": zoe.id.to_string(), "aud": client,
                    "iat": 0, "exp": 300,
                }))
            }
        })
        .await?;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, &ground.ada, &[]).await?;
    let asking = app.way_in(&[("prompt", "select_account")]);
    browser.open(&asking).await?;
    browser.see("Choose an account").await?;
    browser.see("You are signed in as Ada Lovelace").await?;
    browser.press("Cancel").await?;
    browser.see("It was told no.").await?;
    browser.open(&asking).await?;
    browser.press("Continue as Ada Lovelace").await?;
    app.lets_in(&browser).await?;

    // The app was used by Zoë last: it is not let in as Ada, and lets people choose.
    browser
        .open(&app.way_in(&[("id_token_hint", &hint)]))
        .await?;
    browser.see("It was told to ask anew.").await?;
    browser.open(&asking).await?;
    browser.see("Choose an account").await?;
    browser.follow("Use another account").await?;
    browser.see("is logged out here").await?;
    ground.advance(SECOND)?;
    fill_in(&browser, &zoe, PASSWORD, &[]).await?;
    app.lets_in(&browser).await?;
    is_signed_in(&browser, &zoe).await
}

/// An app asks for a fresh proof; the session goes on, and a wrong password lets nobody through.
pub(crate) async fn an_app_asks_for_a_fresh_proof(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let app = AnApp::start(&ground, "Payroll", |app| app.first_party = true).await?;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, &ground.ada, &[]).await?;
    ground.advance(SECOND)?;
    browser.open(&app.way_in(&[("max_age", "0")])).await?;
    browser.see("Payroll asks you to confirm it's you").await?;
    browser.fill("Your password", "not my password").await?;
    browser.press("Continue").await?;
    browser.see("That is not your password.").await?;
    ground.expect_errors(&["POST /oauth2/authorize/{id}/proof 422"])?;
    ground.advance(SECOND)?;
    browser.fill("Your password", PASSWORD).await?;
    browser.press("Continue").await?;
    app.lets_in(&browser).await?;
    // The other way out.
    browser.open(&app.way_in(&[("prompt", "login")])).await?;
    browser.see("Payroll asks you to confirm it's you").await?;
    browser.press("Cancel").await?;
    browser.see("It was told no.").await?;
    is_signed_in(&browser, &ground.ada).await
}

/// The question that an app's Log out leads to brings people home to another site and to an address with a scheme
/// of the app's own; no content security policy stops them (HDR-02, B5).
pub(crate) async fn log_out_leads_home_to_an_app(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let app = AnApp::start(&ground, "Time sheets", |app| app.first_party = true).await?;
    let browser = stage.browser(ground.site()).await?;
    for state in ["", "&state=where+I+was"] {
        sign_in(&browser, &ground.ada, &[]).await?;
        let back = format!("{}{state}", app.address("/goodbye"));
        browser.open(&app.way_out(&back)).await?;
        browser.see("Time sheets asks to log you out.").await?;
        browser
            .press_beside("asks to log you out", "Log out")
            .await?;
        browser.see("This is the app at /goodbye").await?;
        let arrived = browser.path().await?;
        let wanted = if state.is_empty() {
            "/goodbye"
        } else {
            "/goodbye?state=where+I+was"
        };
        ensure(arrived == wanted, || format!("it arrived at {arrived}"))?;
        browser.open("/login").await?;
        has_no_session_cookie(&browser).await?;
    }

    // No program of this computer takes the address; the browser must try it all the same.
    sign_in(&browser, &ground.ada, &[]).await?;
    browser.open(&app.way_out(OWN_SCHEME)).await?;
    browser.see("Time sheets asks to log you out.").await?;
    if stage.has_scripts() {
        let listen = "const page = window.wrappedJSObject ?? window; page.stopped = 'nothing';
            document.addEventListener('securitypolicyviolation', (event) => { page.stopped = event.violatedDirective; });";
        browser.evaluate(listen).await?;
    }
    browser
        .press_beside("asks to log you out", "Log out")
        .await?;
    let ada = ground.ada.clone();
    wait::until("the end of the session", wait::PATIENCE, || {
        let ada = ada.clone();
        async {
            let open = ground.with(move |site| site.open_sessions_of(&ada)).await?;
            Ok((open == 0).then_some(()))
        }
    })
    .await?;
    if stage.has_scripts() {
        let stopped =
            "const page = window.wrappedJSObject ?? window; return page.stopped ?? 'nothing';";
        // Firefox has left the page for one that says that no program takes the address.
        let stopped = browser.evaluate(stopped).await.unwrap_or_default();
        ensure(stopped.is_null() || stopped == "nothing", || {
            format!("the way home was stopped by {stopped}")
        })?;
    }
    browser.open("/login").await?;
    browser.see("E-mail address").await
}

/// Leaving one app tells that app, and nothing else ends (E11).
pub(crate) async fn leave_one_app_only(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, &ground.ada, &[]).await?;
    let ada = ground.ada.clone();
    let (wiki, files) = ground
        .with(move |site| {
            let apps = ["Wiki", "Files"].map(|name| site.connect_app(name, |_| {}));
            for app in &apps {
                site.enter_app_everywhere(&ada, app);
            }
            let [wiki, files] = apps;
            (wiki, files)
        })
        .await?;
    browser.open("/account/apps").await?;
    browser.press("Log out of Wiki only").await?;
    browser.see("You were logged out of that app.").await?;
    browser.see("An app was left").await?;
    browser.see("Still telling it").await?;
    browser.open("/account/apps").await?;
    browser.see("1 session, this one included").await?;
    browser.does_not_see("Wiki").await?;
    let ada = ground.ada.clone();
    let left = ground.with(move |site| {
        (
            site.entered(&ada, &wiki).len(),
            site.entered(&ada, &files).len(),
        )
    });
    assert_eq!(left.await?, (0, 1));
    is_signed_in(&browser, &ground.ada).await?;
    browser.open("/account/history").await?;
    browser.follow_beside("Wiki", "Details").await?;
    browser.see("An app was left").await?;
    browser.see("Still telling it").await
}

/// An app that goes on when its person is not there is listed although it is in no session, and can be removed
/// (E12); the box of "Log out of all sessions" tells of it (A8).
pub(crate) async fn apps_that_go_on_by_themselves(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let grant = |name: &'static str| {
        let ada = ground.ada.clone();
        ground.with(move |site| {
            let app = site.connect_app(name, |app| app.offline_access = true);
            let mut phone = site.browser();
            phone.sign_in(&ada);
            site.grant_long_lived(&phone, &app);
            phone.log_out();
        })
    };
    grant("Backup").await?;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, &ground.ada, &[]).await?;
    browser.open("/account/apps").await?;
    browser.see("No session of yours").await?;
    browser.see("It goes on by itself").await?;
    // The list of sessions tells of it, too: it is a way in (DEV-01).
    browser.open("/account/sessions").await?;
    browser
        .see("One app also goes on by itself when you are away.")
        .await?;
    // Without the box it keeps its access.
    browser.open("/account/sessions/log-out-all").await?;
    browser
        .see("Also end the access of 1 app when you are away")
        .await?;
    browser.press("Log out of all sessions").await?;
    browser.see("You are logged out").await?;
    sign_in(&browser, &ground.ada, &[]).await?;
    browser.open("/account/apps").await?;
    browser.press("Remove access of Backup").await?;
    browser.see("No apps yet").await?;
    // With it, it does not.
    grant("Merge").await?;
    browser.open("/account/sessions/log-out-all").await?;
    browser
        .check("Also end the access of 1 app when you are away")
        .await?;
    browser.press("Log out of all sessions").await?;
    browser.see("You are logged out").await?;
    sign_in(&browser, &ground.ada, &[]).await?;
    browser.open("/account/apps").await?;
    browser.see("No apps yet").await
}

/// The signed-out page tells of each app how far it is, and goes on telling: live, and without scripts by looking
/// again. A page of an app in a frame is named as what it is (FCL-02).
pub(crate) async fn the_receipt_goes_on_telling(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, &ground.ada, &[]).await?;
    let ada = ground.ada.clone();
    let id = ground
        .with(move |site| {
            for name in ["Mail", "Files"] {
                let app = site.connect_app(name, |_| {});
                site.enter_app_everywhere(&ada, &app);
            }
            let old = site.connect_app("Old", |app| {
                app.backchannel_logout_uris.clear();
                app.worst_case_minutes = Some(45);
            });
            let framed = site.connect_app("Framed", |app| {
                app.backchannel_logout_uris.clear();
                app.frontchannel_logout_uri = Some(
                    RegisteredUri::parse("https://framed.example.net/out").expect("an address"),
                );
            });
            for app in [&old, &framed] {
                site.enter_app_everywhere(&ada, app);
            }
            site.sessions_of(&ada)[0].id
        })
        .await?;
    browser.press(&account_menu(&ground.ada)).await?;
    browser
        .press_beside("Brightwater Trading", "Log out")
        .await?;
    browser.see("You logged out in this browser.").await?;
    browser.see("Still telling it").await?;
    browser
        .see("It may stay open there for up to 45 minutes")
        .await?;
    browser
        .see("We also opened the sign-out page of 1 app in this browser.")
        .await?;
    browser.does_not_see(&ground.ada.name).await?;
    for (name, state, status, words) in [
        ("Mail", NoticeState::Confirmed, 200, "The app confirmed it"),
        ("Files", NoticeState::Failed, 400, "Could not be told"),
    ] {
        ground
            .with(move |site| {
                let notices = site.notices_of_session(id);
                let found = notices.iter().find(|one| one.envelope.app == name);
                site.settle(found.expect("a notice"), state, Some(status));
            })
            .await?;
        // Nobody loads the page again: it does so by itself.
        browser.see(words).await?;
    }
    browser.see_no_more("Still telling it").await?;
    sign_in(&browser, &ground.ada, &[]).await?;
    log_out_in_the_menu(&browser, &ground.ada).await
}
