//! Whole servers in one process, under a clock that is moved by hand.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail, too"
)]

mod apps;
mod commands;
mod demo;
mod keys;
mod listening;
mod notices;
mod protected;
mod running;
mod working;
