//! What people do in every other story.

use nightlatch_testkit::{Account, PASSWORD};

use crate::browser::Browser;
use crate::failure::{Failure, Outcome, ensure};
use crate::wait;

/// The cookie of the session.
pub(crate) const SESSION: &str = "__Host-nightlatch";
/// What sharing people check at sign-in.
pub(crate) const SHARED: &str = "This is a shared or public computer";
/// What people check at sign-in who want to be remembered.
pub(crate) const REMEMBER: &str = "Stay signed in on this browser";

/// The pages of an account that hold something private.
pub(crate) const PRIVATE_PAGES: [&str; 5] = [
    "/",
    "/account/profile",
    "/account/security",
    "/account/sessions",
    "/account/history",
];

/// Signs in on the sign-in page, with these boxes checked.
pub(crate) async fn sign_in(browser: &Browser, account: &Account, boxes: &[&str]) -> Outcome {
    browser.open("/login").await?;
    fill_in(browser, account, PASSWORD, boxes).await?;
    browser.see_path("/").await?;
    browser.see("Your apps").await
}

/// Fills in the sign-in form on the screen, and sends it.
pub(crate) async fn fill_in(
    browser: &Browser,
    account: &Account,
    password: &str,
    boxes: &[&str],
) -> Outcome {
    browser.fill("E-mail address", &account.email).await?;
    browser.fill("Password", password).await?;
    for label in boxes {
        browser.check(label).await?;
    }
    browser.press("Sign in").await
}

/// The button at the top right.
pub(crate) fn account_menu(account: &Account) -> String {
    format!("Account menu: {}", account.name)
}

/// Opens the menu at the top right and presses Log out there.
pub(crate) async fn log_out_in_the_menu(browser: &Browser, account: &Account) -> Outcome {
    browser.press(&account_menu(account)).await?;
    press_log_out_in_the_open_menu(browser).await
}

/// The menu is the only thing that names the organization and has a Log out.
pub(crate) async fn press_log_out_in_the_open_menu(browser: &Browser) -> Outcome {
    browser.press_beside("Brightwater Trading", "Log out").await
}

/// Nothing that the page shows, and nothing in its markup, tells who was here.
pub(crate) async fn sees_nothing_of(browser: &Browser, account: &Account) -> Outcome {
    let source = browser.source().await?;
    for private in private_words(account) {
        ensure(!source.contains(&private), || {
            format!("“{private}” is left in the markup")
        })?;
    }
    browser.does_not_see(&account.name).await
}

/// Waits until nothing tells any more who was here.
pub(crate) async fn sees_soon_nothing_of(browser: &Browser, account: &Account) -> Outcome {
    let gone = wait::until("a page without private words", wait::PATIENCE, || async {
        let source = browser.source().await?;
        let shown = source.contains("<body") && !holds_private_words(&source, account);
        Ok(shown.then_some(()))
    })
    .await;
    match gone {
        Ok(()) => Ok(()),
        Err(error) => Err(Failure::new(format!(
            "{error}; {}",
            browser.describe().await
        ))),
    }
}

fn holds_private_words(source: &str, account: &Account) -> bool {
    private_words(account)
        .iter()
        .any(|word| source.contains(word))
}

fn private_words(account: &Account) -> Vec<String> {
    // The session's id stands in the markup of each page that knows it.
    vec![
        account.name.clone(),
        account.email.clone(),
        "data-session=".to_owned(),
    ]
}

/// The sign-in page, the help page and the cookie jar agree that nobody is signed in, whatever the browser
/// holds.
pub(crate) async fn is_signed_out(browser: &Browser, account: &Account) -> Outcome {
    browser.open("/account/profile").await?;
    browser
        .see_path("/login?return_to=/account/profile")
        .await?;
    browser.see("E-mail address").await?;
    sees_nothing_of(browser, account).await?;
    // The reason, if there was one, is told once; then the page is plain.
    browser.open("/login").await?;
    browser
        .see("You are not signed in on this browser.")
        .await?;
    sees_nothing_of(browser, account).await?;
    browser.open("/help").await?;
    browser
        .see("You are not signed in on this browser.")
        .await?;
    sees_nothing_of(browser, account).await
}

/// The sign-in page and the help page say who is signed in, and account pages open.
pub(crate) async fn is_signed_in(browser: &Browser, account: &Account) -> Outcome {
    browser.open("/login").await?;
    let sentence = format!("You are signed in as {}", account.name);
    browser.see(&sentence).await?;
    browser.open("/help").await?;
    browser
        .see(&format!("This browser is signed in as {}", account.name))
        .await?;
    browser.open("/account/profile").await?;
    browser.see_path("/account/profile").await?;
    browser.see(&account.email).await
}

/// The browser has no session cookie (COOK-03).
pub(crate) async fn has_no_session_cookie(browser: &Browser) -> Outcome {
    let found = browser.cookie(SESSION).await?;
    ensure(found.is_none(), || {
        "the session cookie is still there".to_owned()
    })
}
