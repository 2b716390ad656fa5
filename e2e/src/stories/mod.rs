//! The stories, named after what a person does. One file a theme, one function a story.
//!
//! To add one: write `pub(crate) async fn shared_computer(stage: Stage, ground: Arc<Ground>) -> Outcome` in a
//! file beside this one, and add `on_ground!(file::shared_computer)` to the list. The runner does the rest:
//! both engines, with and without scripts, both databases.

mod accessible;
mod afterwards;
mod an_app;
mod apps;
mod crm;
mod cross_site;
mod devices;
mod factors;
mod forms;
pub(crate) mod gallery;
pub(crate) mod ground;
mod guarded_app;
mod intruders;
mod library_phone;
mod logging_out;
mod open_pages;
mod passkey_attacks;
mod passkeys;
mod protected;
mod shared_computer;
mod stale_pages;
pub(crate) mod steps;
mod strong_forms;

use self::ground::{behind_a_proxy, on_ground};
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
        on_ground!(intruders::suspicious_sign_in).in_turns(),
        on_ground!(intruders::thief_with_live_session_cannot_lock_out_the_owner).in_turns(),
        on_ground!(factors::lost_phone_with_the_authenticator).in_turns(),
        on_ground!(factors::forgot_password_with_second_factor).in_turns(),
        on_ground!(library_phone::sign_in_with_my_phone_on_a_library_computer).in_turns(),
        on_ground!(passkeys::passkey_only)
            .only_with_scripts()
            .in_turns(),
        attack(on_ground!(passkey_attacks::passkey_at_the_wrong_origin)),
        attack(on_ground!(passkey_attacks::passkey_of_another_user)),
        attack(on_ground!(passkey_attacks::passkey_answers_are_good_once)),
        attack(on_ground!(passkey_attacks::passkey_without_its_person)),
        attack(on_ground!(passkey_attacks::passkey_that_counts_backward)),
        on_ground!(forms::every_form_is_accepted),
        on_ground!(strong_forms::every_strong_form_is_accepted),
        on_ground!(cross_site::cross_site),
        beside_the_crm(story!(crm::log_out_on_the_phone_empties_the_crm)),
        beside_the_crm(story!(crm::log_out_in_the_crm_comes_home)),
        beside_the_crm(story!(crm::look_after_a_customer_in_the_crm)),
        on_ground!(apps::consent_and_withdrawing_it).in_turns(),
        on_ground!(apps::choose_account_for_an_app).in_turns(),
        on_ground!(apps::an_app_asks_for_a_fresh_proof).in_turns(),
        on_ground!(apps::log_out_leads_home_to_an_app).in_turns(),
        on_ground!(apps::leave_one_app_only).in_turns(),
        on_ground!(apps::apps_that_go_on_by_themselves).in_turns(),
        on_ground!(apps::the_receipt_goes_on_telling).in_turns(),
        behind_a_proxy!(protected::protected_app_knows_me_until_i_log_out).in_turns(),
        behind_a_proxy!(protected::log_out_on_the_app_itself).in_turns(),
        behind_a_proxy!(protected::leave_this_site_only).in_turns(),
        behind_a_proxy!(protected::open_pages_of_an_app_are_left)
            .only_with_scripts()
            .in_turns(),
        accessible(story!(accessible::visitors_pages_are_accessible)),
        accessible(story!(accessible::account_pages_are_accessible)),
        accessible(story!(accessible::protecting_pages_are_accessible)),
        accessible(story!(accessible::other_ways_in_are_accessible)),
        accessible(story!(accessible::pages_of_apps_are_accessible)),
        accessible(story!(accessible::pages_on_protected_hosts_are_accessible)),
        accessible(story!(accessible::rare_pages_are_accessible)),
    ]
}

/// Only scripts reach passkeys. What a browser decides does not depend on the database, which has tests of its own.
fn attack(story: Story) -> Story {
    story.only_with_scripts().only_on(Database::Sqlite)
}

/// `nightlatch demo` keeps its data in memory.
fn beside_the_crm(story: Story) -> Story {
    story.only_on(Database::Sqlite)
}

/// The rules are checked by a script, and no database makes a difference to them.
fn accessible(story: Story) -> Story {
    story.only_with_scripts().only_on(Database::Sqlite)
}
