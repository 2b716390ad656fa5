//! The real program beside programs that nobody of us wrote: `oathtool`, a mail server, apps (`clients`), and
//! reverse proxies (`proxies`).
//!
//! No browser takes part. Each check starts what it needs, on loopback, and ends it.

// Above the modules, since one of them has a list of its own.
macro_rules! check {
    ($module:ident :: $name:ident) => {
        (stringify!($name), || Box::pin($module::$name()))
    };
}

mod browser;
mod clients;
mod codes;
pub(crate) mod demo;
mod mail;
pub(crate) mod mail_server;
mod nightlatch;
pub(crate) mod process;
pub(crate) mod proxies;
pub(crate) mod scratch;
pub(crate) mod visitor;

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::report::{self, Ending, Trouble};

const LONGEST: Duration = Duration::from_mins(3);

type Check = (&'static str, fn() -> Pin<Box<dyn Future<Output = Outcome>>>);

const ALL: [Check; 7] = [
    check!(codes::codes_agree_with_oathtool),
    check!(mail::a_mail_server_on_this_machine_takes_an_alert),
    check!(mail::a_mail_server_takes_an_alert_after_starttls),
    check!(mail::a_mail_server_takes_an_alert_by_tls),
    check!(mail::a_mail_server_that_nobody_vouches_for_gets_nothing),
    check!(mail::a_dead_mail_server_delays_nobody_and_kill_9_loses_nothing),
    check!(mail::kill_9_before_the_acknowledgement_sends_the_same_letter_again),
];

/// Runs every check whose name contains all the filters. Returns whether all passed.
pub async fn run(filters: &[String]) -> Outcome<bool> {
    run_of(&ALL, filters).await
}

/// The same for the apps that nobody of us wrote.
pub async fn run_clients(filters: &[String]) -> Outcome<bool> {
    run_of(&clients::ALL, filters).await
}

/// The same for the reverse proxies.
pub async fn run_proxies(filters: &[String]) -> Outcome<bool> {
    run_of(&proxies::ALL, filters).await
}

async fn run_of(all: &[Check], filters: &[String]) -> Outcome<bool> {
    let chosen: Vec<&Check> = all
        .iter()
        .filter(|(name, _)| filters.iter().all(|filter| name.contains(filter.as_str())))
        .collect();
    if chosen.is_empty() {
        return Err(Failure::new(format!("no check is called {filters:?}")));
    }
    nightlatch::build()?;
    let mut endings = Vec::new();
    for (name, check) in &chosen {
        let started = Instant::now();
        let outcome = match tokio::time::timeout(LONGEST, check()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::new("it takes too long")),
        };
        let failure = outcome.err().map(|error| Trouble {
            sentence: error.to_string(),
            steps: Vec::new(),
            files: Vec::new(),
        });
        let ending = Ending {
            name: (*name).to_owned(),
            took: started.elapsed(),
            failure,
        };
        report::ended(&ending, endings.len() + 1, chosen.len());
        endings.push(ending);
    }
    report::sum(&endings);
    Ok(endings.iter().all(|ending| ending.failure.is_none()))
}
