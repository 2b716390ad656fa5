//! Stories of people and their sessions, told at the front door.
//!
//! Each is named after what it proves; ids such as OUT-03 and B10 are those of
//! the checklists that the design names. All run on SQLite, and on PostgreSQL
//! with the feature `postgres-tests`:
//!
//! ```text
//! export NIGHTLATCH_TEST_POSTGRES=$(scripts/postgres start)
//! cargo test -p nightlatch-testkit --features postgres-tests
//! ```
//!
//! What must hold after any story (headers, cookies, one end for each session,
//! list and check agreeing) is checked by the testkit when its site is dropped.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected fails"
)]

mod accounts;
mod addresses;
mod api;
mod app_health;
mod apps;
mod apps_in_trouble;
mod audit;
mod authorize;
mod authorize_attacks;
mod check_cache;
mod check_cache_hosts;
mod check_up;
mod claims;
mod conformance_basic;
mod conformance_config;
mod conformance_suite;
mod days;
mod delivery;
mod demanded_factor;
mod devices;
mod doubted;
mod email_change;
mod email_takeover;
mod everywhere;
mod factor_levels;
mod factors;
mod forgery;
mod harmless_text;
mod history;
mod hostile_requests;
mod housekeeping;
mod limits;
mod log_out;
mod mail_alerts;
mod mail_recovery;
mod members;
mod nodes;
mod open_pages;
mod organization_app_notices;
mod organization_apps;
mod organization_groups;
mod outages;
mod overtaken;
mod passkey_attacks;
mod passkey_proof;
mod passkey_second_step;
mod passkey_sessions;
mod passkeys;
mod passwords;
mod phone_sign_in;
mod planted;
mod powers;
mod proof;
mod protected;
mod protected_attacks;
mod protected_by_api;
mod protected_codes;
mod protected_planted;
mod protected_rules;
mod pulled_logouts;
mod random_events;
mod random_world;
mod receipts;
mod remembered_browsers;
mod replay;
mod return_paths;
mod rp_logout;
mod second_step;
mod session_limit;
mod set_up;
mod shared_computer;
mod throttling;
mod token_endings;
mod token_forgeries;
mod token_races;
mod tokens;
mod tokens_http;
mod truthful_ends;
mod two_tabs;
mod unregistered_addresses;
mod ways_back;

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
