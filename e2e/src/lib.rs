//! Stories that people live through with Nightlatch, in real browsers.
//!
//! `stories` holds the stories, `stage` what each of them gets, `runner` the matrix of engine × scripts ×
//! database, `browser` the browsers and what a person does with them. `harness` proves all of that against
//! a throwaway site, so that a failing story says something about the product.

pub mod browser;
pub mod failure;
pub mod harness;
pub mod journal;
pub mod programs;
pub mod report;
pub mod runner;
pub mod screenshots;
pub mod site;
pub mod stage;
pub mod stories;
pub mod timing;
pub mod tools;
pub mod wait;
