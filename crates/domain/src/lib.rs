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
//! [`password`], [`passkey`], [`phone_sign_in`] and [`throttle`] are the rules of signing in,
//! [`one_time_code`] and [`recovery_code`] those of its second step, [`next_step`] decides
//! what is still missing, and [`check_up`] what is worth doing; [`client`]
//! describes the browser and address a request came from; [`event`] is one line
//! of the history; [`alert`] decides what people are told by [`mail`]. [`relying_party`] is an app,
//! [`grant`] what it may do, and [`notice`] one logout that it must be told of.
//! [`email_change`] is how an account gets another address.

pub mod alert;
pub mod audit;
pub mod check_up;
pub mod client;
pub mod email_change;
pub mod ending;
pub mod event;
pub mod grant;
pub mod ids;
pub mod mail;
pub mod nearest;
pub mod next_step;
pub mod notice;
pub mod one_time_code;
pub mod organization;
pub mod passkey;
pub mod password;
pub mod phone_sign_in;
pub mod policy;
pub mod random;
pub mod recovery_code;
pub mod relying_party;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod time;
pub mod user;

pub use random::Random;
pub use time::{Clock, Timestamp};
