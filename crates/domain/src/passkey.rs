//! Passkeys: what a person calls one, and the two-step acts that make and use
//! them.
//!
//! Owns the words; what an authenticator answers is verified in the flows.

use std::fmt;
use std::time::Duration;

use crate::Random;
use crate::user::parse_name;

/// How long a challenge may be answered (WAN-01 asks for five to ten minutes).
pub const CEREMONY_LIFETIME: Duration = Duration::from_mins(5);

/// Passkeys of one person; far more than people have devices, and few enough to
/// show and to send whole.
pub const MOST_PASSKEYS: i64 = 50;

/// The longest name of a passkey, in characters.
pub const LONGEST_PASSKEY_NAME: usize = 60;

/// What a passkey is called when its owner did not say.
pub const UNNAMED_PASSKEY: &str = "Passkey";

/// Reads the name of a passkey; `None` if nothing readable of at most
/// [`LONGEST_PASSKEY_NAME`] characters remains.
pub fn parse_passkey_name(text: &str) -> Option<String> {
    parse_name(text).filter(|name| name.chars().count() <= LONGEST_PASSKEY_NAME)
}

/// What a challenge is for. An answer counts for nothing else (WAN-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CeremonyKind {
    /// A passkey is added to the account of a session.
    Registration,
    /// Somebody signs in with a passkey and nothing else.
    SignIn,
    /// Somebody who is known by then adds a passkey to another proof.
    SecondFactor,
    /// The person in front of a session proves again who they are.
    StepUp,
}

impl CeremonyKind {
    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::SignIn => "sign_in",
            Self::SecondFactor => "second_factor",
            Self::StepUp => "step_up",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Registration,
            Self::SignIn,
            Self::SecondFactor,
            Self::StepUp,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }
}

/// What authenticators call an account: random, so that whoever holds a lost
/// security key cannot read from it whose it is (WAN-06, WebAuthn 14.6.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserHandle([u8; Self::LENGTH]);

impl UserHandle {
    /// Its length in bytes, the most that WebAuthn allows.
    pub const LENGTH: usize = 64;

    /// A fresh handle.
    pub fn random(random: &dyn Random) -> Self {
        let mut bytes = [0; Self::LENGTH];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// The handle stored as these bytes.
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes as they are stored and sent.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for UserHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserHandle(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn names_of_passkeys_are_short_and_readable() {
        assert_eq!(
            parse_passkey_name(" Work laptop\n"),
            Some("Work laptop".to_owned())
        );
        assert_eq!(parse_passkey_name(" \t"), None);
        assert!(parse_passkey_name(&"x".repeat(LONGEST_PASSKEY_NAME)).is_some());
        assert_eq!(
            parse_passkey_name(&"x".repeat(LONGEST_PASSKEY_NAME + 1)),
            None
        );
    }

    #[test]
    fn wan_06_handles_are_random_and_do_not_print() {
        let random = SeededRandom::new(5);
        let (one, other) = (UserHandle::random(&random), UserHandle::random(&random));
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "UserHandle(…)");
    }

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in [
            CeremonyKind::Registration,
            CeremonyKind::SignIn,
            CeremonyKind::SecondFactor,
            CeremonyKind::StepUp,
        ] {
            assert_eq!(CeremonyKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(CeremonyKind::from_name("other"), None);
    }
}
