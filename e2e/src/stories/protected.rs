//! Apps that know nothing of signing in, behind a real nginx: the way in, the logout that reaches them wherever it
//! happens, and the script that empties their open pages (A14, D1, D2, D5).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nightlatch_testkit::PASSWORD;

use super::ground::Ground;
use super::guarded_app::GuardedApp;
use super::steps::{
    fill_in, is_signed_in, is_signed_out, log_out_in_the_menu, sees_nothing_of, sign_in,
};
use crate::browser::Browser;
use crate::failure::{Failure, Outcome, ensure};
use crate::stage::Stage;

const WIKI: (&str, &str) = ("Wiki", "wiki.localhost");
const FILES: (&str, &str) = ("Files", "files.localhost");

/// How soon an open page of an app is left when the session ends (A14).
const SOON: Duration = Duration::from_secs(2);

/// The browser shows this page of the app, in Ada's name.
async fn reads(browser: &Browser, app: &GuardedApp, path: &str) -> Outcome {
    let heading = format!(
        "This is the app at {}",
        path.split('?').next().unwrap_or_default()
    );
    browser.see(&heading).await?;
    browser.see("Hello Ada Lovelace").await?;
    let address = browser.address().await?;
    ensure(address == app.address(path), || {
        format!("she is at {address}, not at {path}")
    })
}

/// The next page of the app asks for signing in, and shows nothing of the app.
async fn is_refused(browser: &Browser, app: &GuardedApp) -> Outcome {
    browser.open(&app.address("/pages/secret")).await?;
    browser
        .see(&format!("Sign in to go on to {}.", app.registered.app.name))
        .await?;
    browser.does_not_see("Ada Lovelace").await
}

/// One sign-in leads to the very page, opens the next app by itself, and ends for both wherever one logs out.
pub(crate) async fn protected_app_knows_me_until_i_log_out(
    stage: Stage,
    ground: Arc<Ground>,
) -> Outcome {
    let (ada, wiki) = (&ground.ada, GuardedApp::start(&ground, WIKI, |_| {}).await?);
    let files = GuardedApp::start(&ground, FILES, |_| {}).await?;
    let browser = stage.browser(ground.site()).await?;
    let page = "/pages/read?x=1&name=%C3%A9";
    browser.open(&wiki.address(page)).await?;
    browser.see("Sign in to go on to Wiki.").await?;
    fill_in(&browser, ada, PASSWORD, &[]).await?;
    reads(&browser, &wiki, page).await?;
    browser.open(&files.address("/shared")).await?;
    reads(&browser, &files, "/shared").await?;
    browser.open("/account/apps").await?;
    browser.see("Wiki").await?;
    browser.see("Files").await?;

    // On another device: the next request is refused at both.
    ground.ada_logs_out_the_others_elsewhere().await?;
    is_refused(&browser, &wiki).await?;
    is_refused(&browser, &files).await?;
    is_signed_out(&browser, ada).await?;

    // In this browser, on our own page.
    sign_in(&browser, ada, &[]).await?;
    browser.open(&wiki.address("/")).await?;
    reads(&browser, &wiki, "/").await?;
    browser.open("/").await?;
    log_out_in_the_menu(&browser, ada).await?;
    browser.see("You logged out in this browser.").await?;
    // Nothing needs telling: it is over there already.
    browser.see("Ended").await?;
    is_refused(&browser, &wiki).await
}

/// The app's own address for logging out: a link asks, a form of the app's page does it at once; for good in both
/// cases.
pub(crate) async fn log_out_on_the_app_itself(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let (ada, wiki) = (&ground.ada, GuardedApp::start(&ground, WIKI, |_| {}).await?);
    let browser = stage.browser(ground.site()).await?;
    for asks in [true, false] {
        sign_in(&browser, ada, &[]).await?;
        browser.open(&wiki.address("/pages/1")).await?;
        reads(&browser, &wiki, "/pages/1").await?;
        if asks {
            browser.follow("Leave…").await?;
            browser.see("Log out of this browser?").await?;
            browser.see(&ada.email).await?;
            browser.follow("Stay signed in").await?;
            reads(&browser, &wiki, "/").await?;
            browser.follow("Leave…").await?;
            browser
                .press("Log out of everything in this browser")
                .await?;
        } else {
            browser.press("Log out").await?;
        }
        browser.see("You logged out in this browser.").await?;
        browser.see_path("/signed-out").await?;
        browser.see("Wiki").await?;
        sees_nothing_of(&browser, ada).await?;
        // Loaded again it says the same; the address opens nothing for anybody else.
        browser.reload().await?;
        browser.see("You logged out in this browser.").await?;
        is_refused(&browser, &wiki).await?;
        is_signed_out(&browser, ada).await?;
    }
    Ok(())
}

/// "This site only" leaves one app; the session and the other apps go on, and a click lets her in again (D5, E11).
pub(crate) async fn leave_this_site_only(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let (ada, wiki) = (&ground.ada, GuardedApp::start(&ground, WIKI, |_| {}).await?);
    let files = GuardedApp::start(&ground, FILES, |_| {}).await?;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, ada, &[]).await?;
    for app in [&files, &wiki] {
        browser.open(&app.address("/")).await?;
        reads(&browser, app, "/").await?;
    }
    browser.follow("Leave…").await?;
    browser.press("Log out of this site only").await?;
    browser.see("You are logged out of Wiki").await?;
    sees_nothing_of(&browser, ada).await?;
    browser.open(&files.address("/shared")).await?;
    reads(&browser, &files, "/shared").await?;
    is_signed_in(&browser, ada).await?;
    browser.open(&wiki.address("/.nightlatch/left")).await?;
    browser.follow("Open Wiki again").await?;
    reads(&browser, &wiki, "/").await?;
    // And from there out of everything.
    browser.follow("Leave…").await?;
    browser.press("Log out of this site only").await?;
    browser
        .follow("Log out of everything in this browser")
        .await?;
    browser.press("Log out").await?;
    browser.see("You logged out in this browser.").await?;
    is_refused(&browser, &files).await?;
    is_refused(&browser, &wiki).await
}

/// A page of an app that stays open is left within two seconds of a logout elsewhere, in this browser or on another
/// device, and says why (A14). It keeps nobody signed in.
pub(crate) async fn open_pages_of_an_app_are_left(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let (ada, wiki) = (&ground.ada, GuardedApp::start(&ground, WIKI, |_| {}).await?);
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, ada, &[]).await?;
    browser.open(&wiki.address("/pages/1")).await?;
    reads(&browser, &wiki, "/pages/1").await?;
    let pressed = ground.ada_logs_out_the_others_elsewhere().await?;
    was_left_soon_after(&browser, "On another device", pressed).await?;
    browser.follow("Sign in again").await?;
    fill_in(&browser, ada, PASSWORD, &[]).await?;
    reads(&browser, &wiki, "/").await?;

    // Two tabs of the app, and Log out in a third one.
    let first = browser.current_tab().await?;
    let second = browser.new_tab().await?;
    browser.open(&wiki.address("/pages/2")).await?;
    reads(&browser, &wiki, "/pages/2").await?;
    let third = browser.new_tab().await?;
    browser.open("/").await?;
    browser.press(&super::steps::account_menu(ada)).await?;
    let pressed = SystemTime::now();
    super::steps::press_log_out_in_the_open_menu(&browser).await?;
    browser.see("You logged out in this browser.").await?;
    for tab in [&first, &second] {
        browser.switch_to(tab).await?;
        was_left_soon_after(&browser, "You logged out in this browser.", pressed).await?;
        sees_nothing_of(&browser, ada).await?;
        // Back does not bring the page back.
        browser.back().await?;
        browser.does_not_see("Hello Ada Lovelace").await?;
    }
    browser.switch_to(&third).await?;

    // The page being open is not activity: the session ends by itself.
    sign_in(&browser, ada, &[]).await?;
    browser.open(&wiki.address("/pages/3")).await?;
    reads(&browser, &wiki, "/pages/3").await?;
    ground.advance(Duration::from_hours(25))?;
    // As when the laptop wakes up; by itself it looks again within seconds.
    browser
        .evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        .await?;
    browser
        .see("You were logged out because this browser was not used for a while.")
        .await
}

/// The page was replaced by the one that says why, within two seconds.
async fn was_left_soon_after(browser: &Browser, why: &str, instant: SystemTime) -> Outcome {
    browser.see(why).await?;
    browser.see_path("/.nightlatch/left").await?;
    let began = browser.evaluate("return performance.timeOrigin").await?;
    let began = began
        .as_f64()
        .ok_or_else(|| Failure::new("the page has no clock"))?;
    let began = UNIX_EPOCH + Duration::from_secs_f64(began / 1_000.0);
    let took = began.duration_since(instant).unwrap_or_default();
    browser.note(format_args!("left after {} ms", took.as_millis()));
    ensure(took < SOON, || {
        format!("the page was left after {} ms", took.as_millis())
    })
}
