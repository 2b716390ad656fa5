//! Whole sites for tests, and the people who use them.
//!
//! Tests knock on the front door: a [`Site`] is the real router over a fresh
//! database, with a clock that stands still until it is moved and dice that
//! roll the same every time. A [`Browser`] visits it like a browser does: it
//! keeps cookies by the browsers' rules, sends what browsers send, finds forms
//! by the words on their buttons and fields by their labels. What an operator
//! does at the command line is a method of the site (module `operator`), and so
//! is each step of the workers (module `work`).
//!
//! The site watches every answer and, when it is dropped, the whole database:
//! what must hold after any story is checked after every story, see `watch` and
//! `invariants`.
//!
//! This crate knows no story. It is for tests only and reaches around nothing
//! but the socket: what it sends goes through the same layers as a request from
//! the network.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets the unexpected fails, and should say where"
)]

mod answer;
mod ask;
mod authenticator;
mod browser;
mod connected_apps;
mod factors;
mod form;
mod invariants;
mod jar;
mod listening;
mod log;
mod logout_receiver;
mod operator;
mod page;
mod passkey_device;
mod passkeys;
mod person;
mod post;
mod protected_app;
mod reading;
mod relying_party;
mod rows;
mod site;
mod stream;
mod token_client;
mod told;
mod watch;
mod work;

pub use answer::Answer;
pub use ask::Ask;
pub use authenticator::Authenticator;
pub use browser::{Browser, UserAgent};
pub use connected_apps::goodbye_of;
pub use factors::PhoneApp;
pub use form::{Field, Form};
pub use jar::Jar;
pub use listening::{Answered, ListeningSite};
pub use log::log_of;
pub use logout_receiver::{LogoutReceiver, Manner, Received};
pub use nightlatch_storage::testing::TestDatabase;
pub use operator::{Account, PASSWORD};
pub use page::{Block, Link, Page};
pub use passkey_device::{Held, Lie, PasskeyDevice};
pub use passkeys::{passkey_problem, signed_in_to};
pub use person::Choices;
pub use post::link_in;
pub use protected_app::{Guest, ProtectedApp, way_back};
pub use relying_party::RelyingPartyClient;
pub use rows::{EventRow, SessionRow};
pub use site::{Site, SiteOptions};
pub use stream::Stream;
pub use token_client::{IssuedCode, REDIRECT_URI, RegisteredApp, Tokens, call, with_token};
pub use told::{RunningCourier, ToldApp};
