//! Every form of every page, sent once by a real browser (CSRF-03).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::relying_party::RegisteredUri;
use nightlatch_testkit::{Account, PASSWORD, RelyingPartyClient, Site};
use nightlatch_web::routes::{self, Access};

use super::devices::{IPHONE, LIBRARY, MACBOOK, TABLET, WINDOWS};
use super::ground::{Ground, House, without_ids};
use super::steps::{SHARED, account_menu, fill_in, sign_in};
use super::strong_forms::is_told_here;
use crate::browser::Browser;
use crate::failure::{Failure, Outcome, ensure};
use crate::stage::Stage;
use crate::tools;

const NEW_PASSWORD: &str = "forty wooden boats on a slow green river";

/// No browser's habits about `Origin` and `Referer` get a form of ours refused. The list of what was sent is
/// compared with the list of routes, so that no new form can be forgotten.
pub(crate) async fn every_form_is_accepted(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let mut accepted = set_up(&stage).await?;
    let grace = ground
        .with(|site| site.add_administrator("Grace Hopper", "grace@brightwater.example"))
        .await?;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, &grace, &[]).await?;
    profile(&browser).await?;
    security(&browser).await?;
    administration(&browser, &ground).await?;
    let account = Account {
        name: "Rear Admiral Grace Hopper".to_owned(),
        ..grace
    };
    sessions(&browser, &ground, &account).await?;
    apps(&browser, &ground, &account).await?;
    every_log_out(&browser, &account).await?;
    replace(&browser, &ground.ada, &account).await?;
    browser.open("/help").await?;
    browser.press("Reset this browser").await?;
    browser.see_path("/signed-out").await?;

    let here = |path: &str| !is_told_here(path, true);
    accepted.extend(accepted_by(&ground)?);
    none_is_missing(&accepted, here)
}

/// Fails if a form was refused, or if one that `here` names was not sent.
pub(crate) fn are_accepted(ground: &Ground, here: impl Fn(&str) -> bool) -> Outcome {
    let accepted = accepted_by(ground)?;
    none_is_missing(&accepted, here)
}

/// The addresses that took a form; fails if one was refused.
fn accepted_by(ground: &Ground) -> Outcome<BTreeSet<String>> {
    let mut accepted = BTreeSet::new();
    for answered in ground.take_answered()? {
        let what = format!("{} {}", answered.method, answered.path);
        ensure(answered.status < 400, || format!("{what} was refused"))?;
        if answered.method == "POST" {
            accepted.insert(of_route(&answered.path));
        }
    }
    Ok(accepted)
}

/// A path as its route has it. The acts of administrators share one.
fn of_route(path: &str) -> String {
    let path = without_ids(path);
    match path.strip_prefix("/admin/people/{id}/") {
        Some(act) if !act.contains('/') => "/admin/people/{id}/{id}".to_owned(),
        _ => path,
    }
}

fn none_is_missing(accepted: &BTreeSet<String>, here: impl Fn(&str) -> bool) -> Outcome {
    let wanted: BTreeSet<String> = routes::list()
        .iter()
        .filter(|route| route.method == "POST")
        .filter(|route| matches!(route.rule.access, Access::Everyone | Access::People))
        .map(|route| without_ids(route.path))
        // Calls of the script, and forms that take a script to be reached.
        .filter(|path| !path.starts_with("/login/passkey/"))
        // Apps send these, from their own pages.
        .filter(|path| path != "/oauth2/logout" && path != "/oauth2/authorize")
        .filter(|path| here(path))
        .collect();
    let missing: Vec<_> = wanted.difference(accepted).collect();
    ensure(missing.is_empty(), || {
        format!("no form was sent to {missing:?}")
    })
}

/// The first start; returns what was sent there.
async fn set_up(stage: &Stage) -> Outcome<BTreeSet<String>> {
    let house = House::untouched(stage.database).await?;
    let browser = stage.browser(house.site()).await?;
    let code = house.with(Site::issue_set_up_link).await?;
    let code = code.ok_or_else(|| Failure::new("no set-up link"))?;
    browser.open(&format!("/set-up/{code}")).await?;
    browser.fill("Organization name", "Harbor & Sons").await?;
    browser.fill("Your name", "Grace Hopper").await?;
    browser
        .fill("E-mail address", "grace@harbor.example")
        .await?;
    browser.fill("Password", PASSWORD).await?;
    browser.fill("Password once more", PASSWORD).await?;
    browser.press("Create administrator account").await?;
    browser.see_path("/login").await?;
    browser.see("Everything is set up.").await?;
    browser
        .fill("E-mail address", "grace@harbor.example")
        .await?;
    browser.fill("Password", PASSWORD).await?;
    browser.press("Sign in").await?;
    browser.see("Your apps").await?;
    browser.see("Harbor & Sons").await?;
    browser.close().await?;
    let answered = house.take_answered()?;
    for one in &answered {
        ensure(one.status < 400, || format!("{} was refused", one.path))?;
    }
    house.close().await?;
    Ok(answered
        .iter()
        .filter(|answered| answered.method == "POST")
        .map(|answered| without_ids(&answered.path))
        .collect())
}

async fn profile(browser: &Browser) -> Outcome {
    browser.open("/account/profile").await?;
    browser.fill("Name", "Rear Admiral Grace Hopper").await?;
    browser.press("Save name").await?;
    browser.see("Your name was saved.").await?;
    browser.check("Dark").await?;
    browser.press("Save appearance").await?;
    browser.see("The appearance was saved.").await?;
    assert!(browser.is_checked("Dark").await?);
    browser.check("Same as this device").await?;
    browser.press("Save appearance").await?;
    browser.see("The appearance was saved.").await?;
    let picture = picture_file()?;
    browser
        .fill("Choose a picture", &picture.display().to_string())
        .await?;
    browser.press("Upload picture").await?;
    browser.see("Your picture was saved.").await?;
    browser.press("Remove picture").await?;
    browser.see("Your picture was removed.").await
}

/// A small square picture.
pub(crate) fn picture_file() -> Outcome<PathBuf> {
    let path = tools::workspace().join("target/picture.png");
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    // Runs at once may write it at once: the file appears whole.
    let draft = path.with_extension(format!("{:?}", std::thread::current().id()));
    std::fs::write(&draft, include_bytes!("picture.png"))?;
    std::fs::rename(&draft, &path)?;
    Ok(path)
}

async fn security(browser: &Browser) -> Outcome {
    browser.open("/account/security").await?;
    change_password(
        browser,
        PASSWORD,
        "a kettle that sings at four in the morning",
    )
    .await?;
    change_password(
        browser,
        "a kettle that sings at four in the morning",
        PASSWORD,
    )
    .await?;
    browser.press("Mark this computer as shared").await?;
    browser.see("This computer is marked as shared.").await?;
    browser.press("This computer is no longer shared").await?;
    browser
        .see("This computer is no longer marked as shared.")
        .await
}

/// What administrators do to somebody else.
async fn administration(browser: &Browser, ground: &Ground) -> Outcome {
    let bob = ground
        .with(|site| site.add_person("Bob Hale", "bob@brightwater.example"))
        .await?;
    for device in [&IPHONE, &TABLET] {
        ground.sign_in_with(device, &bob).await?;
    }
    browser.open("/admin/people").await?;
    browser.fill("Name or e-mail", "hale").await?;
    browser.press("Search").await?;
    browser.follow("Bob Hale").await?;
    browser.see("Signed in with 2 sessions").await?;
    let page = browser.path().await?;
    browser.press_beside(IPHONE.phrase, "Log out").await?;
    browser.see("One session was logged out.").await?;
    browser.see("Signed in with 1 session").await?;
    for (button, question) in [
        ("Log out of all sessions", "Log out of all sessions?"),
        ("Disable account", "Disable this account?"),
        ("Enable account", "Enable this account?"),
    ] {
        browser.press(button).await?;
        browser.see(question).await?;
        browser.press(button).await?;
        browser.see_path(&page).await?;
    }
    browser.see("Not signed in anywhere.").await
}

/// Everything that the list of sessions offers.
async fn sessions(browser: &Browser, ground: &Ground, account: &Account) -> Outcome {
    for device in [&IPHONE, &TABLET, &WINDOWS, &MACBOOK, &LIBRARY] {
        ground.sign_in_with(device, account).await?;
    }
    browser.open("/account/sessions").await?;
    browser.see("You have 6 sessions").await?;
    browser.press(&format!("Rename {}", MACBOOK.phrase)).await?;
    browser.fill("Your name for it", "Desk at home").await?;
    browser.press("Save name").await?;
    browser.see("The name was saved.").await?;
    browser.see("Desk at home").await?;
    for device in [&TABLET, &WINDOWS] {
        browser.check(&format!("Select {}", device.phrase)).await?;
    }
    browser.press("Log out selected").await?;
    browser.see("2 sessions were logged out.").await?;
    browser.press_beside(LIBRARY.phrase, "Log out").await?;
    browser.see("One session was logged out.").await?;
    browser.press("Log out all other sessions").await?;
    browser.see("This ends 2 sessions on 2 devices.").await?;
    browser.press("Log out all other sessions").await?;
    browser.see("2 sessions were logged out.").await?;
    for device in [&IPHONE, &MACBOOK] {
        ground.sign_in_with(device, account).await?;
    }

    // The same with a proof on the way; the proof is of no use to anything else.
    ground.advance(Duration::from_mins(11))?;
    browser.open("/account/sessions").await?;
    browser
        .press_beside(IPHONE.phrase, "This wasn't me")
        .await?;
    browser.see("Somebody signed in as").await?;
    browser.fill("Your password", PASSWORD).await?;
    browser.press("Log it out and change my password").await?;
    browser.see_path("/account/security").await?;
    browser.see("Please change your password now").await?;
    change_password(browser, PASSWORD, NEW_PASSWORD).await?;
    browser
        .see("and your one other session was logged out")
        .await?;
    browser.open("/account/sessions").await?;
    browser.press("Log out of all sessions").await?;
    browser.see("This ends 1 session on 1 device.").await?;
    browser.press("Log out of all sessions").await?;
    browser.see_path("/signed-out").await
}

async fn change_password(browser: &Browser, present: &str, new: &str) -> Outcome {
    browser.fill("Current password", present).await?;
    browser.fill("New password", new).await?;
    browser.fill("New password once more", new).await?;
    browser.press("Change password").await?;
    browser.see("Your password was changed").await
}

/// One's own apps, and the question that an app's Log out leads to.
async fn apps(browser: &Browser, ground: &Ground, account: &Account) -> Outcome {
    browser.open("/login").await?;
    fill_in(browser, account, NEW_PASSWORD, &[]).await?;
    browser.see("Your apps").await?;
    let owner = account.clone();
    ground
        .with(move |site| {
            for name in ["Wiki", "Crm"] {
                let app = site.connect_app(name, |app| app.backchannel_logout_uris.clear());
                site.enter_app_everywhere(&owner, &app);
            }
        })
        .await?;
    browser.open("/account/apps").await?;
    browser.press("Log out of Wiki only").await?;
    browser.see("You were logged out of that app.").await?;
    browser.open("/account/apps").await?;
    browser.press("Remove access of Crm").await?;
    browser
        .see("The app has no access to your account any more.")
        .await?;
    into_an_app(browser, ground, account).await?;
    browser.open("/oauth2/logout").await?;
    browser
        .press_beside("This logs out this browser, and every app", "Log out")
        .await?;
    browser.see_path("/signed-out").await
}

/// What may be asked on the way into an app. The app stands at an address of ours, so that the way ends somewhere.
async fn into_an_app(browser: &Browser, ground: &Ground, account: &Account) -> Outcome {
    let (app, redirect_uri) = ground
        .with(|site| {
            let redirect_uri = format!("{}/help", site.origin());
            let registered = RegisteredUri::parse(&redirect_uri).expect("an address");
            let app = RelyingPartyClient::register(site, "Time sheets", |app| {
                app.redirect_uris = vec![registered];
            });
            (app, redirect_uri)
        })
        .await?;
    let way = |more: (&str, &str)| {
        app.authorize_url_with(&[("redirect_uri", redirect_uri.as_str()), more])
    };
    for answer in ["Don't allow", "Allow"] {
        browser.open(&way(("prompt", "consent"))).await?;
        browser.see("would like to sign you in").await?;
        // What was agreed before the request does not count.
        ground.advance(Duration::from_secs(1))?;
        browser.press(answer).await?;
        browser.see_path_beginning("/help").await?;
    }
    browser.open(&way(("prompt", "select_account"))).await?;
    let name = &account.name;
    browser.press(&format!("Continue as {name}")).await?;
    browser.see_path_beginning("/help").await?;
    browser.open(&way(("prompt", "login"))).await?;
    browser.see("asks you to confirm it's you").await?;
    ground.advance(Duration::from_secs(1))?;
    browser.fill("Your password", NEW_PASSWORD).await?;
    browser.press("Continue").await?;
    browser.see_path_beginning("/help").await
}

/// Every place that has a Log out.
async fn every_log_out(browser: &Browser, account: &Account) -> Outcome {
    for (page, beside) in [
        ("/", "Brightwater Trading"),
        ("/logout", "This logs out this browser only."),
        ("/login", "Use another account"),
        ("/signed-out", "This browser is signed in as"),
        ("/help", "Yes. When this page was loaded"),
        ("/account/sessions", "This browser"),
    ] {
        browser.open("/login").await?;
        fill_in(browser, account, NEW_PASSWORD, &[]).await?;
        browser.see("Your apps").await?;
        browser.open(page).await?;
        if page == "/" {
            browser.press(&account_menu(account)).await?;
        }
        browser.press_beside(beside, "Log out").await?;
        browser.see_path("/signed-out").await?;
        browser.see("You logged out in this browser.").await?;
    }
    Ok(())
}

/// Signing in as somebody else, and a shared computer's own Log out.
async fn replace(browser: &Browser, ada: &Account, account: &Account) -> Outcome {
    browser.open("/login").await?;
    fill_in(browser, account, NEW_PASSWORD, &[]).await?;
    browser.see("Your apps").await?;
    browser.open("/login").await?;
    browser.follow("Use another account").await?;
    browser.see("is logged out here").await?;
    fill_in(browser, ada, PASSWORD, &[SHARED]).await?;
    browser.see("Your apps").await?;
    browser.see("Ada Lovelace").await?;
    browser.press_beside("Shared computer", "Log out").await?;
    browser.see("please close this window now").await
}
