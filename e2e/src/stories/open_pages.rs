//! Pages that stay open while their session ends: what the script adds (OUT-10, A14, UI-05, G2, G3).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nightlatch_domain::policy::Limits;
use nightlatch_testkit::PASSWORD;

use super::ground::Ground;
use super::steps::{
    SHARED, account_menu, is_signed_in, is_signed_out, log_out_in_the_menu, sees_nothing_of,
    sees_soon_nothing_of, sign_in,
};
use crate::browser::{Browser, Key};
use crate::failure::{Failure, Outcome, ensure};
use crate::stage::Stage;
use crate::wait;

/// How soon other tabs and remote endings show (A14).
const SOON: Duration = Duration::from_secs(2);

/// Writes down when the page loses the mark of its session, twice: a logout's `Clear-Site-Data` empties the one
/// place, and Chromium empties the other where a page leads to one of another group.
const NOTE_WHEN_EMPTIED: &str = "
sessionStorage.removeItem('emptied');
window.name = '';
new MutationObserver(() => {
  if (window.name || document.body.dataset.session !== undefined) return;
  window.name = String(Date.now());
  sessionStorage.setItem('emptied', window.name);
}).observe(document.body, { attributes: true, childList: true });
";
const NOTED: &str = "return window.name || sessionStorage.getItem('emptied') || ''";

/// Log out in one tab, or on another device, empties the open pages within two seconds; a proof does not.
pub(crate) async fn other_tabs_notice(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, ada, &[]).await?;
    let first = browser.current_tab().await?;
    browser.open("/account/profile").await?;
    browser.evaluate(NOTE_WHEN_EMPTIED).await?;
    let second = browser.new_tab().await?;
    browser.open("/account/security").await?;
    browser.press(&account_menu(ada)).await?;
    let pressed = SystemTime::now();
    super::steps::press_log_out_in_the_open_menu(&browser).await?;
    browser.see_path("/signed-out").await?;
    browser.switch_to(&first).await?;
    was_emptied_soon_after(&browser, pressed).await?;
    browser.see("This page has been cleared.").await?;
    sees_nothing_of(&browser, ada).await?;
    is_signed_out(&browser, ada).await?;
    browser.close_tab().await?;
    browser.switch_to(&second).await?;

    // On another device, with one tab in front and one behind.
    sign_in(&browser, ada, &[]).await?;
    browser.open("/account/sessions").await?;
    browser.evaluate(NOTE_WHEN_EMPTIED).await?;
    let third = browser.new_tab().await?;
    browser.open("/account/profile").await?;
    browser.evaluate(NOTE_WHEN_EMPTIED).await?;
    let pressed = ground.ada_logs_out_the_others_elsewhere().await?;
    for tab in [&third, &second] {
        browser.switch_to(tab).await?;
        was_emptied_soon_after(&browser, pressed).await?;
        // Both go on to the sign-in page; the one that comes first says why.
        browser
            .see("You are not signed in on this browser.")
            .await?;
        sees_nothing_of(&browser, ada).await?;
    }
    browser.close_tab().await?;
    browser.switch_to(&third).await?;
    a_proof_disturbs_no_tab(&browser, &ground).await
}

/// The password given in one tab gives the session a new cookie. The other tab lives on.
async fn a_proof_disturbs_no_tab(browser: &Browser, ground: &Ground) -> Outcome {
    let ada = &ground.ada;
    sign_in(browser, ada, &[]).await?;
    let account = ada.clone();
    ground
        .with(move |site| drop(site.begin_sessions(&account, 1)))
        .await?;
    let first = browser.current_tab().await?;
    browser.open("/account/profile").await?;
    browser.evaluate(NOTE_WHEN_EMPTIED).await?;
    let second = browser.new_tab().await?;
    ground.advance(Duration::from_mins(11))?;
    browser.open("/account/sessions").await?;
    browser
        .press_beside("An unknown browser", "Log out")
        .await?;
    browser.fill("Your password", PASSWORD).await?;
    browser.press("Log out").await?;
    browser.see("One session was logged out.").await?;
    browser.switch_to(&first).await?;
    asks_the_server(browser).await?;
    browser.see_path("/account/profile").await?;
    browser.see(&ada.email).await?;
    let emptied = browser.evaluate(NOTED).await?;
    ensure(emptied == "", || "the other tab was emptied".to_owned())?;
    browser.follow("Security").await?;
    browser.see_path("/account/security").await?;
    browser.switch_to(&second).await?;
    is_signed_in(browser, ada).await
}

/// Waits until the page has asked the server once more whether the session lives, as after coming to the front.
async fn asks_the_server(browser: &Browser) -> Outcome {
    let asked = "return performance.getEntriesByName(location.origin + '/session/status').length";
    let before = browser.evaluate(asked).await?;
    browser
        .evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        .await?;
    wait::until("the page to ask the server", wait::PATIENCE, || async {
        Ok((browser.evaluate(asked).await? != before).then_some(()))
    })
    .await
}

/// The page's own world, which scripts of a driver share in Chromium and only look into in Firefox.
pub(crate) const PAGE: &str = "const page = window.wrappedJSObject || window;";

/// The page comes to the front.
pub(crate) const WAKE: &str =
    "document.dispatchEvent(new Event('visibilitychange')); dispatchEvent(new Event('focus'));";

/// Moves the page's clock, which knows nothing of the server's.
pub(crate) fn page_clock_ahead(by: Duration) -> String {
    let milliseconds = by.as_millis();
    format!("const before = page.Date.now; page.Date.now = () => before() + {milliseconds};")
}

/// The warning before the end: an alert dialog with one button that keeps the session, every time.
pub(crate) async fn idle_warning(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, ada, &[]).await?;
    for round in 0..3 {
        // Opening the help page is no activity, so the deadline stays where it is.
        ground.advance(Duration::from_secs(24 * 3600 - 100))?;
        browser.open("/help").await?;
        browser.see("Are you still there?").await?;
        is_an_alert_dialog(&browser, "Stay signed in").await?;
        match round {
            0 => browser.press("Stay signed in").await?,
            1 => browser.type_keys(&Key::Enter.to_string()).await?,
            _ => browser.type_keys(&Key::Escape.to_string()).await?,
        }
        browser.see_no_more("Are you still there?").await?;
    }
    // It counted: the session outlives the deadline that was near.
    ground.advance(Duration::from_hours(2))?;
    is_signed_in(&browser, ada).await?;

    // Nothing was pressed: the page empties itself at the deadline.
    ground.advance(Duration::from_secs(24 * 3600 - 30))?;
    browser.open("/help").await?;
    browser.see("Are you still there?").await?;
    ground.advance(Duration::from_secs(31))?;
    browser
        .evaluate(&format!(
            "{PAGE}{}",
            page_clock_ahead(Duration::from_secs(31))
        ))
        .await?;
    sees_soon_nothing_of(&browser, ada).await?;
    is_signed_out(&browser, ada).await?;

    // The overall limit is announced and cannot be moved; on a shared computer it comes after two hours.
    sign_in(&browser, ada, &[SHARED]).await?;
    for _ in 0..9 {
        ground.advance(Duration::from_mins(13))?;
        browser.open("/").await?;
    }
    browser.see("This session ends soon").await?;
    is_an_alert_dialog(&browser, "OK").await?;
    browser.press("OK").await?;
    browser.see_no_more("This session ends soon").await?;
    ground.advance(Duration::from_mins(3))?;
    browser.open("/account/profile").await?;
    browser.see("a session lasts only so long").await?;
    sees_nothing_of(&browser, ada).await
}

/// A dialog that assistive technology reads at once, with the focus on its main button.
async fn is_an_alert_dialog(browser: &Browser, button: &str) -> Outcome {
    let role = "return document.querySelector('dialog[open]').getAttribute('role')";
    let role = browser.evaluate(role).await?;
    ensure(role == "alertdialog", || format!("the role is {role}"))?;
    let focused = browser.focused().await?;
    ensure(focused == button, || format!("the focus is on “{focused}”"))?;
    browser.expect_accessible().await
}

/// After a night of sleep nothing private is visible, whether the server can be reached or not (G3).
pub(crate) async fn laptop_wakes_up(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    ground
        .change_settings(|settings| {
            settings.policy.ordinary = Limits {
                idle_seconds: 3600,
                overall_seconds: 24 * 3600,
            };
        })
        .await?;
    let browser = stage.browser(ground.site()).await?;
    let night = Duration::from_hours(8);
    // The page's own clock goes on during sleep; its timers do not.
    let sleep = page_clock_ahead(night);

    sign_in(&browser, ada, &[]).await?;
    browser.open("/account/profile").await?;
    browser.see(&ada.email).await?;
    ground.advance(night)?;
    browser.evaluate(&format!("{PAGE}{sleep}{WAKE}")).await?;
    sees_soon_nothing_of(&browser, ada).await?;
    browser.see("this browser was not used for a while").await?;
    is_signed_out(&browser, ada).await?;

    // The same without a network.
    sign_in(&browser, ada, &[]).await?;
    browser.open("/account/profile").await?;
    let offline = "page.fetch = () => page.Promise.reject(new page.TypeError('no network'));";
    browser
        .evaluate(&format!("{PAGE}{sleep}{offline}{WAKE}"))
        .await?;
    sees_soon_nothing_of(&browser, ada).await?;
    browser.see("We cannot show this page right now").await?;

    // Asleep for a few minutes only: the page comes back as it was.
    browser.open("/account/profile").await?;
    let nap = Duration::from_mins(5);
    ground.advance(nap)?;
    browser
        .evaluate(&format!("{PAGE}{}{WAKE}", page_clock_ahead(nap)))
        .await?;
    asks_the_server(&browser).await?;
    browser.see(&ada.email).await?;
    log_out_in_the_menu(&browser, ada).await
}

async fn was_emptied_soon_after(browser: &Browser, instant: SystemTime) -> Outcome {
    let noted = wait::until("the page to be emptied", wait::PATIENCE, || async {
        let noted = browser.evaluate(NOTED).await?;
        Ok(noted.as_str().and_then(|text| text.parse().ok()))
    })
    .await;
    let emptied = match noted {
        Ok(noted) => UNIX_EPOCH + Duration::from_millis(noted),
        Err(error) => {
            let shown = browser.describe().await;
            return Err(Failure::new(format!("{error}; {shown}")));
        }
    };
    let took = emptied.duration_since(instant).unwrap_or_default();
    browser.note(format_args!("emptied after {} ms", took.as_millis()));
    ensure(took < SOON, || {
        format!("the page was emptied after {} ms", took.as_millis())
    })
}
