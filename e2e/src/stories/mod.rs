//! The stories, named after what a person does. One file a theme, one function a story.
//!
//! To add one: write `pub(crate) async fn shared_computer(stage: Stage, ground: Arc<Ground>) -> Outcome` in a
//! file beside this one, and add `on_ground!(file::shared_computer)` to the list. The runner does the rest:
//! both engines, with and without scripts, both databases.

mod accessible;
mod afterwards;
mod cross_site;
mod devices;
mod forms;
pub(crate) mod gallery;
pub(crate) mod ground;
mod logging_out;
mod open_pages;
mod shared_computer;
mod stale_pages;
pub(crate) mod steps;
mod strong_forms;

use self::ground::on_ground;
use crate::runner::Story;
use crate::stage::Database;
use crate::story;

/// Every story, in the order they are told.
pub fn all() -> Vec<Story> {
    vec![
        on_ground!(logging_out::standard_logout),
        on_ground!(shared_computer::shared_computer),
        on_ground!(logging_out::log_out_of_all_sessions),
        on_ground!(logging_out::log_out_all_others),
        on_ground!(logging_out::lost_laptop),
        on_ground!(stale_pages::button_not_responding),
        on_ground!(afterwards::still_signed_in),
        on_ground!(afterwards::back_button_shows_nothing),
        on_ground!(open_pages::other_tabs_notice).only_with_scripts(),
        on_ground!(open_pages::idle_warning).only_with_scripts(),
        on_ground!(open_pages::laptop_wakes_up).only_with_scripts(),
        on_ground!(forms::every_form_is_accepted),
        on_ground!(strong_forms::every_strong_form_is_accepted),
        on_ground!(cross_site::cross_site),
        accessible(story!(accessible::visitors_pages_are_accessible)),
        accessible(story!(accessible::account_pages_are_accessible)),
        accessible(story!(accessible::rare_pages_are_accessible)),
    ]
}

/// The rules are checked by a script, and no database makes a difference to them.
fn accessible(story: Story) -> Story {
    story.only_with_scripts().only_on(Database::Sqlite)
}
