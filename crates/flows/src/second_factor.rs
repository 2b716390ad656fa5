//! The one door to the factors that people set up.
//!
//! Signing in, step-up and remembered browsers ask here what a person has and
//! whether a proof is right; nothing else of theirs knows how a factor works, so
//! a new kind of factor is added in one place.

use std::fmt;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::UserId;
use nightlatch_domain::next_step::Options;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::ProofMethod;
use nightlatch_storage::{StorageError, Store, Tx};
use zeroize::Zeroizing;

use crate::Moment;
use crate::password_hashing::PasswordHashing;

/// A code as typed, of either kind; never printed.
#[derive(Clone)]
pub struct TypedCode {
    kind: CodeKind,
    text: Zeroizing<String>,
}

impl TypedCode {
    /// Longer input is no code of ours; it is cut, and refused as any wrong one.
    const LONGEST: usize = 64;

    /// Takes what was typed.
    pub fn typed(kind: CodeKind, text: &str) -> Self {
        Self {
            kind,
            text: Zeroizing::new(text.chars().take(Self::LONGEST).collect()),
        }
    }

    /// What kind of code it is meant to be.
    pub fn kind(&self) -> CodeKind {
        self.kind
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for TypedCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TypedCode(…)")
    }
}

/// Where a code comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// An authenticator app.
    AuthenticatorApp,
    /// The list of recovery codes.
    Recovery,
}

impl CodeKind {
    /// How a proof by such a code is written down.
    pub const fn method(self) -> ProofMethod {
        match self {
            Self::AuthenticatorApp => ProofMethod::AuthenticatorApp,
            Self::Recovery => ProofMethod::RecoveryCode,
        }
    }
}

/// What came of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeVerdict {
    /// Right, and used up.
    Right,
    /// Wrong, or used before.
    Wrong,
    /// Too many wrong ones, over all sign-ins of the account; not before this
    /// instant (MFA-03).
    Wait(Timestamp),
    /// Far too many; codes of this kind are off.
    Off,
}

/// What a person can prove with, besides their password.
pub fn available(_tx: &mut Tx<'_>, _user: UserId) -> Result<Options, StorageError> {
    Ok(Options::default())
}

/// A digest of the factors that a person has set up. It changes with each that is
/// added or removed.
pub fn fingerprint(_tx: &mut Tx<'_>, _user: UserId) -> Result<TokenDigest, StorageError> {
    Ok(TokenDigest::of(b""))
}

/// Verifies a code from an authenticator app.
pub(crate) fn verify_app_code(
    _tx: &mut Tx<'_>,
    _moment: &Moment,
    _user: UserId,
    _code: &TypedCode,
) -> Result<CodeVerdict, StorageError> {
    Ok(CodeVerdict::Wrong)
}

/// Verifies and uses up a recovery code.
pub(crate) async fn verify_recovery_code(
    _store: &Store,
    _hashing: &PasswordHashing,
    _moment: &Moment,
    _user: UserId,
    _code: &TypedCode,
) -> Result<CodeVerdict, StorageError> {
    Ok(CodeVerdict::Wrong)
}
