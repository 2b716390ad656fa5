//! Whether answers tell by their time which accounts there are, and how they are protected (AUTH-07).
//!
//! Measured over HTTP as an attacker on this machine would, without a network that blurs anything. In each round
//! every kind of account is asked for once, in an order that dice decide, so that whatever slows the machine down for
//! a while slows down all of them. What is compared is the difference to an address that nobody has, round by round.
//!
//! A machine that also does other things takes the processor away for longer than any limit, so the time of an answer
//! is taken apart, and each part is measured by what other programs disturb least:
//!
//! - **work**: the processor time of this process, which is the site and the one who asks; time in which others have
//!   the processor is not part of it;
//! - **waiting**: the rest, for the disk and for locks, without the time that the threads of this process were ready to
//!   run and others had the processor: Linux counts that for each thread, and its sum is taken off. Two threads that
//!   were ready at once count twice, so on a busy machine this is too little, and below nothing; for all kinds alike, as
//!   they wake the same threads. If answers of one kind wait for something more, their waiting is longer by as much.
//!   Elsewhere than on Linux nothing is taken off, and only a quiet machine gives a verdict.
//!
//! Of both, the median of the differences, with an interval from their order alone (the sign test turned round), which
//! asks nothing of how they are distributed. All intervals together hold with 99 % confidence (Bonferroni). A
//! comparison passes if the sum of its two intervals lies within the limit: then differences above the limit are
//! excluded, not merely unseen.

use std::time::{Duration, Instant};

use nightlatch_domain::Random as _;
use nightlatch_domain::random::SeededRandom;
use nightlatch_testkit::{Account, PasskeyDevice, Site as TestSite};
use rustix::time::{ClockId, clock_gettime};

use crate::failure::{Outcome, ensure};
use crate::programs::visitor::Visitor;
use crate::report;
use crate::stage::Database;
use crate::stories::ground::Ground;

/// How many rounds are measured unless somebody asks for more.
pub const ROUNDS: usize = 300;

/// The smallest number of rounds that says anything.
const FEWEST: usize = 100;

/// Rounds that only warm up.
const WARM_UP: usize = 5;

/// How many accounts of each kind take turns. Wrong passwords count per account and turn it off at a hundred.
const ACCOUNTS: usize = 12;

/// Differences above this part of an answer's time must be excluded …
const RELATIVE_LIMIT: f64 = 0.05;

/// … unless they are below this, in milliseconds: too little to be seen from another machine.
const ABSOLUTE_LIMIT: f64 = 1.0;

/// Quantile of the normal distribution for 99 % confidence over the intervals of all six comparisons, two of each:
/// 1 − 0.01 / 12 / 2.
const QUANTILE: f64 = 3.341;

/// What one answer took, in milliseconds.
#[derive(Clone, Copy)]
struct Taken {
    /// Of processor time, of all threads of this process.
    work: f64,
    /// Of time by the clock beyond that and beyond what was spent in the queue for a processor; below nothing if two
    /// threads worked, or stood in the queue, at once.
    waiting: f64,
}

impl Taken {
    /// Of an answer that took so long by the clock, in milliseconds.
    const fn new(took: f64, work: f64, queued: f64) -> Self {
        let waiting = took - work - queued;
        Self { work, waiting }
    }
}

/// A clock of this machine, and what the threads of this process have had of the processors.
struct Stopwatch {
    started: Instant,
    worked: f64,
    queued: f64,
}

impl Stopwatch {
    fn start() -> Self {
        // Looking at the queue is work, and none of the answer's.
        let queued = queued();
        Self {
            queued,
            worked: worked(),
            started: Instant::now(),
        }
    }

    fn stop(&self) -> Taken {
        let took = self.started.elapsed().as_secs_f64() * 1000.0;
        let work = worked() - self.worked;
        Taken::new(took, work, queued() - self.queued)
    }
}

/// How long the threads of this process have been ready to run while others had the processor, in milliseconds.
/// Threads that are gone are not counted, nor is anything where the kernel does not say.
fn queued() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let of_thread = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        delay(&text)
    };
    let all: Duration = threads.filter_map(of_thread).sum();
    all.as_secs_f64() * 1000.0
}

/// The run-queue delay in a thread's `schedstat`: the second of its numbers, in nanoseconds (Linux,
/// `Documentation/scheduler/sched-stats.rst`).
fn delay(schedstat: &str) -> Option<Duration> {
    let second = schedstat.split_ascii_whitespace().nth(1)?;
    second.parse().ok().map(Duration::from_nanos)
}

/// The processor time of this process in milliseconds.
fn worked() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let time = Duration::try_from(time).unwrap_or_default();
    time.as_secs_f64() * 1000.0
}

/// Kinds of addresses; the first is what the others are compared with.
struct Kind {
    name: &'static str,
    emails: Vec<String>,
}

/// A question that names an account.
struct Question {
    name: &'static str,
    path: &'static str,
    /// What the form says beside token and address.
    fields: &'static str,
    status: u16,
    kinds: Vec<Kind>,
}

/// Measures everything. Returns whether every difference above the limit is excluded.
pub async fn run(rounds: usize) -> Outcome<bool> {
    ensure(rounds >= FEWEST, || {
        format!("at least {FEWEST} rounds are needed")
    })?;
    ensure(rounds <= ACCOUNTS * 90, || {
        format!("at most {} rounds: passwords turn off", ACCOUNTS * 90)
    })?;
    let ground = Ground::new(Database::Sqlite).await?;
    let port = url::Url::parse(&ground.site().url)?.port().unwrap_or(80);
    let mut fits = true;
    let mut compared = 0;
    for question in questions(&ground).await? {
        let times = measure(&ground, port, &question, rounds)?;
        let work = |kind: &[Taken]| kind.iter().map(|one| one.work).collect::<Vec<f64>>();
        let waits = |kind: &[Taken]| kind.iter().map(|one| one.waiting).collect::<Vec<f64>>();
        let nobody = (work(&times[0]), waits(&times[0]));
        let (usual, waiting) = (median(&nobody.0), median(&nobody.1));
        report::say(format_args!(
            "{}: {} rounds; an address that nobody has takes {usual:.2} ms of work and {waiting:.2} ms of waiting",
            question.name,
            times[0].len()
        ));
        let limit = (usual * RELATIVE_LIMIT).max(ABSOLUTE_LIMIT);
        for (kind, known) in question.kinds.iter().zip(&times).skip(1) {
            let work = differences(&work(known), &nobody.0);
            let waiting = differences(&waits(known), &nobody.1);
            let (of_work, of_waiting) = (interval(&work), interval(&waiting));
            let (low, high) = (of_work.0 + of_waiting.0, of_work.1 + of_waiting.1);
            let excluded = low.abs().max(high.abs());
            let good = excluded <= limit;
            let is_beyond = |(low, high): (f64, f64)| low > limit || high < -limit;
            let verdict = if good {
                "ok"
            } else if [of_work, of_waiting, (low, high)]
                .into_iter()
                .any(is_beyond)
            {
                "TOLD APART"
            } else {
                "UNCLEAR (more rounds, or a quieter machine)"
            };
            report::say(format_args!(
                "  {verdict}: {}: work {:+.3} ms ({:+.3} to {:+.3}), waiting {:+.3} ms ({:+.3} to {:+.3}); more than {excluded:.3} ms ({:.1} %) is excluded, limit {limit:.3} ms",
                kind.name,
                median(&work),
                of_work.0,
                of_work.1,
                median(&waiting),
                of_waiting.0,
                of_waiting.1,
                100.0 * excluded / usual,
            ));
            fits &= good;
            compared += 1;
        }
    }
    report::say(format_args!(
        "{compared} comparisons; with 99 % confidence all intervals hold at once"
    ));
    ground.take_answered()?;
    Ok(fits)
}

async fn questions(ground: &Ground) -> Outcome<Vec<Question>> {
    let kinds = ground
        .with(|site| {
            vec![
                Kind {
                    name: "nobody",
                    emails: emails("nobody"),
                },
                kind(site, "password alone", |_, _| {}),
                kind(site, "authenticator app", |site, account| {
                    let mut browser = site.browser();
                    browser.sign_in(account);
                    browser.add_authenticator_app("Phone");
                }),
                kind(site, "passkey", |site, account| {
                    let mut browser = site.browser();
                    browser.sign_in(account);
                    let mut key = PasskeyDevice::security_key(&site.origin());
                    browser.add_passkey(&mut key, "Key");
                }),
                kind(site, "disabled", |site, account| {
                    drop(site.disable(account));
                }),
            ]
        })
        .await?;
    let some = |names: &[&str]| -> Vec<Kind> {
        kinds
            .iter()
            .filter(|kind| names.contains(&kind.name))
            .map(|kind| Kind {
                name: kind.name,
                emails: kind.emails.clone(),
            })
            .collect()
    };
    let mails = some(&["nobody", "password alone", "disabled"]);
    Ok(vec![
        Question {
            name: "signing in with a wrong password",
            path: "/login",
            fields: "password=not+the+password+of+anybody",
            status: 422,
            kinds,
        },
        Question {
            name: "asking for a new password",
            path: "/login/recover",
            fields: "",
            status: 200,
            kinds: mails,
        },
    ])
}

fn emails(kind: &str) -> Vec<String> {
    let word = kind.replace(' ', "-");
    (0..ACCOUNTS)
        .map(|number| format!("{word}-{number}@brightwater.example"))
        .collect()
}

fn kind(site: &TestSite, name: &'static str, protect: fn(&TestSite, &Account)) -> Kind {
    let emails = emails(name);
    for email in &emails {
        let account = site.add_person("Somebody", email);
        protect(site, &account);
        // Nobody's network is busy.
        site.advance(Duration::from_hours(1));
    }
    Kind { name, emails }
}

/// The times of every kind, in the order of the rounds.
fn measure(
    ground: &Ground,
    port: u16,
    question: &Question,
    rounds: usize,
) -> Outcome<Vec<Vec<Taken>>> {
    let dice = SeededRandom::new(7);
    let mut times = vec![Vec::with_capacity(rounds); question.kinds.len()];
    for round in 0..WARM_UP + rounds {
        // Whoever mistyped an hour ago need not wait.
        ground.advance(Duration::from_hours(1))?;
        let mut order: Vec<usize> = (0..question.kinds.len()).collect();
        shuffle(&mut order, &dice);
        for which in order {
            let email = &question.kinds[which].emails[round % ACCOUNTS];
            let mut visitor = Visitor::new(port);
            let token = visitor.form_token(question.path)?;
            let email = email.replace('@', "%40");
            let form = format!("csrf={token}&email={email}&{}", question.fields);
            let watch = Stopwatch::start();
            let answer = visitor.post(question.path, &form)?;
            let took = watch.stop();
            ensure(answer.status == question.status, || {
                format!("{email} was answered with {}", answer.status)
            })?;
            if round >= WARM_UP {
                times[which].push(took);
            }
        }
    }
    Ok(times)
}

/// Any order is as likely as any other (Fisher and Yates).
fn shuffle(order: &mut [usize], dice: &SeededRandom) {
    for last in (1..order.len()).rev() {
        let mut byte = [0];
        dice.fill(&mut byte);
        order.swap(last, usize::from(byte[0]) % (last + 1));
    }
}

fn differences(known: &[f64], nobody: &[f64]) -> Vec<f64> {
    known.iter().zip(nobody).map(|(a, b)| a - b).collect()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[middle])
}

/// An interval that holds the median of what these values are drawn from: so many from either end as a fair coin
/// would hardly ever fall short of.
fn interval(values: &[f64]) -> (f64, f64) {
    let sorted = sorted(values);
    let count = f64::from(u32::try_from(sorted.len()).unwrap_or(u32::MAX));
    let wanted = (count / 2.0 - QUANTILE * count.sqrt() / 2.0).floor();
    // The value of this rank is the first that belongs to the interval.
    let rank = (1..sorted.len() / 2)
        .take_while(|rank| f64::from(u32::try_from(*rank).unwrap_or(u32::MAX)) <= wanted)
        .last()
        .unwrap_or(1);
    (sorted[rank - 1], sorted[sorted.len() - rank])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Taken, delay, interval, median, queued};

    #[test]
    fn the_interval_is_that_of_the_sign_test() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        // 100 / 2 − 3.341 · 10 / 2 = 33.295.
        let (low, high) = interval(&values);
        assert!((low, high) == (33.0, 68.0), "{low} {high}");
        let middle = median(&values);
        assert!((middle - 50.5).abs() < 1e-9, "{middle}");
    }

    #[test]
    fn the_queue_for_a_processor_is_no_waiting_and_a_lock_is() {
        let all: Duration = ["16000000 5000000 12\n", "1 250000 3\n"]
            .into_iter()
            .filter_map(delay)
            .sum();
        assert!(all == Duration::from_micros(5250), "{all:?}");
        // Where nothing is counted, and what is no such file.
        assert!(delay("0 0 0\n") == Some(Duration::ZERO));
        assert!(delay("").is_none() && delay("7\n").is_none());
        // A busy machine, and the same answer where 4 ms of a lock come on top.
        for (took, queued) in [(20.0, 0.0), (60.0, 40.0), (110.0, 90.0)] {
            let (usual, locked) = (
                Taken::new(took, 16.0, queued),
                Taken::new(took + 4.0, 16.0, queued),
            );
            assert!((usual.waiting - 4.0).abs() < 1e-9, "{}", usual.waiting);
            assert!((locked.waiting - 8.0).abs() < 1e-9, "{}", locked.waiting);
        }
    }

    /// Two threads more than there are processors, so that somebody stands in the queue.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_counts_the_queue() {
        let before = queued();
        let busy = |_| {
            std::thread::spawn(|| {
                let end = std::time::Instant::now() + Duration::from_millis(200);
                while std::time::Instant::now() < end {
                    std::hint::spin_loop();
                }
                queued()
            })
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..processors + 2).map(busy).collect();
        let seen = threads.into_iter().filter_map(|thread| thread.join().ok());
        assert!(seen.fold(0.0, f64::max) > before);
    }

    #[test]
    fn few_values_have_a_wide_interval() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        assert!(interval(&values) == (1.0, 10.0));
    }
}
