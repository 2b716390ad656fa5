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
pub use crate::factors::CodeVerdict;
use crate::factors::recovery_codes::RightCode;
use crate::factors::{self, authenticator_app, recovery_codes};
use crate::passkeys;
use crate::password_hashing::PasswordHashing;
use crate::sealing::Sealer;

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

/// What a person can prove with, besides their password.
pub fn available(tx: &mut Tx<'_>, user: UserId) -> Result<Options, StorageError> {
    let enrolled = factors::enrolled(tx, user)?;
    Ok(Options {
        authenticator_app: !enrolled.authenticator_apps.is_empty(),
        passkey: !passkeys::manage::list(tx, user)?.is_empty(),
        recovery_code: enrolled.recovery_codes_left > 0,
    })
}

/// How many second factors a person has set up. Recovery codes are none.
pub(crate) fn count(tx: &mut Tx<'_>, user: UserId) -> Result<usize, StorageError> {
    let apps = factors::enrolled(tx, user)?.authenticator_apps.len();
    Ok(apps + passkeys::manage::list(tx, user)?.len())
}

/// A digest of the factors that a person has set up. It changes with each that is
/// added or removed, and with a new set of recovery codes.
pub fn fingerprint(tx: &mut Tx<'_>, user: UserId) -> Result<TokenDigest, StorageError> {
    let enrolled = factors::enrolled(tx, user)?;
    let mut apps: Vec<String> = enrolled
        .authenticator_apps
        .iter()
        .map(|app| app.id.to_string())
        .collect();
    apps.sort_unstable();
    let mut keys: Vec<String> = passkeys::manage::list(tx, user)?
        .iter()
        .map(|passkey| passkey.id.to_string())
        .collect();
    keys.sort_unstable();
    let codes_made_at = enrolled
        .recovery_codes_made_at
        .map_or(0, Timestamp::milliseconds);
    let text = format!("{}\n{}\n{codes_made_at}", apps.join(","), keys.join(","));
    Ok(TokenDigest::of(text.as_bytes()))
}

/// Verifies a code from an authenticator app, and uses it up.
pub(crate) fn verify_app_code(
    tx: &mut Tx<'_>,
    moment: &Moment,
    sealer: &Sealer,
    user: UserId,
    code: &TypedCode,
) -> Result<CodeVerdict, StorageError> {
    authenticator_app::verify(tx, moment, sealer, user, code.reveal())
}

/// Verifies a recovery code. What it opens uses it up.
pub(crate) async fn check_recovery_code(
    store: &Store,
    hashing: &PasswordHashing,
    moment: &Moment,
    user: UserId,
    code: &TypedCode,
) -> Result<Result<RightCode, CodeVerdict>, StorageError> {
    recovery_codes::check(store, hashing, moment, user, code.reveal()).await
}
