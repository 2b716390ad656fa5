//! Living with passkeys, in browsers with an authenticator built in.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_testkit::Account;
use serde_json::Value;

use super::ground::Ground;
use super::steps::{
    has_no_session_cookie, is_signed_in, is_signed_out, log_out_in_the_menu, sign_in,
};
use crate::browser::{Browser, Engine};
use crate::failure::{Failure, Outcome};
use crate::stage::Stage;
use crate::wait;

const SECURITY: &str = "/account/security";

/// A browser's authenticator, laid aside unless it is used.
pub(crate) struct Key<'a> {
    browser: &'a Browser,
    ground: &'a Ground,
    id: String,
}

impl<'a> Key<'a> {
    /// Plugs it in.
    pub(crate) async fn new(browser: &'a Browser, ground: &'a Ground) -> Outcome<Self> {
        let id = browser.add_authenticator().await?;
        browser.lay_authenticator_aside(&id, true).await?;
        Ok(Self {
            browser,
            ground,
            id,
        })
    }

    /// From now on it answers, until it is laid aside again.
    pub(crate) async fn take(&self) -> Outcome {
        self.browser.lay_authenticator_aside(&self.id, false).await
    }

    /// It answers no longer.
    pub(crate) async fn lay_aside(&self) -> Outcome {
        self.browser.lay_authenticator_aside(&self.id, true).await
    }

    /// Whether it knows its person.
    pub(crate) async fn knows_its_person(&self, knows: bool) -> Outcome {
        self.browser.set_user_verified(&self.id, knows).await
    }

    /// The one passkey that it holds.
    pub(crate) async fn credential(&self) -> Outcome<Value> {
        let mut held = self.browser.credentials(&self.id).await?;
        match (held.pop(), held.len()) {
            (Some(credential), 0) => Ok(credential),
            _ => Err(Failure::new("not one passkey in the authenticator")),
        }
    }

    /// Has it hold this and nothing else.
    pub(crate) async fn replace_credential(&self, credential: &Value) -> Outcome {
        self.browser.remove_credentials(&self.id).await?;
        self.browser.add_credential(&self.id, credential).await
    }

    /// Adds a passkey on Security, with a proof that is fresh.
    pub(crate) async fn add_passkey(&self, name: &str) -> Outcome {
        let browser = self.browser;
        browser.open(SECURITY).await?;
        browser.follow("Add a passkey").await?;
        self.take().await?;
        browser.fill("Name of this passkey", name).await?;
        browser.press("Add a passkey").await?;
        browser.see("Your passkey was added.").await?;
        self.lay_aside().await
    }

    /// Opens a page that leads to the sign-in page, and presses the button there; nothing is typed. Waits for what
    /// is said then.
    pub(crate) async fn try_at(&self, path: &str, says: &str) -> Outcome {
        let browser = self.browser;
        self.ground.expect_errors(&[])?;
        browser.open(path).await?;
        if browser.options().engine == Engine::Chromium {
            self.suggestions_are_offered().await?;
        }
        // Only what is asked from now on is answered, not what the page asked by itself when it was opened.
        self.take().await?;
        browser.press("Sign in with a passkey").await?;
        browser.see(says).await?;
        self.lay_aside().await
    }

    /// Waits until the page has asked for passkeys among the suggestions of its field.
    async fn suggestions_are_offered(&self) -> Outcome {
        wait::until("a challenge for suggestions", wait::PATIENCE, || async {
            let answered = self.ground.take_answered()?;
            let begun = answered
                .iter()
                .any(|one| one.path == "/login/passkey/begin" && one.status == 200);
            Ok(begun.then_some(()))
        })
        .await?;
        // The script goes on with the answer; afterwards the page has nothing to do.
        let idle =
            "const done = arguments[arguments.length - 1]; requestIdleCallback(() => done(true));";
        self.browser.evaluate_later(idle).await.map(drop)
    }

    /// Signs in; nothing is typed.
    pub(crate) async fn sign_in(&self, account: &Account) -> Outcome {
        self.try_at("/login", "Your apps").await?;
        self.browser.see_path("/").await?;
        is_signed_in(self.browser, account).await
    }
}

/// After the first day nothing is ever typed again; a passkey that is gone lets nobody in (WAN-03, WAN-07).
pub(crate) async fn passkey_only(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let browser = stage.browser(ground.site()).await?;
    let key = Key::new(&browser, &ground).await?;
    sign_in(&browser, ada, &[]).await?;
    key.add_passkey("Blue key").await?;
    log_out(&browser, ada).await?;

    // A passkey whose person was verified is two factors at once: no second step is asked for.
    key.sign_in(ada).await?;
    browser.open(SECURITY).await?;
    browser.see("Blue key").await?;
    browser.see("(Passkey)").await?;
    log_out(&browser, ada).await?;
    is_signed_out(&browser, ada).await?;
    has_no_session_cookie(&browser).await?;

    // To where one wanted to go.
    key.try_at("/account/history", "Signed in").await?;
    browser.see_path("/account/history").await?;
    log_out(&browser, ada).await?;

    // Picked among the suggestions of the address field, where browsers offer it there.
    if stage.engine == Engine::Chromium {
        key.take().await?;
        browser.open("/login").await?;
        browser.see("Your apps").await?;
        key.lay_aside().await?;
        is_signed_in(&browser, ada).await?;
        log_out(&browser, ada).await?;
    }

    // The wrong finger is nobody.
    key.knows_its_person(false).await?;
    key.try_at("/login", "No passkey was used.").await?;
    is_signed_out(&browser, ada).await?;
    key.knows_its_person(true).await?;

    // What was removed from the account opens it no more, though the authenticator still holds it.
    key.sign_in(ada).await?;
    let credential = key.credential().await?;
    ground.advance(Duration::from_mins(11))?;
    browser.open(SECURITY).await?;
    browser.press("Remove Blue key").await?;
    browser.see("Nobody can sign in with").await?;
    // What opens the account is taken away with the highest proof that there is.
    browser.does_not_see("Your password").await?;
    key.take().await?;
    browser.press("Use a passkey").await?;
    browser.see("The passkey was removed").await?;
    key.lay_aside().await?;
    log_out(&browser, ada).await?;
    // The page told the authenticator which passkeys work; this one did not listen.
    key.replace_credential(&credential).await?;
    key.try_at("/login", "This passkey is not known here")
        .await?;
    is_signed_out(&browser, ada).await?;
    ground.expect_errors(&["POST /login/passkey/finish 403"])
}

/// Logs out, and sees that it is so.
pub(crate) async fn log_out(browser: &Browser, account: &Account) -> Outcome {
    log_out_in_the_menu(browser, account).await?;
    browser.see_path("/signed-out").await
}
