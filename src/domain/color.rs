//! Colours, and whether people can tell them apart (WCAG 2.2).

use std::fmt;
use std::str::FromStr;

/// What text needs against what is behind it (success criterion 1.4.3).
pub const TEXT_CONTRAST: f64 = 4.5;
/// What the outline of something that can be clicked needs (success criterion 1.4.11).
pub const OUTLINE_CONTRAST: f64 = 3.0;

/// As many steps lead from a colour to black or to white.
const STEPS: u16 = 256;

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb {
    red: u8,
    green: u8,
    blue: u8,
}

/// Why a text is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a colour of six hexadecimal digits, such as #0b57d0")]
pub struct InvalidColor;

impl Rgb {
    /// Black.
    pub const BLACK: Self = Self::new(0, 0, 0);
    /// White.
    pub const WHITE: Self = Self::new(u8::MAX, u8::MAX, u8::MAX);

    /// A colour by its parts.
    #[must_use]
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// The contrast ratio to another colour, from 1 to 21.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        /// Light that a screen reflects (WCAG 2.2, *contrast ratio*).
        const FLARE: f64 = 0.05;
        let (one, two) = (self.luminance() + FLARE, other.luminance() + FLARE);
        if one > two { one / two } else { two / one }
    }

    /// Black or white, whichever is easier to read on it. One of them always has [`TEXT_CONTRAST`].
    #[must_use]
    pub fn text_on(self) -> Self {
        if self.contrast(Self::BLACK) > self.contrast(Self::WHITE) { Self::BLACK } else { Self::WHITE }
    }

    /// The nearest shade that has this contrast to all of `backgrounds`, which are all light or all dark.
    #[must_use]
    pub fn shade(self, backgrounds: &[Self], contrast: f64) -> Self {
        let enough = |color: &Self| backgrounds.iter().all(|background| color.contrast(*background) >= contrast);
        let far = backgrounds.first().map_or(Self::BLACK, |background| background.text_on());
        (0..STEPS).map(|step| self.towards(far, step)).find(enough).unwrap_or(far)
    }

    /// A colour between the two: `step` 256ths of the way.
    #[must_use]
    pub fn towards(self, other: Self, step: u16) -> Self {
        let between = |from: u8, to: u8| {
            let (from, to, step, steps) =
                (u32::from(from), u32::from(to), u32::from(step.min(STEPS)), u32::from(STEPS));
            u8::try_from((from * (steps - step) + to * step) / steps).unwrap_or(u8::MAX)
        };
        Self::new(between(self.red, other.red), between(self.green, other.green), between(self.blue, other.blue))
    }

    /// How bright it is, from 0 to 1 (WCAG 2.2, *relative luminance*).
    fn luminance(self) -> f64 {
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

/// A part of a colour as an amount of light (IEC 61966-2-1).
fn linear(part: u8) -> f64 {
    let part = f64::from(part) / f64::from(u8::MAX);
    if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
}

impl FromStr for Rgb {
    type Err = InvalidColor;

    fn from_str(text: &str) -> Result<Self, InvalidColor> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(InvalidColor);
        }
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        match (digits.len(), part(0), part(2), part(4)) {
            (6, Some(red), Some(green), Some(blue)) => Ok(Self { red, green, blue }),
            _ => Err(InvalidColor),
        }
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn color(text: &str) -> Rgb {
        text.parse().unwrap()
    }

    #[test]
    fn colours_are_six_digits() {
        for text in ["#0b57d0", "0b57d0", "#0B57D0"] {
            assert_eq!(color(text).to_string(), "#0b57d0");
        }
        for bad in
            ["", "#", "#fff", "#0b57d", "#0b57d00", "#0b57dg", "red", "#+b57d0", "rgb(0,0,0)", "#éé00", "#0b57d0;"]
        {
            assert_eq!(bad.parse::<Rgb>(), Err(InvalidColor), "{bad}");
        }
    }

    #[test]
    fn contrast_is_that_of_known_pairs() {
        // By the ratios that WebAIM's checker and browsers' tools show.
        for (one, two, expected) in [
            ("#000000", "#ffffff", 21.0),
            ("#ffffff", "#ffffff", 1.0),
            ("#767676", "#ffffff", 4.54),
            ("#777777", "#ffffff", 4.48),
            ("#ff0000", "#ffffff", 4.0),
            ("#0000ff", "#ffffff", 8.59),
        ] {
            let (one, two) = (color(one), color(two));
            assert!((one.contrast(two) - expected).abs() < 0.01, "{one} {two}: {}", one.contrast(two));
            assert!((one.contrast(two) - two.contrast(one)).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn a_shade_is_the_colour_itself_where_that_does() {
        assert_eq!(color("#0b57d0").shade(&[Rgb::WHITE], TEXT_CONTRAST), color("#0b57d0"));
        let yellow = color("#ffcc00").shade(&[Rgb::WHITE], TEXT_CONTRAST);
        assert!(yellow.contrast(Rgb::WHITE) < TEXT_CONTRAST + 0.2, "not darker than needed: {yellow}");
    }

    proptest! {
        #[test]
        fn text_can_be_read_on_every_colour(red: u8, green: u8, blue: u8) {
            let color = Rgb::new(red, green, blue);
            prop_assert!(color.contrast(color.text_on()) >= TEXT_CONTRAST);
        }

        #[test]
        fn every_colour_has_a_shade(red: u8, green: u8, blue: u8, level in 0_u8..=30, above in 225_u8..=255) {
            for background in [Rgb::new(level, level, level), Rgb::new(above, above, above)] {
                let shade = Rgb::new(red, green, blue).shade(&[background], TEXT_CONTRAST);
                prop_assert!(shade.contrast(background) >= TEXT_CONTRAST, "{} on {}", shade, background);
            }
        }
    }
}
