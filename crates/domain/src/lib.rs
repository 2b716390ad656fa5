//! The rules of Nightlatch.
//!
//! This crate owns what the words mean (a user, a session, an ending, a
//! policy) and every decision that can be stated without a database, a network
//! or a clock. The most important of them is [`session::admit`]: whether a
//! session is live. Nothing here is asynchronous, does I/O, asks for the time or
//! rolls dice; [`Timestamp`] and [`Random`] are arguments.
//!
//! A tour: [`ids`] and [`secret`] keep meanings apart by type; [`user`],
//! [`organization`] and [`policy`] are what an administrator sees; [`session`]
//! is the life of a session and [`ending`] why and by whom it stops;
//! [`password`], [`phone_sign_in`] and [`throttle`] are the rules of signing in; [`client`]
//! describes the browser and address a request came from; [`event`] is one line
//! of the history.

pub mod check_up;
pub mod client;
pub mod ending;
pub mod event;
pub mod ids;
pub mod organization;
pub mod password;
pub mod phone_sign_in;
pub mod policy;
pub mod random;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod time;
pub mod user;

pub use random::Random;
pub use time::{Clock, Timestamp};
