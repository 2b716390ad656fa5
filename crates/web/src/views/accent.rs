//! The one color an organization may set, and the colors that follow from it.

/// A checked accent color. Everything printed into the page's `<style>` is computed here, so that no
/// configured text ever reaches CSS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accent {
    base: [u8; 3],
}

/// The page colors of the two themes against which accent-colored text must stay readable.
const LIGHT_PAGE: [u8; 3] = [0xf2, 0xf4, 0xf7];
const DARK_CARD: [u8; 3] = [0x24, 0x2a, 0x32];
const WHITE: [u8; 3] = [255, 255, 255];
const BLACK: [u8; 3] = [0, 0, 0];
/// WCAG 2.2 AA asks for 4.5; a little more survives rounding and tinted backgrounds.
const READABLE: f64 = 4.8;

impl Accent {
    /// Reads `#rrggbb`; anything else is no accent.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text
            .strip_prefix('#')
            .filter(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = value.to_be_bytes();
        Some(Self {
            base: [red, green, blue],
        })
    }

    /// The color itself, for fills.
    pub fn fill(&self) -> String {
        hex(self.base)
    }

    /// Text on the fill: black or white, whichever reads better (one of them always reaches 4.5).
    pub fn on_fill(&self) -> String {
        let dark = contrast(self.base, BLACK) >= contrast(self.base, WHITE);
        hex(if dark { BLACK } else { WHITE })
    }

    /// The color for links and rings on light pages: darkened until it is readable.
    pub fn ink_light(&self) -> String {
        hex(toward(self.base, BLACK, LIGHT_PAGE))
    }

    /// The color for links and rings on dark pages: lightened until it is readable.
    pub fn ink_dark(&self) -> String {
        hex(toward(self.base, WHITE, DARK_CARD))
    }
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Mixes `color` toward `end` in steps until it is readable on `page`.
fn toward(color: [u8; 3], end: [u8; 3], page: [u8; 3]) -> [u8; 3] {
    (0..=20u16)
        .map(|step| mix(color, end, step))
        .find(|mixed| contrast(*mixed, page) >= READABLE)
        .unwrap_or(end)
}

/// `step` twentieths of the way from `from` to `to`.
fn mix(from: [u8; 3], to: [u8; 3], step: u16) -> [u8; 3] {
    let mut mixed = from;
    for (channel, end) in mixed.iter_mut().zip(to) {
        let sum = u16::from(*channel) * (20 - step) + u16::from(end) * step;
        *channel = u8::try_from(sum / 20).unwrap_or(u8::MAX);
    }
    mixed
}

/// The contrast ratio of WCAG 2.2.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance([red, green, blue]: [u8; 3]) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accent_stays_readable() {
        for text in [
            "#ffffff", "#000000", "#ffee00", "#808080", "#0b57d0", "#ff0000", "#00ff00", "#7f7f00",
        ] {
            let accent = Accent::parse(text).unwrap();
            let read = |shown: String| Accent::parse(&shown).unwrap().base;
            assert!(
                contrast(accent.base, read(accent.on_fill())) >= 4.5,
                "{text} fill"
            );
            assert!(
                contrast(read(accent.ink_light()), LIGHT_PAGE) >= 4.5,
                "{text} on light"
            );
            assert!(
                contrast(read(accent.ink_dark()), DARK_CARD) >= 4.5,
                "{text} on dark"
            );
        }
    }

    #[test]
    fn only_six_hexadecimal_digits_are_a_color() {
        for text in [
            "",
            "red",
            "#fff",
            "#12345g",
            "#1234567",
            "#+12345",
            "#000000;}body{display:none",
        ] {
            assert_eq!(Accent::parse(text), None, "{text}");
        }
    }
}
