//! The languages that pages speak, and which of them a browser asks for.

use std::sync::LazyLock;

use fluent_langneg::{NegotiationStrategy, negotiate_languages};
use http::{HeaderMap, header};
use unic_langid::LanguageIdentifier;

/// As many of a header's languages are looked at. People set a handful.
const MAX_RANGES: usize = 32;

/// A language that pages speak. Its texts are in `texts/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::public) enum Language {
    English,
    German,
    French,
    Spanish,
    Japanese,
    Arabic,
}

static AVAILABLE: LazyLock<Vec<LanguageIdentifier>> =
    LazyLock::new(|| Language::ALL.iter().filter_map(|language| language.tag().parse().ok()).collect());

impl Language {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 6] =
        [Self::English, Self::German, Self::French, Self::Spanish, Self::Japanese, Self::Arabic];

    /// Its tag (BCP 47), for `lang` and `Content-Language`.
    pub(in crate::http::public) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Japanese => "ja",
            Self::Arabic => "ar",
        }
    }

    /// Which way it is written, for `dir`.
    pub(super) const fn direction(self) -> &'static str {
        match self {
            Self::Arabic => "rtl",
            _ => "ltr",
        }
    }

    /// The one that `Accept-Language` likes best (RFC 9110 section 12.5.4, RFC 4647 section 3.4); else English.
    pub(in crate::http::public) fn asked_for(headers: &HeaderMap) -> Self {
        let requested = requested(headers);
        let best = negotiate_languages(&requested, &AVAILABLE, None, NegotiationStrategy::Lookup);
        let tag = best.first().map(ToString::to_string);
        Self::ALL.into_iter().find(|language| tag.as_deref() == Some(language.tag())).unwrap_or(Self::English)
    }
}

/// The languages of the header, the most liked first; those that weigh the same in the order they are written in.
fn requested(headers: &HeaderMap) -> Vec<LanguageIdentifier> {
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(',')).take(MAX_RANGES);
    let mut weighed: Vec<(f32, LanguageIdentifier)> = ranges.filter_map(weigh).collect();
    weighed.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    weighed.into_iter().map(|(_, language)| language).collect()
}

/// A language and its weight (RFC 9110 section 12.4.2). One of weight 0 is not wanted, one that cannot be read no wish.
fn weigh(range: &str) -> Option<(f32, LanguageIdentifier)> {
    let (tag, parameter) = range.split_once(';').unwrap_or((range, "q=1"));
    let (name, weight) = parameter.split_once('=')?;
    let weight: f32 = weight.trim().parse().ok()?;
    let counts = name.trim().eq_ignore_ascii_case("q") && weight > 0.0 && weight <= 1.0;
    // Whoever takes any language gets ours.
    let tag = if tag.trim() == "*" { Language::English.tag() } else { tag.trim() };
    counts.then_some((weight, tag.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(values: &[&str]) -> &'static str {
        let values = values.iter().map(|value| (header::ACCEPT_LANGUAGE, value.parse().unwrap()));
        Language::asked_for(&values.collect()).tag()
    }

    #[test]
    fn the_language_that_is_liked_best_is_spoken() {
        for (header, language) in [
            ("de", "de"),
            ("de-CH", "de"),
            ("DE-at", "de"),
            ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
            ("es-419", "es"),
            ("ar-EG", "ar"),
            ("ja-JP", "ja"),
            ("en-US,en;q=0.5", "en"),
            // By weight, not by place; of equal weight, by place.
            ("en;q=0.3, de;q=0.7", "de"),
            ("en;q=0.3,fr;q=0.30,de;q=0.300", "en"),
            ("fr ; q=0.5 , de ; Q=0.6", "de"),
            // What we do not speak is passed over.
            ("pt-BR,pt;q=0.9,es;q=0.4,en;q=0.3", "es"),
            ("zh-Hant-TW,zh;q=0.9", "en"),
            // Refused, anything, and nonsense.
            ("de;q=0,fr;q=0.1", "fr"),
            ("de;q=0.000", "en"),
            ("*", "en"),
            ("*;q=0.5,ja;q=0.4", "en"),
            ("ja,*;q=0.5", "ja"),
            ("", "en"),
            (",;,de;q,fr;q=x,es;q=2,ja;q=-1,ar;level=1", "en"),
            ("de;q=nan", "en"),
            ("../../etc/passwd", "en"),
        ] {
            assert_eq!(asked(&[header]), language, "{header}");
        }
        assert_eq!(asked(&[]), "en");
        assert_eq!(asked(&["pt", "ja"]), "ja", "in two fields");
    }

    #[test]
    fn only_so_many_wishes_are_heard() {
        let many = format!("{}de", "pt,".repeat(MAX_RANGES));
        assert_eq!(asked(&[&many]), "en");
    }

    #[test]
    fn numbers_follow_the_order_and_tags_are_tags() {
        assert!(Language::ALL.iter().enumerate().all(|(number, language)| *language as usize == number));
        assert_eq!(AVAILABLE.len(), Language::ALL.len());
    }
}
