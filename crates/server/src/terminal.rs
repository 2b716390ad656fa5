//! Speaking to whoever typed the command.
//!
//! The only place that writes to the standard streams; everything else returns
//! what it has to say. A reader that went away (`| head`) is no error.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use zeroize::Zeroizing;

use crate::trouble::Trouble;

/// More than the longest password takes, with its line ending.
const LONGEST_INPUT: u64 = 8 * 1024;

/// Writes a line to the standard output.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Writes a line to the error stream.
pub fn complain(text: &str) {
    drop(writeln!(io::stderr().lock(), "nightlatch: {text}"));
}

/// Whether the error stream is shown to a person, who may like colors.
pub fn errors_are_watched() -> bool {
    io::stderr().is_terminal()
}

/// Reads a password from the standard input: everything but one line ending at
/// its end.
pub fn read_password() -> Result<Zeroizing<String>, Trouble> {
    let mut text = Zeroizing::new(String::new());
    io::stdin()
        .lock()
        .take(LONGEST_INPUT)
        .read_to_string(&mut text)
        .map_err(|error| Trouble::new(format!("the password could not be read: {error}")))?;
    strip_line_ending(&mut text);
    if text.is_empty() {
        return Err(Trouble::new(
            "no password came in; pipe it, like: printf %s \"$PASSWORD\" | nightlatch user add … --password-stdin",
        ));
    }
    Ok(text)
}

fn strip_line_ending(text: &mut String) {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_ending_goes_and_no_more() {
        for (typed, kept) in [
            ("a b\n", "a b"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            (" a ", " a "),
        ] {
            let mut text = typed.to_owned();
            strip_line_ending(&mut text);
            assert_eq!(text, kept);
        }
    }
}
