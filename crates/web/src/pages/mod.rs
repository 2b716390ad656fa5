//! The pages. Each module reads a request, calls a flow and fills a view.

pub(crate) mod alert;
pub(crate) mod apps;
pub(crate) mod check_up;
pub(crate) mod confirm;
pub(crate) mod demo_mail;
pub(crate) mod email_change;
pub(crate) mod end_session;
pub(crate) mod ending_details;
mod endings;
pub(crate) mod factor;
pub(crate) mod factors;
mod fields;
pub(crate) mod flash;
pub(crate) mod help;
pub(crate) mod history;
pub(crate) mod log_in;
pub(crate) mod log_out;
pub(crate) mod passkey_answer;
pub(crate) mod passkey_calls;
pub(crate) mod passkey_sign_in;
pub(crate) mod passkeys;
pub(crate) mod phone_confirm;
pub(crate) mod phone_wait;
pub(crate) mod profile;
pub(crate) mod proof;
pub(crate) mod recover;
pub(crate) mod remembered_browsers;
pub(crate) mod security;
pub(crate) mod sessions;
pub(crate) mod set_up;
pub(crate) mod signed_out;
pub(crate) mod start;
pub(crate) mod way_back;

pub(crate) use endings::end;
pub(crate) use fields::{Fields, Query};
pub(crate) use proof::{seconds_until, wait_sentence, with_proof};
