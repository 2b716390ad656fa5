//! What goes on in the background while the server runs.
//!
//! Each worker is one file with one public step that tests call under their own
//! clock; this file owns the rounds: when steps happen, how they stop, that an
//! error is logged when it begins and when it is over, and that nothing but the
//! end of the server ends a worker.

mod deliver_logout;
pub mod end_overdue;
pub mod expand_endings;
pub mod hear_other_nodes;
pub mod prune;
pub mod rotate_signing_keys;
pub mod seal_audit;
pub mod send_mail;
pub mod write_activity;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nightlatch_storage::DatabaseKind;
use nightlatch_web::state::App;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

/// How long a worker that panicked rests before it is started again.
const REST: Duration = Duration::from_secs(1);

/// The workers of a running server.
#[derive(Debug)]
pub struct Workers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts them all.
    pub fn start(app: &Arc<App>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut workers = Self {
            stop,
            tasks: JoinSet::new(),
        };
        workers.add(app, &stopped, "write_activity", write_activity::run);
        workers.add(app, &stopped, "end_overdue", end_overdue::run);
        workers.add(app, &stopped, "expand_endings", expand_endings::run);
        workers.add(app, &stopped, "prune", prune::run);
        workers.add(app, &stopped, "seal_audit", seal_audit::run);
        workers.add(
            app,
            &stopped,
            "rotate_signing_keys",
            rotate_signing_keys::run,
        );
        workers.add(
            app,
            &stopped,
            "deliver_logout",
            deliver_logout::run_interactive,
        );
        workers.add(
            app,
            &stopped,
            "deliver_logout_mass",
            deliver_logout::run_mass,
        );
        if app.mail_works() {
            workers.add(app, &stopped, "send_mail", send_mail::run);
        }
        if app.store.kind() == DatabaseKind::Postgres {
            workers.add(app, &stopped, "hear_other_nodes", hear_other_nodes::run);
        }
        workers
    }

    /// Lets each finish its step, and waits for it.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }

    fn add<F>(
        &mut self,
        app: &Arc<App>,
        stopped: &watch::Receiver<bool>,
        name: &'static str,
        run: fn(Arc<App>, Rounds) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (app, stopped) = (Arc::clone(app), stopped.clone());
        self.tasks.spawn(async move {
            loop {
                let rounds = Rounds::new(name, stopped.clone());
                let task = tokio::spawn(run(Arc::clone(&app), rounds));
                if task.await.is_ok() {
                    return;
                }
                tracing::error!(
                    worker = name,
                    "a worker failed unexpectedly and is started again"
                );
                tokio::time::sleep(REST).await;
            }
        });
    }
}

/// The rounds of one worker.
#[derive(Debug)]
pub(crate) struct Rounds {
    name: &'static str,
    stopped: watch::Receiver<bool>,
    in_trouble: bool,
}

impl Rounds {
    fn new(name: &'static str, stopped: watch::Receiver<bool>) -> Self {
        Self {
            name,
            stopped,
            in_trouble: false,
        }
    }

    /// Waits for what begins the next round; false once the server stops.
    pub(crate) async fn next(&mut self, beginning: impl Future<Output = ()>) -> bool {
        if *self.stopped.borrow() {
            return false;
        }
        tokio::select! {
            biased;
            // An error means that the server is gone.
            _ = self.stopped.wait_for(|stopped| *stopped) => false,
            () = beginning => true,
        }
    }

    /// Logs a change between working and failing, not every failure.
    pub(crate) fn judge<T, E: fmt::Display>(&mut self, result: &Result<T, E>) {
        match result {
            Err(error) if !self.in_trouble => {
                tracing::error!(worker = self.name, %error, "a worker cannot do its work and keeps trying");
            }
            Ok(_) if self.in_trouble => {
                tracing::info!(worker = self.name, "a worker does its work again");
            }
            _ => {}
        }
        self.in_trouble = result.is_err();
    }
}

/// Ticks now and then every period; what was missed is not made up for.
pub(crate) fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Waits for the next tick.
pub(crate) async fn tick(interval: &mut Interval) {
    interval.tick().await;
}
