//! The one style of all pages, in the operator's colour. Whatever the colour, everything can be read (WCAG 2.2 AA).

use std::fmt::Write as _;

use crate::domain::color::{OUTLINE_CONTRAST, Rgb, TEXT_CONTRAST};

/// Where everything goes; what colour it has is in the variables before it.
const LAYOUT: &str = include_str!("../../../../templates/page.css");

/// Where the operator names no colour.
const BLUE: Rgb = Rgb::new(0x0b, 0x57, 0xd0);
/// How much of the colour a disc behind an icon has, in 256ths.
const TINT: u16 = 28;

/// The greys of a page.
struct Greys {
    /// Headings and what matters.
    ink: Rgb,
    /// What explains.
    soft: Rgb,
    /// Around the card.
    paper: Rgb,
    /// Behind the text.
    card: Rgb,
    /// Around it.
    line: Rgb,
}

const LIGHT: Greys = Greys {
    ink: Rgb::new(0x1c, 0x23, 0x30),
    soft: Rgb::new(0x4a, 0x55, 0x68),
    paper: Rgb::new(0xf3, 0xf5, 0xf8),
    card: Rgb::WHITE,
    line: Rgb::new(0xdf, 0xe4, 0xec),
};

const DARK: Greys = Greys {
    ink: Rgb::new(0xee, 0xf1, 0xf6),
    soft: Rgb::new(0xb8, 0xc1, 0xd0),
    paper: Rgb::new(0x11, 0x15, 0x1c),
    card: Rgb::new(0x1b, 0x21, 0x2b),
    line: Rgb::new(0x33, 0x3d, 0x4c),
};

/// The whole style.
pub(super) fn style(color: Option<Rgb>) -> String {
    let brand = color.unwrap_or(BLUE);
    let mut style = String::from(":root{color-scheme:light dark;");
    variables(&mut style, brand, &LIGHT);
    style.push_str("}@media (prefers-color-scheme:dark){:root{");
    variables(&mut style, brand, &DARK);
    style.push_str("}}\n");
    style.push_str(LAYOUT);
    style
}

fn variables(style: &mut String, brand: Rgb, greys: &Greys) {
    let Greys { ink, soft, paper, card, line } = *greys;
    let link = brand.shade(&[card, paper], TEXT_CONTRAST);
    for (name, color) in [
        ("ink", ink),
        ("soft", soft),
        ("paper", paper),
        ("card", card),
        ("line", line),
        ("brand", brand),
        ("on-brand", brand.text_on()),
        ("edge", brand.shade(&[card], OUTLINE_CONTRAST)),
        ("link", link),
        ("tint", card.towards(link, TINT)),
    ] {
        let _ = write!(style, "--{name}:{color};");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn variable(scheme: &str, name: &str) -> Rgb {
        let value = scheme.split(&format!("--{name}:")).nth(1).and_then(|rest| rest.get(..7));
        value.unwrap_or_else(|| panic!("no {name} in {scheme}")).parse().unwrap()
    }

    proptest! {
        #[test]
        fn every_text_can_be_read_in_light_and_dark(red: u8, green: u8, blue: u8) {
            let style = style(Some(Rgb::new(red, green, blue)));
            let (light, dark) = style.split_once("@media (prefers-color-scheme:dark)").unwrap();
            for scheme in [light, dark] {
                for (text, behind, needed) in [
                    ("ink", "card", TEXT_CONTRAST),
                    ("ink", "paper", TEXT_CONTRAST),
                    ("soft", "card", TEXT_CONTRAST),
                    ("soft", "paper", TEXT_CONTRAST),
                    ("link", "card", TEXT_CONTRAST),
                    ("link", "paper", TEXT_CONTRAST),
                    ("on-brand", "brand", TEXT_CONTRAST),
                    ("edge", "card", OUTLINE_CONTRAST),
                ] {
                    let ratio = variable(scheme, text).contrast(variable(scheme, behind));
                    prop_assert!(ratio >= needed, "{text} on {behind}: {ratio}");
                }
            }
        }
    }

    #[test]
    fn the_layout_uses_the_variables_and_no_colour_or_side_of_its_own() {
        for name in ["ink", "soft", "paper", "card", "line", "brand", "on-brand", "edge", "link", "tint"] {
            assert!(LAYOUT.contains(&format!("var(--{name})")), "{name}");
        }
        for word in ["#", "left", "right", "width", "height:", "margin-top", "padding-top", "<", "url("] {
            let own = LAYOUT.replace("line-height:", "").replace("stroke-width", "").replace("(min-width:", "");
            assert!(!own.contains(word), "{word}");
        }
    }
}
