//! Recovery codes: what they look like and how they are typed.
//!
//! A set is ten codes. A code is sixteen characters in four groups, drawn from
//! Crockford's alphabet (no I, L, O, U), so that paper and handwriting are safe
//! to copy from. The first character is the code's *label*: the ten of a set
//! differ in it, so that one slow hash is verified and not ten. Labels are no
//! secret; the fifteen others hold 75 bits (MFA-05 asks for 64).

use std::fmt;

use zeroize::Zeroizing;

use crate::Random;

/// Codes in a set.
pub const SET_SIZE: usize = 10;

/// Characters of a code, its label included.
const LENGTH: usize = 16;

/// Characters of a group.
const GROUP: usize = 4;

/// Crockford's base32: 5 bits a character.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// One code in its normal form: sixteen characters of the alphabet. It cannot be
/// printed.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// A fresh set, in the order of its labels.
    pub fn generate_set(random: &dyn Random) -> Vec<Self> {
        labels(random)
            .into_iter()
            .map(|label| {
                let mut bytes = Zeroizing::new([0; LENGTH - 1]);
                random.fill(bytes.as_mut());
                let mut text = Zeroizing::new(String::with_capacity(LENGTH));
                text.push(label);
                // 256 is a multiple of 32, so every character is equally likely.
                text.extend(bytes.iter().map(|byte| character(*byte)));
                Self(text)
            })
            .collect()
    }

    /// Reads what was typed: case, spaces and dashes do not count, and letters
    /// that look like digits are those digits. `None` if that is no code.
    pub fn typed(text: &str) -> Option<Self> {
        const LONGEST: usize = 100;
        if text.len() > LONGEST {
            return None;
        }
        let mut code = Zeroizing::new(String::with_capacity(LENGTH));
        for typed in text.chars() {
            let upper = typed.to_ascii_uppercase();
            let read = match upper {
                'O' => '0',
                'I' | 'L' => '1',
                '-' | '‐' | '‑' | '–' | '—' => continue,
                space if space.is_whitespace() => continue,
                other => other,
            };
            if !read.is_ascii() || !ALPHABET.contains(&(read as u8)) || code.len() == LENGTH {
                return None;
            }
            code.push(read);
        }
        (code.len() == LENGTH).then_some(Self(code))
    }

    /// The first character, which tells the codes of a set apart.
    pub fn label(&self) -> &str {
        self.0.get(..1).unwrap_or_default()
    }

    /// The characters without groups, for hashing.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The code as it is shown and printed: `7K3M-9QXT-0ZBD-RW5H`.
    pub fn grouped(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / GROUP));
        for (place, character) in self.0.chars().enumerate() {
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            text.push(character);
        }
        text
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecoveryCode(…)")
    }
}

/// Ten different characters in ascending order, which of them is random.
fn labels(random: &dyn Random) -> Vec<char> {
    let mut rest: Vec<char> = ALPHABET.iter().map(|byte| char::from(*byte)).collect();
    while rest.len() > SET_SIZE {
        let mut byte = [0];
        random.fill(&mut byte);
        let place = usize::from(byte.first().copied().unwrap_or_default()) % rest.len();
        rest.remove(place);
    }
    rest
}

fn character(byte: u8) -> char {
    ALPHABET
        .get(usize::from(byte % 32))
        .map_or('0', |found| char::from(*found))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn mfa_05_a_set_is_ten_codes_of_75_secret_bits_with_different_labels() {
        for seed in 0..200 {
            let set = RecoveryCode::generate_set(&SeededRandom::new(seed));
            assert_eq!(set.len(), 10);
            let labels: HashSet<_> = set.iter().map(RecoveryCode::label).collect();
            assert_eq!(labels.len(), 10);
            let secrets: HashSet<_> = set.iter().map(|code| &code.reveal()[1..]).collect();
            assert_eq!(secrets.len(), 10);
            for code in &set {
                assert_eq!(code.reveal().len(), 16);
                assert_eq!(code.grouped().len(), 19);
                assert!(code.reveal().bytes().all(|byte| ALPHABET.contains(&byte)));
            }
        }
    }

    #[test]
    fn every_character_of_the_alphabet_comes_up_about_as_often() {
        let random = SeededRandom::new(3);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..400 {
            for code in RecoveryCode::generate_set(&random) {
                for character in code.reveal().chars().skip(1) {
                    *counts.entry(character).or_insert(0_u32) += 1;
                }
            }
        }
        assert_eq!(counts.len(), 32);
        let expected = 400 * 10 * 15 / 32;
        assert!(
            counts
                .values()
                .all(|count| count.abs_diff(expected) < expected / 6)
        );
    }

    #[test]
    fn what_looks_alike_is_alike_and_spacing_does_not_count() {
        let code = RecoveryCode::typed("0123-4567-89AB-1XYZ").expect("a code");
        for typed in [
            "0123456789ab1xyz",
            " o123 4567 89AB lxyz ",
            "O1 23–4567—89ab‑iXYZ",
        ] {
            let read = RecoveryCode::typed(typed).expect("a code");
            assert_eq!(read.reveal(), code.reveal(), "{typed}");
        }
        let (short, long) = ("0123-4567-89AB-1XY", "0123-4567-89AB-1XYZ-0");
        for typed in [
            "",
            short,
            long,
            "0123-4567-89AB-1XYU",
            "0123-4567-89AB-1XYé",
        ] {
            assert!(RecoveryCode::typed(typed).is_none(), "{typed}");
        }
        assert!(RecoveryCode::typed(&"0".repeat(10_000)).is_none());
    }

    #[test]
    fn codes_do_not_print() {
        let code = RecoveryCode::typed("0123-4567-89AB-1XYZ").expect("a code");
        assert_eq!(format!("{code:?}"), "RecoveryCode(…)");
        assert_eq!(code.grouped().as_str(), "0123-4567-89AB-1XYZ");
    }
}
