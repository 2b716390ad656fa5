//! How strongly a person proved who they are, in the words of the protocol
//! (OIDC-12).
//!
//! `amr` lists registered values (RFC 8176); `acr` is one of the documented set
//! [`ACR_VALUES`]. A level comes from the proofs of the session alone, so that it
//! never rises without a new one (SES-12).

use nightlatch_domain::session::{Proof, ProofMethod, are_two_factors};

/// One proof: something known, or the word of another device.
pub const ONE_FACTOR: &str = "urn:nightlatch:acr:one-factor";

/// Two proofs of different kinds, or a passkey.
pub const TWO_FACTOR: &str = "urn:nightlatch:acr:two-factor";

/// A passkey, which cannot be phished (OpenID Connect EAP ACR Values).
pub const PHISHING_RESISTANT: &str = "phr";

/// All values of `acr`, weakest first; `acr_values_supported`.
pub const ACR_VALUES: [&str; 3] = [ONE_FACTOR, TWO_FACTOR, PHISHING_RESISTANT];

/// A level of proof; a later one contains those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// [`ONE_FACTOR`].
    OneFactor,
    /// [`TWO_FACTOR`].
    TwoFactor,
    /// [`PHISHING_RESISTANT`].
    PhishingResistant,
}

impl Level {
    /// The level that these proofs make.
    pub fn of(proofs: &[Proof]) -> Self {
        if has(proofs, ProofMethod::Passkey) {
            Self::PhishingResistant
        } else if are_two_factors(proofs) {
            Self::TwoFactor
        } else {
            Self::OneFactor
        }
    }

    /// The level of this name, if it is one of ours.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::OneFactor, Self::TwoFactor, Self::PhishingResistant]
            .into_iter()
            .find(|level| level.name() == name)
    }

    /// The value of `acr`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneFactor => ONE_FACTOR,
            Self::TwoFactor => TWO_FACTOR,
            Self::PhishingResistant => PHISHING_RESISTANT,
        }
    }
}

fn has(proofs: &[Proof], method: ProofMethod) -> bool {
    proofs.iter().any(|proof| proof.method == method)
}

fn has_code(proofs: &[Proof]) -> bool {
    has(proofs, ProofMethod::AuthenticatorApp) || has(proofs, ProofMethod::RecoveryCode)
}

/// `amr`: registered values only, each once.
pub fn amr(proofs: &[Proof]) -> Vec<&'static str> {
    let passkey = has(proofs, ProofMethod::Passkey);
    [
        ("pwd", has(proofs, ProofMethod::Password)),
        ("otp", has_code(proofs)),
        ("hwk", passkey),
        ("user", passkey),
        ("mca", has(proofs, ProofMethod::Phone)),
        ("mfa", Level::of(proofs) >= Level::TwoFactor),
    ]
    .into_iter()
    .filter_map(|(value, applies)| applies.then_some(value))
    .collect()
}

/// `acr`: the strongest value that these proofs deserve.
pub fn acr(proofs: &[Proof]) -> &'static str {
    Level::of(proofs).name()
}

#[cfg(test)]
mod tests {
    use nightlatch_domain::Timestamp;

    use super::*;

    #[test]
    fn oidc_12_each_way_in_has_its_values() {
        use ProofMethod::{AuthenticatorApp, Passkey, Password, Phone, RecoveryCode};
        let cases: [(&[ProofMethod], &[&str], &str); 7] = [
            (&[Password], &["pwd"], ONE_FACTOR),
            // The same proof again is no second factor.
            (&[Password, Password], &["pwd"], ONE_FACTOR),
            (
                &[Password, AuthenticatorApp],
                &["pwd", "otp", "mfa"],
                TWO_FACTOR,
            ),
            (
                &[Password, RecoveryCode],
                &["pwd", "otp", "mfa"],
                TWO_FACTOR,
            ),
            (&[Passkey], &["hwk", "user", "mfa"], PHISHING_RESISTANT),
            (&[Phone], &["mca"], ONE_FACTOR),
            (&[], &[], ONE_FACTOR),
        ];
        for (methods, values, level) in cases {
            let proofs: Vec<Proof> = methods
                .iter()
                .map(|method| Proof {
                    method: *method,
                    at: Timestamp::from_milliseconds(1),
                })
                .collect();
            assert_eq!(amr(&proofs), values, "{methods:?}");
            assert_eq!(acr(&proofs), level, "{methods:?}");
            assert!(ACR_VALUES.contains(&acr(&proofs)));
        }
    }
}
