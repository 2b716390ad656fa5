//! The texts of statements over many rows at once.
//!
//! On PostgreSQL each statement is a way there and back; a mass ending that took one for
//! each row would spend its time on the road. Texts are fixed, so that each is prepared
//! once: what is left over goes row by row, or the last value is said again.

use std::fmt::Write as _;

/// How many keys one statement takes.
pub(crate) const KEYS: usize = 64;

/// How many rows one statement adds.
pub(crate) const ROWS: usize = 32;

/// `$from, …`: places for [`KEYS`] values.
pub(crate) fn keys(from: usize) -> String {
    places(from, KEYS)
}

/// `($1, …), (…), …`: places for [`ROWS`] rows of so many columns.
pub(crate) fn rows(columns: usize) -> String {
    let rows: Vec<String> = (0..ROWS)
        .map(|row| format!("({})", places(row * columns + 1, columns)))
        .collect();
    rows.join(", ")
}

/// Exactly [`KEYS`] values, the last of up to so many said again.
pub(crate) fn padded<T: Copy>(keys: &[T]) -> impl Iterator<Item = T> {
    let last = keys.last().copied();
    keys.iter()
        .copied()
        .chain(std::iter::repeat_with(move || last).flatten())
        .take(if keys.is_empty() { 0 } else { KEYS })
}

fn places(from: usize, count: usize) -> String {
    let mut text = String::new();
    for number in from..from + count {
        let comma = if number == from { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(text, "{comma}${number}");
    }
    text
}
