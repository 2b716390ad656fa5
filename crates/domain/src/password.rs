//! Which new passwords are good enough (AUTH-01, AUTH-02).
//!
//! Length, and not being easy to guess: on the lists of common and breached
//! passwords, made of the product's, the company's or the person's own names,
//! a pattern on the keyboard. No rules about which characters to use.

use crate::secret::Password;

/// The shortest password where it alone signs in (NIST SP 800-63B-4 3.1.1.2).
pub const SHORTEST: usize = 15;

/// Estimated guesses (as a power of ten) below which a password counts as easy
/// to guess: beyond ten thousand million, guessing at the rate the throttle
/// allows, or even offline against Argon2id, no longer pays.
const FEWEST_GUESSES: f64 = 10.0;

/// Why a password is refused. Each has a sentence that names the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordProblem {
    /// Fewer than [`SHORTEST`] characters.
    TooShort,
    /// Longer than [`Password::LONGEST`] bytes.
    TooLong,
    /// Mostly made of the person's, the company's or the product's name.
    ContainsName,
    /// On the lists of common and breached passwords, or one of their patterns.
    EasyToGuess,
}

impl PasswordProblem {
    /// What is wrong and how to mend it, in a sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::TooShort => {
                "Please use at least 15 characters. A few words that only you would put together work well."
            }
            Self::TooLong => "This is longer than 1,024 bytes. Please use a shorter one.",
            Self::ContainsName => {
                "This is built on your name, your e-mail address or your company's name. Please use words that have nothing to do with them."
            }
            Self::EasyToGuess => {
                "This password is on the lists of common and stolen passwords, or follows one of their patterns. Please choose one that is harder to guess."
            }
        }
    }
}

/// Checks a new password. `context` are words that must not carry it: names,
/// addresses, the organization.
pub fn check_new_password(password: &Password, context: &[&str]) -> Result<(), PasswordProblem> {
    let text = password.reveal();
    if text.chars().count() < SHORTEST {
        return Err(PasswordProblem::TooShort);
    }
    let words = context_words(context);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let guesses = zxcvbn::zxcvbn(text, &words).guesses_log10();
    if guesses >= FEWEST_GUESSES {
        return Ok(());
    }
    // If a stranger without those words needs many more guesses, they are what
    // makes it weak.
    if zxcvbn::zxcvbn(text, &[]).guesses_log10() > guesses + 1.0 {
        Err(PasswordProblem::ContainsName)
    } else {
        Err(PasswordProblem::EasyToGuess)
    }
}

/// Every context value whole and in its parts.
fn context_words(context: &[&str]) -> Vec<String> {
    let mut words = vec!["nightlatch".to_owned()];
    for value in context {
        let value = value.to_lowercase();
        words.extend(
            value
                .split(|character: char| !character.is_alphanumeric())
                .filter(|part| part.chars().count() > 2)
                .map(str::to_owned),
        );
        words.push(value.split_whitespace().collect());
        words.push(value);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), PasswordProblem> {
        check_new_password(
            &Password::typed(text).expect("short enough"),
            &[
                "Ada Lovelace",
                "ada@brightwater.example",
                "Brightwater Trading",
            ],
        )
    }

    #[test]
    fn auth_01_length_counts_in_characters_and_nothing_else_is_demanded() {
        assert_eq!(check("x7!kQ#p2mZ9$vw"), Err(PasswordProblem::TooShort));
        assert_eq!(check("ördögpatak télen süllyed"), Ok(()));
        assert_eq!(check("seven lanterns beneath a quiet harbor"), Ok(()));
        assert_eq!(check(&"mellow trumpet onion ".repeat(12)), Ok(()));
    }

    #[test]
    fn auth_02_common_passwords_and_their_patterns_are_refused() {
        for common in [
            "passwordpassword",
            "password1234567",
            "qwertyuiopasdfgh",
            "123456789012345",
            "aaaaaaaaaaaaaaaa",
            "iloveyouiloveyou",
            "P@ssw0rdP@ssw0rd",
        ] {
            assert_eq!(check(common), Err(PasswordProblem::EasyToGuess), "{common}");
        }
    }

    #[test]
    fn auth_02_context_words_are_refused() {
        for own in ["adalovelace1815", "brightwater2026", "lovelacebrightwater"] {
            assert_eq!(check(own), Err(PasswordProblem::ContainsName), "{own}");
        }
    }
}
