//! Counters for operators, in the text format that Prometheus reads.
//!
//! They count kinds of things and never name anybody.

use std::fmt;

use nightlatch_domain::ending::Cause;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

/// The counters of one server.
pub struct Metrics {
    registry: Registry,
    sign_ins: Family<OutcomeLabel, Counter>,
    proofs: Family<OutcomeLabel, Counter>,
    endings: Family<CauseLabel, Counter>,
    unknown_tokens: Counter,
    notices: Family<OutcomeLabel, Counter>,
    waiting_notices: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("nightlatch");
        let sign_ins = Family::default();
        let proofs = Family::default();
        let endings = Family::default();
        let unknown_tokens = Counter::default();
        let notices = Family::default();
        let waiting_notices = Gauge::default();
        registry.register("sign_ins", "Sign-in attempts by outcome", sign_ins.clone());
        registry.register("proofs", "Proofs asked again, by outcome", proofs.clone());
        registry.register(
            "endings",
            "Acts that ended sessions, by cause",
            endings.clone(),
        );
        registry.register(
            "unknown_session_tokens",
            "Requests with a session cookie that this server never issued or has replaced",
            unknown_tokens.clone(),
        );
        registry.register(
            "notices",
            "Logouts told to apps, by what came of each attempt",
            notices.clone(),
        );
        registry.register(
            "notices_waiting",
            "Logouts that apps do not know yet, counted up to 10000",
            waiting_notices.clone(),
        );
        Self {
            registry,
            sign_ins,
            proofs,
            endings,
            unknown_tokens,
            notices,
            waiting_notices,
        }
    }
}

impl Metrics {
    /// Counts a sign-in attempt.
    pub fn sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a proof that was asked again.
    pub fn proof(&self, outcome: &'static str) {
        self.proofs.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts an act that ended sessions.
    pub fn ending(&self, cause: Cause) {
        let cause = cause.name();
        self.endings.get_or_create(&CauseLabel { cause }).inc();
    }

    /// Counts a session cookie that names no session (SES-04).
    pub fn unknown_token(&self) {
        self.unknown_tokens.inc();
    }

    /// Counts what came of telling an app.
    pub fn notice(&self, outcome: &'static str) {
        self.notices.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// How many notices wait.
    pub fn waiting_notices(&self, count: i64) {
        self.waiting_notices.set(count);
    }

    /// All counters as text.
    pub fn to_text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}
