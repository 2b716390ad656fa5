//! Whether answers tell by their time which accounts there are, and how they are protected (AUTH-07).
//!
//! Measured over HTTP as an attacker on this machine would, without a network that blurs anything. In each round
//! every kind of account is asked for once, in an order that dice decide, so that whatever slows the machine down for
//! a while slows down all of them. What is compared is the difference to an address that nobody has, round by round:
//! the median of these differences, with an interval from their order alone (the sign test turned round), which asks
//! nothing of how they are distributed. The intervals of all comparisons together hold with 99 % confidence
//! (Bonferroni). A comparison passes if its whole interval lies within the limit: then differences above the limit
//! are excluded, not merely unseen.

use std::time::{Duration, Instant};

use nightlatch_domain::Random as _;
use nightlatch_domain::random::SeededRandom;
use nightlatch_testkit::{Account, PasskeyDevice, Site as TestSite};

use crate::failure::{Outcome, ensure};
use crate::programs::visitor::Visitor;
use crate::report;
use crate::stage::Database;
use crate::stories::ground::Ground;

/// How many rounds are measured unless somebody asks for more.
pub const ROUNDS: usize = 300;

/// The smallest number of rounds that has an interval at all.
const FEWEST: usize = 20;

/// Rounds that only warm up.
const WARM_UP: usize = 5;

/// How many accounts of each kind take turns. Wrong passwords count per account and turn it off at a hundred.
const ACCOUNTS: usize = 12;

/// Differences above this part of an answer's time must be excluded …
const RELATIVE_LIMIT: f64 = 0.05;

/// … unless they are below this, in milliseconds: too little to be seen from another machine.
const ABSOLUTE_LIMIT: f64 = 1.0;

/// Quantile of the normal distribution for 99 % confidence over all six comparisons: 1 − 0.01 / 6 / 2.
const QUANTILE: f64 = 3.144;

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
        let nobody = median(&times[0]);
        report::say(format_args!(
            "{}: {} rounds, {nobody:.2} ms for an address that nobody has",
            question.name,
            times[0].len()
        ));
        let limit = (nobody * RELATIVE_LIMIT).max(ABSOLUTE_LIMIT);
        for (kind, known) in question.kinds.iter().zip(&times).skip(1) {
            let differences: Vec<f64> = known.iter().zip(&times[0]).map(|(a, b)| a - b).collect();
            let (low, high) = interval(&differences);
            let excluded = low.abs().max(high.abs());
            let good = excluded <= limit;
            let verdict = if good {
                "ok"
            } else if low > limit || high < -limit {
                "TOLD APART"
            } else {
                "UNCLEAR (more rounds, or a quieter machine)"
            };
            report::say(format_args!(
                "  {verdict}: {}: {:+.3} ms, interval {low:+.3} to {high:+.3}; more than {excluded:.3} ms ({:.1} %) is excluded, limit {limit:.3} ms",
                kind.name,
                median(&differences),
                100.0 * excluded / nobody,
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

/// The times of every kind in milliseconds, in the order of the rounds.
fn measure(
    ground: &Ground,
    port: u16,
    question: &Question,
    rounds: usize,
) -> Outcome<Vec<Vec<f64>>> {
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
            let started = Instant::now();
            let answer = visitor.post(question.path, &form)?;
            let took = started.elapsed();
            ensure(answer.status == question.status, || {
                format!("{email} was answered with {}", answer.status)
            })?;
            if round >= WARM_UP {
                times[which].push(took.as_secs_f64() * 1000.0);
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
    use super::{interval, median};

    #[test]
    fn the_interval_is_that_of_the_sign_test() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        // 100 / 2 − 3.144 · 10 / 2 = 34.28.
        let (low, high) = interval(&values);
        assert!((low, high) == (34.0, 67.0), "{low} {high}");
        let middle = median(&values);
        assert!((middle - 50.5).abs() < 1e-9, "{middle}");
    }

    #[test]
    fn few_values_have_a_wide_interval() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        assert!(interval(&values) == (1.0, 10.0));
    }
}
