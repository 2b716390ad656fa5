//! Codes of authenticator apps (RFC 6238, TOTP).
//!
//! Owns the parameters and the one question that is asked: which time step, if
//! any, a typed code belongs to. That a step counts only once is the business of
//! the flow, since only the database knows what was used (MFA-02).
//!
//! The parameters are those that every app understands: SHA-1, six digits, steps
//! of 30 seconds. SHA-1's weakness against collisions does not concern HMAC
//! (RFC 6238, appendix B; RFC 4226, appendix B.2).

use std::fmt;

use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::{Random, Timestamp};

/// The length of a seed in bytes: 160 bits (MFA-01, RFC 4226 section 4).
pub const SEED_LENGTH: usize = 20;

/// The length of a time step in seconds (MFA-03).
pub const STEP_SECONDS: u64 = 30;

/// How many steps a phone's clock may be ahead or behind (MFA-03).
const SKEW: u16 = 1;

/// Digits of a code.
pub const DIGITS: usize = 6;

/// The secret that this server shares with one authenticator app. It cannot be
/// printed.
#[derive(Clone)]
pub struct Seed(Zeroizing<[u8; SEED_LENGTH]>);

impl Seed {
    /// A fresh seed.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; SEED_LENGTH]);
        random.fill(bytes.as_mut());
        Self(bytes)
    }

    /// The seed of these bytes; `None` if they are of another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes
            .try_into()
            .ok()
            .map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The bytes, for sealing.
    pub fn reveal(&self) -> &[u8; SEED_LENGTH] {
        &self.0
    }

    /// The seed as people type it into an app that cannot scan: base32 without
    /// padding (RFC 4648 section 6), 32 characters.
    pub fn text_key(&self) -> Zeroizing<String> {
        Zeroizing::new(self.secret().to_base32())
    }

    /// The time step that a typed code belongs to, if it is one of the three
    /// around `now`. Spaces and dashes in the code do not count. Comparison takes
    /// constant time.
    pub fn matching_step(&self, typed: &str, now: Timestamp) -> Option<i64> {
        let code = digits(typed)?;
        let seconds = now.milliseconds().unsigned_abs() / 1000;
        let step = self.totp()?.check(&code, seconds)?;
        i64::try_from(step).ok()
    }

    /// The code of an instant, as an app shows it.
    pub fn code_at(&self, now: Timestamp) -> Option<String> {
        let seconds = now.milliseconds().unsigned_abs() / 1000;
        Some(self.totp()?.generate(seconds).to_string())
    }

    fn secret(&self) -> Secret {
        Secret::new_stack(*self.0)
    }

    fn totp(&self) -> Option<Totp> {
        Builder::new()
            .with_secret(self.secret())
            .with_skew(SKEW)
            .with_step_duration(STEP_SECONDS)
            .build()
            .ok()
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seed(…)")
    }
}

/// What was typed, without the spaces that apps show for reading; `None` unless
/// exactly six digits are left, so that a long text costs nothing more.
fn digits(typed: &str) -> Option<Zeroizing<String>> {
    const LONGEST: usize = 32;
    if typed.len() > LONGEST {
        return None;
    }
    let code: Zeroizing<String> = Zeroizing::new(
        typed
            .chars()
            .filter(|character| !character.is_whitespace() && *character != '-')
            .collect(),
    );
    (code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1000)
    }

    fn of_the_standard() -> Seed {
        Seed::from_bytes(b"12345678901234567890").expect("twenty bytes")
    }

    /// RFC 6238, appendix B, the lines for SHA-1. The table has eight digits; six
    /// are their last six, since both are remainders of the same number.
    #[test]
    fn the_vectors_of_rfc_6238_hold() {
        let seed = of_the_standard();
        for (seconds, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let code = &eight[2..];
            assert_eq!(seed.code_at(at(seconds)).as_deref(), Some(code));
            let step = seconds / 30;
            assert_eq!(seed.matching_step(code, at(seconds)), Some(step));
        }
    }

    #[test]
    fn mfa_03_one_step_before_and_after_and_no_further() {
        let seed = of_the_standard();
        let code = seed.code_at(at(1_234_567_890)).expect("a code");
        let step = 1_234_567_890 / 30;
        let begin = step * 30;
        for (seconds, found) in [
            (begin - 31, None),
            (begin - 30, Some(step)),
            (begin, Some(step)),
            (begin + 59, Some(step)),
            (begin + 60, None),
        ] {
            assert_eq!(seed.matching_step(&code, at(seconds)), found, "{seconds}");
        }
    }

    #[test]
    fn typing_is_forgiven_and_anything_else_refused() {
        let seed = of_the_standard();
        let now = at(59);
        assert_eq!(seed.matching_step(" 287 082 ", now), Some(1));
        assert_eq!(seed.matching_step("287-082", now), Some(1));
        for wrong in ["", "28708", "2870820", "94287082", "28708x", "٢٨٧٠٨٢"] {
            assert_eq!(seed.matching_step(wrong, now), None, "{wrong}");
        }
        assert_eq!(seed.matching_step(&"2".repeat(10_000), now), None);
    }

    #[test]
    fn mfa_01_a_seed_has_160_bits_and_does_not_print() {
        let seed = Seed::generate(&SeededRandom::new(5));
        assert_eq!(seed.reveal().len() * 8, 160);
        assert_eq!(format!("{seed:?}"), "Seed(…)");
        assert_eq!(
            of_the_standard().text_key().as_str(),
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        );
        assert!(Seed::from_bytes(b"too short").is_none());
    }
}
