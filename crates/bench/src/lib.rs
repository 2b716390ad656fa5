//! What measurements are made with; the measurements are the program beside it and
//! `benches/`.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a measurement that fails says so and ends"
)]

pub mod history;
pub mod population;
