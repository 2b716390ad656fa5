//! What happens.
//!
//! A flow is a plain function over one transaction that returns one outcome
//! enum. The store may run it again after a conflict, so it touches the outside
//! world only through rows; slow work (hashing a password) happens between
//! transactions: read, hash, then write under a condition that still holds.
//!
//! Rules live in `nightlatch-domain`, statements in `nightlatch-storage`; HTTP
//! is unknown here. [`log_out`] is the only code that ends a session, whoever
//! asks for it.

pub mod activity;
pub mod administration;
pub mod alerts;
pub mod app_health;
pub mod apps;
pub mod audit;
pub mod authorize;
pub mod check_cache;
pub mod check_up;
mod closing;
pub mod delivery;
pub mod disown;
mod dispatch;
pub mod email_by_operator;
pub mod email_change;
pub mod email_undo;
pub mod factor_removal;
pub mod factors;
pub mod feed;
pub mod grants;
pub mod groups;
pub mod history;
pub mod housekeeping;
pub mod log_out;
pub mod mail;
pub mod mail_links;
pub mod members;
mod notices;
pub mod operator_endings;
pub mod own_apps;
pub mod own_endings;
pub mod passkeys;
pub mod password_hashing;
pub mod passwords;
pub mod pending_passkey;
pub mod pending_sign_in;
pub mod people;
pub mod phone_sign_in;
pub mod places;
pub mod planted;
pub mod profile;
pub mod proof_level;
pub mod protected;
pub mod receipts;
pub mod recovery;
pub mod remembered_browsers;
pub mod resealing;
pub mod sealing;
pub mod second_factor;
mod session_start;
pub mod sessions;
pub mod set_up;
pub mod sign_in;
pub mod step_up;
pub mod step_up_code;
pub mod step_up_passkey;
pub mod token_key;
mod under_way;

use std::fmt;
use std::sync::Arc;

use nightlatch_domain::{Random, Timestamp};

/// The present instant, a source of randomness, and what is on its way into the
/// rows: what a flow may know of the world besides them.
#[derive(Clone)]
pub struct Moment {
    /// The present instant.
    pub now: Timestamp,
    /// Where tokens and identifiers come from.
    pub random: Arc<dyn Random>,
    /// Activity that this node has noted and not yet written.
    pub activity: Arc<activity::Activity>,
}

impl fmt::Debug for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Moment")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
