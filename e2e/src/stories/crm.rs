//! The sample CRM beside the server, as `nightlatch demo` starts them.

use std::time::{Duration, Instant};

use super::steps::REMEMBER;
use crate::browser::Browser;
use crate::failure::{Outcome, ensure};
use crate::programs::demo::{Demo, Person};
use crate::stage::Stage;

/// So soon after a logout elsewhere nothing is left of an open page.
const SOON: Duration = Duration::from_secs(2);

/// Sign in to the CRM, open a customer, log out on the phone: the CRM's open tab shows nothing.
pub(crate) async fn log_out_on_the_phone_empties_the_crm(stage: Stage) -> Outcome {
    let demo = Demo::start().await?;
    let person = demo.person()?;
    let laptop = stage.browser(&demo.crm).await?;
    sign_in_to_the_crm(&laptop, person).await?;
    laptop.follow("Harbor & Finch").await?;
    laptop.see("Change history").await?;
    laptop.see("Ines Duarte").await?;
    let customer = laptop.path().await?;
    // More tabs than a browser has connections to a host.
    let mut tabs = vec![laptop.current_tab().await?];
    if stage.has_scripts() {
        for _ in 0..7 {
            tabs.push(laptop.new_tab().await?);
            laptop.open("/companies/4").await?;
            laptop.see("Kestrel Optics").await?;
        }
    }

    let phone = stage.browser(&demo.nightlatch).await?;
    phone.open("/login").await?;
    fill_in(&phone, person).await?;
    phone.see("Your apps").await?;
    phone.open("/account/sessions/log-out-others").await?;
    phone.see("This browser stays signed in.").await?;
    phone.press("Log out all other sessions").await?;
    phone.see("logged out").await?;
    let told = Instant::now();

    if stage.has_scripts() {
        for tab in &tabs {
            laptop.switch_to(tab).await?;
            laptop.see("You have been signed out.").await?;
            is_empty(&laptop, person).await?;
        }
        // The first of them was looked at when it had to be empty; switching takes the rest.
        let allowed = SOON + Duration::from_secs(2);
        ensure(told.elapsed() < allowed, || {
            format!("the tabs showed it for {:?}", told.elapsed())
        })?;
    } else {
        laptop.reload().await?;
        laptop.see("You have been signed out.").await?;
        is_empty(&laptop, person).await?;
    }
    for tab in tabs.iter().take(1) {
        laptop.switch_to(tab).await?;
    }
    laptop.back().await?;
    laptop.see("Sign in").await?;
    is_empty(&laptop, person).await?;
    laptop.open(&customer).await?;
    laptop.see("You have been signed out.").await?;
    is_empty(&laptop, person).await?;

    // The way back leads to the customer, through the sign-in form.
    laptop.follow("Sign in").await?;
    fill_in(&laptop, person).await?;
    laptop.see("Change history").await?;
    laptop.see_path(&customer).await?;
    phone.open("/account/profile").await?;
    phone.see(&person.email).await
}

/// Log out in the CRM logs out of Nightlatch, too, and comes home without a question (A1). The two are on two
/// sites: `localhost` and `127.0.0.1`.
pub(crate) async fn log_out_in_the_crm_comes_home(stage: Stage) -> Outcome {
    let demo = Demo::start().await?;
    let person = demo.person()?;
    let browser = stage.browser(&demo.crm).await?;
    sign_in_to_the_crm(&browser, person).await?;
    open_the_menu(&browser, person).await?;
    browser.see(&person.email).await?;
    browser.press("Log out").await?;
    browser.see("You are signed out of the CRM.").await?;
    let home = browser.address().await?;
    ensure(home == demo.crm.address("/signed-out"), || {
        format!("it came home to {home}")
    })?;
    is_empty(&browser, person).await?;
    browser.back().await?;
    is_empty(&browser, person).await?;
    browser
        .open(&demo.nightlatch.address("/account/profile"))
        .await?;
    browser.see("E-mail address").await?;
    browser.open("/").await?;
    browser.follow("Sign in").await?;
    browser.see("E-mail address").await?;
    fill_in(&browser, person).await?;
    browser.see("Companies").await
}

/// People look for a customer, change something, and read who changed what.
pub(crate) async fn look_after_a_customer_in_the_crm(stage: Stage) -> Outcome {
    let demo = Demo::start().await?;
    let person = demo.person()?;
    let browser = stage.browser(&demo.crm).await?;
    sign_in_to_the_crm(&browser, person).await?;
    browser.fill("Search companies", "tableware porto").await?;
    browser.press("Search").await?;
    browser.see("1 company for “tableware porto”").await?;
    browser.follow("Harbor & Finch").await?;
    browser.follow("Edit").await?;
    browser
        .fill("Website", "http://harborfinch.example")
        .await?;
    browser.press("Save").await?;
    browser.see("Please begin with https://").await?;
    browser
        .fill("Website", "https://www.harborfinch.example")
        .await?;
    browser.choose("Stage", "Won").await?;
    let second = browser.new_tab().await?;
    browser.open("/companies/1").await?;
    browser.see("Proposal sent").await?;
    let tabs = browser.tabs().await?;
    for tab in tabs.iter().filter(|tab| **tab != second) {
        browser.switch_to(tab).await?;
    }
    browser.press("Save").await?;
    browser.see("Saved.").await?;
    browser.see("Stage: Proposal sent to Won").await?;
    browser
        .see(&format!("{} changed this", person.name))
        .await?;
    if stage.has_scripts() {
        browser.switch_to(&second).await?;
        browser.see("Somebody changed this.").await?;
        browser.follow("Show it as it is now").await?;
        browser.see("Stage: Proposal sent to Won").await?;
    }
    browser.follow("Contacts").await?;
    browser.fill("Search contacts", "finch").await?;
    browser.press("Search").await?;
    browser.follow("Ines Duarte").await?;
    browser.see("Head of purchasing").await?;
    // Another account is chosen at the provider.
    open_the_menu(&browser, person).await?;
    browser.follow("Use another account").await?;
    browser.see("Choose an account").await?;
    browser
        .press(&format!("Continue as {}", person.name))
        .await?;
    browser.see("Companies").await
}

async fn sign_in_to_the_crm(browser: &Browser, person: &Person) -> Outcome {
    browser.open("/").await?;
    browser.see("Sign in to see your customers.").await?;
    browser.follow("Sign in").await?;
    browser.see(REMEMBER).await?;
    fill_in(browser, person).await?;
    browser.see_path("/companies").await?;
    browser.see("Harbor & Finch").await
}

async fn fill_in(browser: &Browser, person: &Person) -> Outcome {
    browser.fill("E-mail address", &person.email).await?;
    browser.fill("Password", &person.password).await?;
    browser.press("Sign in").await
}

async fn open_the_menu(browser: &Browser, person: &Person) -> Outcome {
    browser
        .press(&format!("Account menu: {}", person.name))
        .await
}

/// Nothing of the person and of the customers, neither shown nor in the markup.
async fn is_empty(browser: &Browser, person: &Person) -> Outcome {
    let source = browser.source().await?;
    for private in [
        &person.name,
        &person.email,
        "Ines Duarte",
        "Finch",
        "Kestrel",
    ] {
        ensure(!source.contains(private), || {
            format!("“{private}” is left in the markup")
        })?;
    }
    Ok(())
}
