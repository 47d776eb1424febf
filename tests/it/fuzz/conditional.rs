//! Range and conditional headers: a first line `METHOD SIZE`, then a field on each line.

use attachlink::domain::conditional::{Answer, Validators, evaluate};
use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use time::OffsetDateTime;
use time::macros::datetime;

const ETAG: &str = "\"abc\"";
const MODIFIED: OffsetDateTime = datetime!(2026-11-21 10:00:00.7 UTC);

struct Asked {
    method: Method,
    headers: HeaderMap,
    size: u64,
}

impl Asked {
    fn read(input: &[u8]) -> Option<Self> {
        let mut lines = input.split(|octet| *octet == b'\n');
        let first = std::str::from_utf8(lines.next()?).ok()?;
        let (method, size) = first.split_once(' ')?;
        Some(Self { method: method.parse().ok()?, size: size.parse().ok()?, headers: fields(lines) })
    }

    fn answer(&self) -> Answer {
        self.answer_to(&self.method, &self.headers)
    }

    fn answer_to(&self, method: &Method, headers: &HeaderMap) -> Answer {
        evaluate(method, headers, &Validators { etag: ETAG, last_modified: MODIFIED, size: self.size })
    }

    fn without(&self, names: &[HeaderName]) -> Answer {
        let mut headers = self.headers.clone();
        for name in names {
            headers.remove(name);
        }
        self.answer_to(&self.method, &headers)
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.headers.contains_key(name)
    }
}

fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let field = |line: &[u8]| {
        let colon = line.iter().position(|octet| *octet == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    lines.filter_map(field).collect()
}

/// What the answer may be, by what was asked.
pub fn check(input: &[u8]) {
    let Some(asked) = Asked::read(input) else { return };
    let answer = asked.answer();
    let reads = asked.method == Method::GET || asked.method == Method::HEAD;
    match answer {
        Answer::Full => {}
        Answer::Partial { first, last } => {
            assert!(first <= last && last < asked.size, "{first}-{last} of {}", asked.size);
            assert!(asked.method == Method::GET && asked.has(&RANGE), "nobody asked for a part");
        }
        Answer::RangeNotSatisfiable => {
            assert!(asked.method == Method::GET && asked.has(&RANGE), "nobody asked for a part");
        }
        Answer::NotModified => {
            assert!(reads && (asked.has(&IF_NONE_MATCH) || asked.has(&IF_MODIFIED_SINCE)), "nobody has a copy");
        }
        Answer::PreconditionFailed => {
            let condition = [IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH].iter().any(|name| asked.has(name));
            assert!(condition, "nobody made a condition");
            assert!(!reads || asked.has(&IF_MATCH) || asked.has(&IF_UNMODIFIED_SINCE), "that is 304 for who reads");
        }
    }
    precedence(&asked, answer);
    if let Some(expected) = plain_range(&asked) {
        assert_eq!(
            asked.without(&[IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE]),
            expected
        );
    }
}

/// RFC 9110 sections 13.2.2 and 14.2: conditions come before ranges, tags before dates, and only `GET` has ranges.
fn precedence(asked: &Asked, answer: Answer) {
    let whole = asked.without(&[RANGE]);
    let ranged = matches!(answer, Answer::Partial { .. } | Answer::RangeNotSatisfiable);
    assert_eq!(whole, if ranged { Answer::Full } else { answer }, "a range changes no condition");
    if asked.method == Method::GET {
        assert_eq!(asked.answer_to(&Method::HEAD, &asked.headers), whole, "HEAD is GET without ranges");
    }
    if asked.has(&IF_MATCH) {
        assert_eq!(asked.without(&[IF_UNMODIFIED_SINCE]), answer, "a tag counts, the date beside it does not");
    }
    if asked.has(&IF_NONE_MATCH) {
        assert_eq!(asked.without(&[IF_MODIFIED_SINCE]), answer, "a tag counts, the date beside it does not");
    }
    if !ranged {
        let without = asked.without(&[IF_RANGE]);
        let now_ranged = matches!(without, Answer::Partial { .. } | Answer::RangeNotSatisfiable);
        assert!(without == answer || (answer == Answer::Full && now_ranged), "If-Range is about ranges alone");
    }
}

/// What a range in its plainest form means, read another way; `None` where it has another form.
fn plain_range(asked: &Asked) -> Option<Answer> {
    let mut values = asked.headers.get_all(RANGE).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() || asked.method != Method::GET {
        return None;
    }
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if !digits(first) || !digits(last) || first.is_empty() {
        return None;
    }
    let first: u128 = first.parse().ok()?;
    let last: u128 = if last.is_empty() { u128::MAX } else { last.parse().ok()? };
    let size = u128::from(asked.size);
    Some(if last < first {
        Answer::Full
    } else if first >= size {
        Answer::RangeNotSatisfiable
    } else {
        let octet = |at: u128| u64::try_from(at).expect("it is below the size");
        Answer::Partial { first: octet(first), last: octet(last.min(size - 1)) }
    })
}
