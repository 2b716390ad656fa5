//! Signing in on a computer one does not trust, with a phone that is signed in.
//!
//! The shared machine shows a short code; its holder types the code on their
//! own phone or laptop, proves who they are there, and confirms. No secret is
//! typed on the shared machine. The attack to design against is the relayed
//! code: somebody far away starts a sign-in on their own machine and talks a
//! person into typing its code. So a code lives [`LIFE`], leads only where
//! [`judge`] lets it, and opens no more than a shared-computer session without
//! rights over the account.
//!
//! Only rules live here; rows and sessions are the flows' business.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::ClientDetails;
use crate::secret::{Token, TokenDigest};
use crate::session::SessionKind;
use crate::throttle;
use crate::user::{Power, Role};

/// How long a code may be typed, and how long an approval waits to be used.
/// Long enough to find the phone, short for whoever wants to talk a stranger
/// into typing it.
pub const LIFE: Duration = Duration::from_mins(3);

/// Waiting requests from one network at a time; a library has fewer machines
/// that ask within three minutes.
pub const MOST_WAITING: i64 = 20;

/// Consonants that cannot be mistaken for each other and spell no words
/// (RFC 8628 6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Characters of a code: 20^8 codes, 34 bits.
const LENGTH: usize = 8;

/// The code that a person reads on one screen and types on another.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// The code that belongs to the token which the asking browser holds. The
    /// browser can show it again; who reads the database cannot compute it.
    pub fn of(token: &Token) -> Self {
        let mixed = TokenDigest::of(format!("phone sign-in\n{}", token.reveal()).as_bytes());
        let mut rest = mixed
            .to_bytes()
            .into_iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(byte));
        let base = ALPHABET.len() as u64;
        let code = (0..LENGTH)
            .filter_map(|_| {
                let digit = usize::try_from(rest % base).ok()?;
                rest /= base;
                ALPHABET.get(digit).copied().map(char::from)
            })
            .collect();
        Self(code)
    }

    /// Reads what a person typed: case, spaces and dashes do not matter.
    pub fn typed(text: &str) -> Option<Self> {
        let code: String = text
            .chars()
            .filter(|character| !character.is_whitespace() && !matches!(character, '-' | '‐' | '–'))
            .map(|character| character.to_ascii_uppercase())
            .collect();
        let fits = code.len() == LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
        fits.then_some(Self(code))
    }

    /// As it is shown: two groups of four.
    pub fn grouped(&self) -> String {
        let (left, right) = self.0.split_at(LENGTH / 2);
        format!("{left}-{right}")
    }

    /// What the database keeps of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(format!("user code\n{}", self.0).as_bytes())
    }
}

/// Who sees the code may act with it, so it stays out of logs.
impl fmt::Debug for UserCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserCode(…)")
    }
}

/// Whether people of an organization may sign in elsewhere with their phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneSignInRule {
    /// Nobody may.
    Off,
    /// Only while both devices are in one network.
    SameNetwork,
    /// Everybody but administrators, with warnings where they are due.
    #[default]
    Allowed,
}

/// How near the two devices are, as far as their networks tell. Phones often use
/// the mobile network, so different networks prove nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nearness {
    /// One network: one IPv4 address, or one IPv6 /64.
    SameNetwork,
    /// Different networks, in the same town as far as known.
    SamePlace,
    /// Different networks, and at least one place is not known.
    Unknown,
    /// Different towns of one country. Rough places are often wrong by that much.
    OtherTown,
    /// Different countries.
    OtherCountry,
}

/// Compares where a sign-in was asked for with where it would be confirmed.
pub fn nearness(asking: &ClientDetails, confirming: &ClientDetails) -> Nearness {
    if let (Some(one), Some(other)) = (asking.address, confirming.address)
        && throttle::network_key(one) == throttle::network_key(other)
    {
        return Nearness::SameNetwork;
    }
    let (Some(one), Some(other)) = (&asking.place, &confirming.place) else {
        return Nearness::Unknown;
    };
    if one == other {
        return Nearness::SamePlace;
    }
    let country = |place: &str| place.rsplit(',').next().map(str::trim).map(str::to_owned);
    if country(one) == country(other) {
        Nearness::OtherTown
    } else {
        Nearness::OtherCountry
    }
}

/// Why a sign-in may not be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The organization has switched it off.
    SwitchedOff,
    /// Administrators never: what they may do is worth a relayed code.
    Administrator,
    /// The session that would confirm is itself on a shared computer, or was
    /// let in this way: trust would spread without a proof.
    NotFromHere,
    /// The devices are too far apart for the organization's rule.
    TooFarApart,
}

/// Who would confirm, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Confirming {
    /// The person's role.
    pub role: Role,
    /// The kind of the session they are in.
    pub kind: SessionKind,
    /// Whether that session was itself let in by a phone.
    pub by_phone: bool,
}

/// Decides whether a person may confirm. Whatever is allowed but not
/// [`Nearness::SameNetwork`] is shown with a warning.
pub fn judge(
    rule: PhoneSignInRule,
    confirming: Confirming,
    nearness: Nearness,
) -> Result<(), Refusal> {
    if rule == PhoneSignInRule::Off {
        return Err(Refusal::SwitchedOff);
    }
    if confirming.role.has(Power::Read) {
        return Err(Refusal::Administrator);
    }
    if confirming.by_phone || confirming.kind == SessionKind::Shared {
        return Err(Refusal::NotFromHere);
    }
    match nearness {
        Nearness::SameNetwork => Ok(()),
        Nearness::OtherCountry => Err(Refusal::TooFarApart),
        _ if rule == PhoneSignInRule::SameNetwork => Err(Refusal::TooFarApart),
        Nearness::SamePlace | Nearness::Unknown | Nearness::OtherTown => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    fn at(address: &str, place: Option<&str>) -> ClientDetails {
        let address = address.parse().ok();
        ClientDetails::new(address, place.map(str::to_owned), "")
    }

    const PERSON: Confirming = Confirming {
        role: Role::Member,
        kind: SessionKind::Ordinary,
        by_phone: false,
    };

    #[test]
    fn a_code_is_read_however_people_type_it() {
        let token = Token::generate(&SeededRandom::new(4));
        let code = UserCode::of(&token);
        let shown = code.grouped();
        assert_eq!(shown.len(), 9);
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            format!("  {} ", shown.replace('-', " – ")),
        ] {
            assert!(UserCode::typed(&typed) == Some(code.clone()), "{typed}");
        }
        assert!(UserCode::of(&token) == code);
        assert_ne!(code.digest(), token.digest());
        for nonsense in ["", "BCDF", "BCDF-GHJA", "BCDF-GHJKL", "BÇDF-GHJK"] {
            assert!(UserCode::typed(nonsense).is_none(), "{nonsense}");
        }
        assert_eq!(format!("{code:?}"), "UserCode(…)");
    }

    #[test]
    fn codes_are_spread_over_the_alphabet() {
        let random = SeededRandom::new(5);
        let mut seen = [0_u32; 20];
        for _ in 0..2_000 {
            for byte in UserCode::of(&Token::generate(&random)).0.bytes() {
                let place = ALPHABET.iter().position(|letter| *letter == byte);
                seen[place.expect("of the alphabet")] += 1;
            }
        }
        assert!(
            seen.iter().all(|count| (650..950).contains(count)),
            "{seen:?}"
        );
    }

    #[test]
    fn nearness_goes_by_network_then_by_place() {
        let library = at("192.0.2.7", Some("Vienna, Austria"));
        for (phone, expected) in [
            (
                at("192.0.2.7", Some("Graz, Austria")),
                Nearness::SameNetwork,
            ),
            (
                at("198.51.100.1", Some("Vienna, Austria")),
                Nearness::SamePlace,
            ),
            (
                at("198.51.100.1", Some("Graz, Austria")),
                Nearness::OtherTown,
            ),
            (
                at("198.51.100.1", Some("Lagos, Nigeria")),
                Nearness::OtherCountry,
            ),
            (at("198.51.100.1", None), Nearness::Unknown),
        ] {
            assert_eq!(nearness(&library, &phone), expected, "{phone:?}");
        }
        assert_eq!(
            nearness(&at("2001:db8::1", None), &at("2001:db8::2", None)),
            Nearness::SameNetwork
        );
        assert_eq!(nearness(&at("", None), &at("", None)), Nearness::Unknown);
    }

    #[test]
    fn a_relayed_code_leads_nowhere_it_should_not() {
        let allowed = PhoneSignInRule::Allowed;
        assert_eq!(judge(allowed, PERSON, Nearness::SameNetwork), Ok(()));
        assert_eq!(judge(allowed, PERSON, Nearness::Unknown), Ok(()));
        assert_eq!(
            judge(allowed, PERSON, Nearness::OtherCountry),
            Err(Refusal::TooFarApart)
        );
        for nearness in [Nearness::SamePlace, Nearness::Unknown, Nearness::OtherTown] {
            assert_eq!(
                judge(PhoneSignInRule::SameNetwork, PERSON, nearness),
                Err(Refusal::TooFarApart)
            );
        }
        assert_eq!(
            judge(PhoneSignInRule::Off, PERSON, Nearness::SameNetwork),
            Err(Refusal::SwitchedOff)
        );
        let administrator = Confirming {
            role: Role::Administrator,
            ..PERSON
        };
        assert_eq!(
            judge(allowed, administrator, Nearness::SameNetwork),
            Err(Refusal::Administrator)
        );
        for here in [
            Confirming {
                kind: SessionKind::Shared,
                ..PERSON
            },
            Confirming {
                by_phone: true,
                ..PERSON
            },
        ] {
            assert_eq!(
                judge(allowed, here, Nearness::SameNetwork),
                Err(Refusal::NotFromHere)
            );
        }
    }
}
