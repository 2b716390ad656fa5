//! Counters for operators, in the text format that Prometheus reads.
//!
//! They count kinds of things and apps, and never name anybody.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nightlatch_domain::ending::Cause;
use nightlatch_domain::ids::ClientId;
use nightlatch_flows::check_cache::CheckCache;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AppLabel {
    client_id: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AppOutcomeLabel {
    client_id: String,
    outcome: &'static str,
}

/// Bounds of how long apps do not know of a logout, in seconds.
const NOTICE_SECONDS: [f64; 10] = [0.02, 0.05, 0.1, 0.3, 1.0, 5.0, 30.0, 300.0, 3600.0, 36000.0];

/// The counters of one server.
pub struct Metrics {
    registry: Registry,
    sign_ins: Family<OutcomeLabel, Counter>,
    proofs: Family<OutcomeLabel, Counter>,
    endings: Family<CauseLabel, Counter>,
    unknown_tokens: Counter,
    notices: Family<OutcomeLabel, Counter>,
    waiting_notices: Gauge,
    notice_seconds: Histogram,
    app_attempts: Family<AppOutcomeLabel, Counter>,
    failing_apps: Family<AppLabel, Gauge>,
    checks_found: Counter,
    checks_filled: Counter,
    checks_kept: Gauge,
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
        let notice_seconds = Histogram::new(NOTICE_SECONDS);
        let app_attempts = Family::default();
        let failing_apps = Family::default();
        let checks_found = Counter::default();
        let checks_filled = Counter::default();
        let checks_kept = Gauge::default();
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
        registry.register(
            "notice_seconds",
            "How long apps that are called did not know of a logout that they confirmed",
            notice_seconds.clone(),
        );
        registry.register(
            "app_attempts",
            "Attempts to tell each app of a logout, by what came of them",
            app_attempts.clone(),
        );
        registry.register(
            "app_failing",
            "1 for an app that fails repeatedly when it is told of logouts",
            failing_apps.clone(),
        );
        registry.register(
            "check_cache_found",
            "Checks for which an answer was in memory, those that held no more included",
            checks_found.clone(),
        );
        registry.register(
            "check_cache_fills",
            "Answers that were read and put into memory",
            checks_filled.clone(),
        );
        registry.register(
            "check_cache_length",
            "Answers in memory, those that hold no more included",
            checks_kept.clone(),
        );
        Self {
            registry,
            sign_ins,
            proofs,
            endings,
            unknown_tokens,
            notices,
            waiting_notices,
            notice_seconds,
            app_attempts,
            failing_apps,
            checks_found,
            checks_filled,
            checks_kept,
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

    /// Counts for how long an app did not know of a logout.
    pub fn notice_took(&self, time: Duration) {
        self.notice_seconds.observe(time.as_secs_f64());
    }

    /// Counts what came of an attempt to tell one app.
    pub fn app_attempt(&self, client_id: ClientId, outcome: &'static str) {
        let client_id = client_id.to_string();
        let label = AppOutcomeLabel { client_id, outcome };
        self.app_attempts.get_or_create(&label).inc();
    }

    /// Says whether an app fails repeatedly. One that never did has no line.
    pub fn app_fails(&self, client_id: ClientId, fails: bool) {
        let client_id = client_id.to_string();
        let label = AppLabel { client_id };
        if fails {
            self.failing_apps.get_or_create(&label).set(1);
        } else if let Some(gauge) = self.failing_apps.get(&label) {
            gauge.set(0);
        }
    }

    /// Takes over what the memory of answers to checks counts itself.
    pub fn check_cache(&self, cache: &CheckCache) {
        let found = self.checks_found.inner();
        found.store(cache.found(), Ordering::Relaxed);
        let filled = self.checks_filled.inner();
        filled.store(cache.fills(), Ordering::Relaxed);
        let length = i64::try_from(cache.length()).unwrap_or(i64::MAX);
        self.checks_kept.set(length);
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
