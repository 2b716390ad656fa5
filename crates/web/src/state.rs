//! What all handlers share. Only `server` (and the testkit) builds it.

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use nightlatch_domain::{Clock, Random};
use nightlatch_flows::Moment;
use nightlatch_flows::activity::Activity;
use nightlatch_flows::check_cache::CheckCache;
use nightlatch_flows::passkeys::Passkeys;
use nightlatch_flows::password_hashing::PasswordHashing;
use nightlatch_flows::places::Places;
use nightlatch_flows::sealing::Sealer;
use nightlatch_flows::token_key::TokenKey;
use nightlatch_protocols::outgoing::Outgoing;
use nightlatch_protocols::signing_keys::SigningKeys;
use nightlatch_storage::Store;

use crate::forms::FormKey;
use crate::house::House;
use crate::link_key::LinkKey;
use crate::mailing::Mailing;
use crate::metrics::Metrics;
use crate::public_url::PublicUrl;
use crate::signals::Signals;
use crate::streams::Streams;

/// Everything a handler may use.
pub struct App {
    /// The database.
    pub store: Store,
    /// Password hashing, bounded.
    pub hashing: PasswordHashing,
    /// What passkeys are bound to here.
    pub passkeys: Arc<Passkeys>,
    /// Noted activity; a worker writes it.
    pub activity: Arc<Activity>,
    /// Answers to checks, kept in memory where they may be.
    pub check_cache: CheckCache,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Rolls the dice.
    pub random: Arc<dyn Random>,
    /// Rough places of addresses.
    pub places: Places,
    /// The address under which browsers reach this server.
    pub public_url: PublicUrl,
    /// Proxies whose forwarding headers are believed (DEV-04).
    pub trusted_proxies: Vec<IpNet>,
    /// The key of form tokens; the same on every node.
    pub form_key: FormKey,
    /// Seals what the database must keep and not read.
    pub sealer: Arc<Sealer>,
    /// Signs what apps are told.
    pub signing: Arc<SigningKeys>,
    /// Calls apps, behind its guard.
    pub outgoing: Outgoing,
    /// The key of tokens of apps; the same on every node.
    pub token_key: Arc<TokenKey>,
    /// The key of links in mails; the same on every node.
    pub link_key: LinkKey,
    /// How mails are sent, if they are.
    pub mailing: Mailing,
    /// Tells open pages and workers that something ended.
    pub signals: Signals,
    /// The open pages that listen; start with the default.
    pub streams: Streams,
    /// Counters for operators.
    pub metrics: Metrics,
    /// The single organization, as last known; start with the default.
    pub house: House,
}

impl App {
    /// Whether mails can be sent; pages that need them ask first.
    pub fn mail_works(&self) -> bool {
        self.mailing.transport.is_some()
    }

    /// The present moment, for a flow.
    pub fn moment(&self) -> Moment {
        Moment {
            now: self.clock.now(),
            random: Arc::clone(&self.random),
            activity: Arc::clone(&self.activity),
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("App")
            .field("store", &self.store)
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}
