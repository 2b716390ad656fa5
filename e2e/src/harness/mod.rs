//! The proof that browsers and helpers do what stories rely on, in both engines, scripts on and off.

mod looks;
mod memory;
mod pages;
mod steps;
pub(crate) mod throwaway;

use crate::browser::Browser;
use crate::failure::Outcome;
use crate::runner::Story;
use crate::stage::{Database, Stage};
use crate::story;

use self::throwaway::Throwaway;

/// Every check of the harness.
pub fn all() -> Vec<Story> {
    [
        story!(steps::a_person_finds_things_by_their_names),
        story!(steps::scripts_run_or_do_not),
        story!(steps::a_hidden_or_doubled_button_is_not_pressed),
        story!(steps::a_passkey_needs_no_finger).only_with_scripts(),
        story!(memory::cookies_of_localhost_are_kept),
        story!(memory::back_does_not_show_what_must_not_be_stored),
        story!(memory::back_shows_what_a_careless_site_leaves),
        story!(memory::back_brings_a_page_back_alive).only_with_scripts(),
        story!(memory::tabs_hear_each_other).only_with_scripts(),
        story!(memory::a_second_profile_is_a_second_device),
        story!(memory::a_restart_forgets_and_remembers),
        story!(memory::windows_come_back),
        story!(memory::nothing_stays_behind),
        story!(looks::pages_are_narrow_dark_and_long),
        story!(looks::a_planted_flaw_is_found).only_with_scripts(),
    ]
    .map(|story| story.only_on(Database::Unused))
    .to_vec()
}

/// A throwaway site and a browser on its start page.
async fn begin(stage: &Stage) -> Outcome<(Throwaway, Browser)> {
    let throwaway = Throwaway::start().await?;
    let browser = stage.browser(&throwaway.site()).await?;
    browser.open("/").await?;
    Ok((throwaway, browser))
}

/// Signs in on the start page.
async fn sign_in(browser: &Browser, name: &str) -> Outcome {
    browser.fill("Your name", name).await?;
    browser.fill("Password", "correct horse").await?;
    browser.press("Sign in").await?;
    browser.see(&format!("The secrets of {name}")).await
}
