//! The texts of pages, from the files in `texts/`, which translators edit. They are in the binary, and read once.

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};

use super::language::Language;
use super::topic::Topic;
use crate::domain::brand::{Brand, BrandName};

/// A text cannot be read. The tests exclude it for what is shipped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("texts/{language}.ftl: {what}")]
pub struct TextError {
    language: &'static str,
    what: String,
}

/// What one page says.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) title: String,
    pub(super) what: String,
    pub(super) next: String,
}

/// What is written on buttons.
#[derive(Debug)]
pub(super) struct Buttons {
    pub(super) help_center: String,
    pub(super) other_account: String,
    pub(super) log_out: String,
    pub(super) try_again: String,
}

/// All that pages say in one language.
#[derive(Debug)]
pub(super) struct Texts {
    words: Vec<Words>,
    pub(super) buttons: Buttons,
    /// Before the address of the support.
    pub(super) help: String,
    /// On the link to a page of the support.
    pub(super) contact: String,
}

impl Texts {
    pub(super) fn of(language: Language, brand: &Brand) -> Result<Self, TextError> {
        let file = File::read(language)?;
        let words: Result<_, _> = Topic::ALL.iter().map(|topic| file.words(*topic)).collect();
        let buttons = Buttons {
            help_center: file.text("button-help-center")?,
            other_account: file.text("button-other-account")?,
            log_out: file.text("button-log-out")?,
            try_again: file.text("button-try-again")?,
        };
        let contact = match brand.name.as_ref().map(BrandName::as_str) {
            Some(name) => file.format("contact", None, Some(&FluentArgs::from_iter([("name", name)])))?,
            None => file.text("contact-help-desk")?,
        };
        Ok(Self { words: words?, buttons, help: file.text("help")?, contact })
    }

    pub(super) fn words(&self, topic: Topic) -> &Words {
        &self.words[topic as usize]
    }
}

const fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../../../../texts/en.ftl"),
        Language::German => include_str!("../../../../texts/de.ftl"),
        Language::French => include_str!("../../../../texts/fr.ftl"),
        Language::Spanish => include_str!("../../../../texts/es.ftl"),
        Language::Japanese => include_str!("../../../../texts/ja.ftl"),
        Language::Arabic => include_str!("../../../../texts/ar.ftl"),
    }
}

/// One file, read.
struct File {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl File {
    fn read(language: Language) -> Result<Self, TextError> {
        let error = |what: String| TextError { language: language.tag(), what };
        let resource =
            FluentResource::try_new(source(language).to_owned()).map_err(|(_, e)| error(format!("{e:?}")))?;
        let tag = language.tag().parse().map_err(|_| error("is called no language".to_owned()))?;
        let mut bundle = FluentBundle::new(vec![tag]);
        bundle.add_resource(resource).map_err(|e| error(format!("{e:?}")))?;
        Ok(Self { language, bundle })
    }

    fn words(&self, topic: Topic) -> Result<Words, TextError> {
        let part = |name| self.format(topic.message(), Some(name), None);
        Ok(Words { title: part("title")?, what: part("what")?, next: part("next")? })
    }

    fn text(&self, message: &str) -> Result<String, TextError> {
        self.format(message, None, None)
    }

    fn format(&self, id: &str, attribute: Option<&str>, args: Option<&FluentArgs<'_>>) -> Result<String, TextError> {
        let error = |what: String| TextError { language: self.language.tag(), what };
        let message = self.bundle.get_message(id);
        let pattern = message.and_then(|message| match attribute {
            Some(name) => message.get_attribute(name).map(|attribute| attribute.value()),
            None => message.value(),
        });
        let pattern = pattern.ok_or_else(|| error(format!("{id} {} is missing", attribute.unwrap_or_default())))?;
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors).into_owned();
        if errors.is_empty() { Ok(text) } else { Err(error(format!("{id}: {errors:?}"))) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fluent_syntax::ast::{Entry, Pattern};
    use fluent_syntax::parser;
    use fluent_syntax::serializer::serialize;

    use super::*;

    /// A file as an independent reader sees it: each message's parts, by name.
    fn parts(language: Language) -> BTreeMap<String, String> {
        let mut parts = BTreeMap::new();
        let resource = parser::parse(source(language)).unwrap_or_else(|(_, errors)| panic!("{language:?}: {errors:?}"));
        for entry in resource.body {
            match entry {
                Entry::Message(message) => {
                    let value = message.value.map(|pattern| (message.id.name.to_owned(), pattern));
                    let attributes = message.attributes.into_iter();
                    let attributes = attributes.map(|it| (format!("{}.{}", message.id.name, it.id.name), it.value));
                    for (name, pattern) in value.into_iter().chain(attributes) {
                        assert!(parts.insert(name.clone(), text(pattern)).is_none(), "{language:?}: {name} twice");
                    }
                }
                Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
                other => panic!("{language:?}: {other:?}"),
            }
        }
        parts
    }

    fn text(pattern: Pattern<&str>) -> String {
        let message = fluent_syntax::ast::Message {
            id: fluent_syntax::ast::Identifier { name: "x" },
            value: Some(pattern),
            attributes: Vec::new(),
            comment: None,
        };
        let whole = serialize(&fluent_syntax::ast::Resource { body: vec![Entry::Message(message)] });
        whole.trim_start_matches("x =").trim().to_owned()
    }

    fn variables(text: &str) -> Vec<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.trim()).collect()
    }

    #[test]
    fn every_language_says_everything_and_nothing_else() {
        let known = Topic::ALL.iter().flat_map(|t| ["title", "what", "next"].map(|p| format!("{}.{p}", t.message())));
        let labels = ["button-help-center", "button-other-account", "button-log-out", "button-try-again"];
        let labels = labels.into_iter().chain(["help", "contact", "contact-help-desk"]);
        let mut known: Vec<String> = known.chain(labels.map(str::to_owned)).collect();
        known.sort();
        let english = parts(Language::English);
        for language in Language::ALL {
            Texts::of(language, &Brand::default()).unwrap();
            Texts::of(language, &Brand { name: "Acme".parse().ok(), ..Brand::default() }).unwrap();
            let parts = parts(language);
            assert_eq!(parts.keys().collect::<Vec<_>>(), known.iter().collect::<Vec<_>>(), "{language:?}");
            for (name, text) in &parts {
                assert_eq!(variables(text), variables(&english[name]), "{language:?}: {name}");
            }
        }
    }

    #[test]
    fn nothing_was_left_in_english_or_unfinished() {
        let english = parts(Language::English);
        for language in Language::ALL {
            for (name, text) in parts(language) {
                assert!(
                    !text.is_empty() && !["TODO", "FIXME", "XXX", "??"].iter().any(|mark| text.contains(mark)),
                    "{name}"
                );
                // A sentence ends as one; titles and buttons do not.
                let ends = text.ends_with(['.', '。']);
                assert_eq!(
                    ends,
                    matches!(name.rsplit_once('.'), Some((_, "what" | "next"))),
                    "{language:?}: {name}: {text}"
                );
                if language != Language::English {
                    assert_ne!(text, english[&name], "{language:?}: {name}");
                }
            }
        }
    }

    #[test]
    fn a_language_is_written_in_its_own_letters() {
        let share = |text: &str, own: fn(char) -> bool| {
            let letters: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
            letters.iter().filter(|letter| own(**letter)).count() * 100 / letters.len()
        };
        for (language, own) in [
            (Language::Arabic, (|c| ('\u{600}'..='\u{6ff}').contains(&c)) as fn(char) -> bool),
            (Language::Japanese, |c| ('\u{3040}'..='\u{30ff}').contains(&c) || ('\u{4e00}'..='\u{9fff}').contains(&c)),
            (Language::German, |c| c.is_ascii_alphabetic() || "äöüÄÖÜß".contains(c)),
            (Language::French, |c| c.is_ascii_alphabetic() || "àâçéèêëîïôùûœÀÉÊ".contains(c)),
            (Language::Spanish, |c| c.is_ascii_alphabetic() || "áéíóúñü".contains(c)),
            (Language::English, |c| c.is_ascii_alphabetic()),
        ] {
            for (name, text) in parts(language) {
                let text = text.replace("{ $name }", "");
                assert_eq!(share(&text, own), 100, "{language:?}: {name}: {text}");
            }
        }
    }

    #[test]
    fn numbers_follow_the_order() {
        assert!(Topic::ALL.iter().enumerate().all(|(number, topic)| *topic as usize == number));
    }
}
