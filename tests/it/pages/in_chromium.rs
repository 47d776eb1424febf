//! Every page in a real Chromium, in light and dark, held against WCAG 2.2 AA by axe.

use super::gallery::Gallery;
use super::look::{Eye, Look};

const BRAND: [(&str, &str); 3] = [
    ("ATTACHLINK_BRAND_NAME", "Acme Support"),
    ("ATTACHLINK_BRAND_COLOR", "#6d28d9"),
    ("ATTACHLINK_SUPPORT_ADDRESS", "support@acme.example"),
];

/// Colours that are hard to read on white and on black, with the other kind of address.
const PALE: [(&str, &str); 3] = [
    ("ATTACHLINK_BRAND_NAME", "Acme Support"),
    ("ATTACHLINK_BRAND_COLOR", "#ffe14d"),
    ("ATTACHLINK_SUPPORT_ADDRESS", "https://acme.example/contact"),
];
const DEEP: [(&str, &str); 1] = [("ATTACHLINK_BRAND_COLOR", "#0a0f2c")];

const LANGUAGES: [&str; 6] = ["en", "de", "fr", "es", "ja", "ar"];

/// A desk's screen, a phone's, and the narrowest that a page has to fit.
const DESK: (&str, u32, u32) = ("desk", 1100, 760);
const PHONE: (&str, u32, u32) = ("phone", 390, 760);
const NARROW: (&str, u32, u32) = ("narrow", 320, 640);

fn looks(languages: &[&'static str], screens: &[(&'static str, u32, u32)]) -> Vec<Look> {
    let schemes = languages.iter().flat_map(|language| ["light", "dark"].map(|scheme| (*language, scheme)));
    let looks = schemes.flat_map(|(language, scheme)| screens.iter().map(move |screen| (language, scheme, screen)));
    looks.map(|(language, scheme, &(screen, width, height))| Look { language, scheme, screen, width, height }).collect()
}

async fn tour(eye: &Eye, gallery: &Gallery, look: Look) {
    eye.set(look).await;
    for exhibit in &gallery.exhibits {
        eye.visit(exhibit, look).await;
        eye.photograph(exhibit, look).await;
        let name = exhibit.name;
        assert_eq!(eye.run("document.documentElement.lang").await, look.language, "{name}");
        assert_eq!(eye.violations().await, Vec::<String>::new(), "{name}: {look:?}");
        assert!(!eye.overflows().await, "{name}: {look:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_by_everybody() {
    let (gallery, eye) = (Gallery::open(&BRAND).await, Eye::open().await);
    let screens: &[_] = if eye.has_a_camera() { &[DESK, PHONE] } else { &[NARROW] };
    // Colours are the same in all languages: what is dark is looked at in one of each direction of writing.
    let wanted = |look: &Look| eye.has_a_camera() || look.scheme == "light" || ["en", "ar"].contains(&look.language);
    for look in looks(&LANGUAGES, screens).into_iter().filter(wanted) {
        tour(&eye, &gallery, look).await;
    }
    // Would axe say it? A page that does not say its language, and one that cannot be read. In English: of Arabic text
    // it does not judge the contrast, which is the same in all languages.
    let look = looks(&["en"], &[DESK])[0];
    eye.set(look).await;
    eye.visit(&gallery.exhibits[0], look).await;
    eye.run("document.documentElement.removeAttribute('lang')").await;
    assert!(eye.violations().await[0].contains("html-has-lang"));
    eye.visit(&gallery.exhibits[0], look).await;
    eye.run("document.querySelector('h1').style.color = '#eee'").await;
    assert!(eye.violations().await[0].contains("color-contrast"));
    eye.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_operators_colour_pages_can_be_read() {
    let eye = Eye::open().await;
    for brand in [&PALE[..], &DEEP[..]] {
        let gallery = Gallery::open(brand).await;
        for look in looks(&["en"], &[NARROW]) {
            eye.set(look).await;
            for exhibit in gallery.exhibits.iter().filter(|exhibit| ["link-expired", "log-out"].contains(&exhibit.name))
            {
                eye.visit(exhibit, look).await;
                assert_eq!(eye.violations().await, Vec::<String>::new(), "{brand:?}: {}: {look:?}", exhibit.name);
            }
        }
    }
    eye.close().await;
}
