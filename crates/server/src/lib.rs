//! The server as a library; the binary only parses and calls.
//!
//! A command goes through the rooms like this: [`command_line`] reads what was
//! typed, [`commands`] holds what can be asked for and does it, [`socket`]
//! carries it to a running server. [`serve`] starts and stops one: it takes the
//! data directory ([`lock`]), the key ([`keys`]) and the database, wires them
//! together ([`wire`]), starts the [`workers`] and listens. [`config`] is read
//! once; [`terminal`] is the only place that prints.

pub mod command_line;
pub mod commands;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod keys;
pub mod lock;
pub mod mail;
pub mod scratch;
pub mod serve;
pub mod socket;
pub mod telemetry;
pub mod terminal;
pub mod trouble;
pub mod wire;
pub mod workers;
