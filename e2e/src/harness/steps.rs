//! The steps of a person: finding, filling, pressing.

use serde_json::json;

use super::{begin, sign_in};
use crate::failure::{Outcome, ensure};
use crate::stage::Stage;

pub(super) async fn a_person_finds_things_by_their_names(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    browser.see("Throwaway").await?;
    assert_eq!(browser.title().await?, "Throwaway");

    browser.fill("Your name", "Ada").await?;
    assert_eq!(
        browser.value_of("name").await?,
        "Ada",
        "filling replaces; a field is known by its name, too"
    );
    browser.fill("password", "wrong").await?;
    browser.choose("Role", "Friend of us").await?;
    assert_eq!(browser.value_of("Role").await?, "Friend\u{a0}of us");
    browser.check("Remember me").await?;
    browser.check("Remember me").await?;
    assert!(
        browser.is_checked("Remember me").await?,
        "checking twice leaves it checked"
    );
    browser.uncheck("Remember me").await?;
    assert!(!browser.is_checked("remember").await?);
    browser.check("A drawn box").await?;
    browser.press("Sign in").await?;
    browser.see("That is not the password").await?;
    browser.see_path("/sign-in").await?;

    browser.open("/").await?;
    assert!(
        !browser.has_link("Inside the menu").await?,
        "a closed menu shows nothing"
    );
    browser.press("Account menu").await?;
    browser.follow("Inside the menu").await?;
    browser.see_path("/kept").await?;

    browser.open("/?question=1").await?;
    assert_eq!(browser.path().await?, "/?question=1");
    sign_in(&browser, "Ada").await?;
    browser.press("Sign out").await?;
    browser.see("You have left").await?;
    browser.does_not_see("The secrets of Ada").await?;
    browser.open("/").await?;
    browser.follow("To the private page").await?;
    browser.see_path("/").await
}

pub(super) async fn scripts_run_or_do_not(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    if stage.has_scripts() {
        browser.see("A script ran").await?;
        browser.does_not_see("Scripts are off here").await?;
        assert_eq!(browser.evaluate("return 6 * 7").await?, json!(42));
    } else {
        browser.see("No script ran").await?;
        browser.see("Scripts are off here").await?;
        browser.does_not_see("A script ran").await?;
        assert!(
            browser.evaluate("return 6 * 7").await.is_err(),
            "ours must not run either"
        );
    }
    // Also in a tab of its own, and after a restart.
    let tab = browser.new_tab().await?;
    browser.open("/").await?;
    let sentence = if stage.has_scripts() {
        "A script ran"
    } else {
        "Scripts are off here"
    };
    browser.see(sentence).await?;
    assert_eq!(browser.current_tab().await?, tab);
    browser.close_tab().await?;
    browser.see(sentence).await
}

pub(super) async fn a_hidden_or_doubled_button_is_not_pressed(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    assert!(!browser.has_button("Hidden").await?);
    assert!(
        browser.has_button("An icon").await?,
        "a button may be known by its icon's title"
    );
    assert!(browser.has_field("Password").await?);
    browser.open("/devices").await?;
    let refused = browser
        .press("End")
        .await
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    ensure(refused.contains("2 times"), || {
        format!("an ambiguous press must be refused, got: {refused}")
    })?;
    browser.press_beside("Phone", "End").await?;
    browser.see_path_beginning("/kept").await
}

pub(super) async fn a_passkey_needs_no_finger(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    let authenticator = browser.add_authenticator().await?;
    let script = "
        const done = arguments[arguments.length - 1];
        const bytes = (length) => crypto.getRandomValues(new Uint8Array(length));
        navigator.credentials.create({ publicKey: {
          challenge: bytes(32),
          rp: { id: 'localhost', name: 'Throwaway' },
          user: { id: bytes(16), name: 'ada', displayName: 'Ada' },
          pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
          authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        } }).then((credential) => done(credential.type), (error) => done(String(error)));
    ";
    assert_eq!(browser.evaluate_later(script).await?, json!("public-key"));
    browser.remove_authenticator(&authenticator).await
}
