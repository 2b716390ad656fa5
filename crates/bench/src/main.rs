//! What Nightlatch costs, always beside something else measured in the same run.
//!
//! `nightlatch-bench` runs everything and prints a table; a word runs one part:
//! `check`, `memory`, `endings`, `sign-in`, `proxy`; and, only when asked for, `scale`, what
//! grows with the total. `fill` measures nothing and fills a database with a made-up year. `scripts/bench` builds it and provides nginx and wrk. The figures and how to read them are in
//! `docs/performance.md`. Processor time comes from `/proc`, so this runs on Linux.
#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a measurement that fails says so and ends"
)]

mod check;
mod endings;
mod fill;
mod machine;
mod memory;
mod proxy;
mod scale;
mod sign_in;

/// The one that the product uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Its name, and what it does.
type Part = (&'static str, fn(&tokio::runtime::Runtime));

fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if part == "fill" {
        fill::run(std::env::args().skip(2));
        return;
    }
    if part == "scale-serve" {
        runtime.block_on(scale::serve(std::env::args().skip(2).collect()));
        return;
    }
    // A child of `proxy`: the server alone, so that its processor time is its own.
    if part == "serve" {
        runtime.block_on(proxy::serve());
        return;
    }
    let parts: [Part; 5] = [
        ("check", check::run),
        ("memory", memory::run),
        ("endings", endings::run),
        ("sign-in", sign_in::run),
        ("proxy", proxy::run),
    ];
    if part == "scale" {
        begin();
        scale::run(std::env::args().skip(2));
        println!("load at the end: {}", machine::load());
        return;
    }
    assert!(
        part.is_empty() || parts.iter().any(|(name, _)| *name == part),
        "there is no part named {part}"
    );
    begin();
    for (name, run) in parts {
        if part.is_empty() || part == name {
            run(&runtime);
        }
    }
    println!("load at the end: {}", machine::load());
}

/// The head of the table.
fn begin() {
    println!("load at the beginning: {}", machine::load());
    println!(
        "{:<58} {:>12} {:>12} {:>8}",
        "what", "ours", "beside", "ratio"
    );
}

/// A line of the table.
fn row(what: &str, ours: f64, beside: f64, unit: &str) {
    let ratio = ours / beside;
    println!("{what:<58} {ours:>9.2} {unit:<2} {beside:>9.2} {unit:<2} {ratio:>7.2}");
}

/// The middle of several measurements.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
