//! Conditional and range requests (RFC 9110 sections 13 and 14).
//!
//! Own parsers of entity-tag lists and ranges, for the crates at hand are not right everywhere: `headers` panics in
//! debug builds at a space inside a tag and takes any later date in `If-Range`; `http-range` refuses numbers past
//! 64 bits, allows spaces around the hyphen, and calls a reversed range past the end unsatisfiable. They are the
//! judges in the tests, where they are right.

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, HeaderName, Method};
use time::OffsetDateTime;

/// What is known of the bytes that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validators<'a> {
    /// Their strong entity tag, quotes included.
    pub etag: &'a str,
    /// When they came to be; parts of a second do not count.
    pub last_modified: OffsetDateTime,
    /// Their length, in octets.
    pub size: u64,
}

/// How a request for an existing representation is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `200`: all of it.
    Full,
    /// `206`: the octets from `first` to `last`, both included; `first <= last < size`.
    Partial {
        /// The first octet, counted from 0.
        first: u64,
        /// The last octet.
        last: u64,
    },
    /// `304`.
    NotModified,
    /// `412`.
    PreconditionFailed,
    /// `416`.
    RangeNotSatisfiable,
}

/// Weighs a request's preconditions in the order of RFC 9110 section 13.2.2, then its range.
///
/// Only `GET` has ranges (section 14.2). A `Range` that is malformed, names several ranges or an unknown unit is
/// ignored, as is a date that is none.
#[must_use]
pub fn evaluate(method: &Method, headers: &HeaderMap, of: &Validators<'_>) -> Answer {
    let reads = *method == Method::GET || *method == Method::HEAD;
    if headers.contains_key(IF_MATCH) {
        if !names_tag(headers, &IF_MATCH, of.etag, Comparison::Strong) {
            return Answer::PreconditionFailed;
        }
    } else if date(headers, &IF_UNMODIFIED_SINCE).is_some_and(|since| unix_seconds(of) > since) {
        return Answer::PreconditionFailed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        if names_tag(headers, &IF_NONE_MATCH, of.etag, Comparison::Weak) {
            return if reads { Answer::NotModified } else { Answer::PreconditionFailed };
        }
    } else if reads && date(headers, &IF_MODIFIED_SINCE).is_some_and(|since| unix_seconds(of) <= since) {
        return Answer::NotModified;
    }
    if *method == Method::GET && if_range_holds(headers, of) { range(headers, of.size) } else { Answer::Full }
}

fn unix_seconds(of: &Validators<'_>) -> i64 {
    of.last_modified.unix_timestamp()
}

/// The value of a field that may be there once only.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.as_bytes();
    values.next().is_none().then_some(value)
}

/// A date in Unix seconds, in any form of RFC 9110 section 5.6.7; `None` for what has to be ignored.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    only(headers, name).and_then(http_date)
}

fn http_date(value: &[u8]) -> Option<i64> {
    let date = httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()?;
    Some(OffsetDateTime::from(date).unix_timestamp())
}

/// How entity tags are compared (RFC 9110 section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// Neither may be weak.
    Strong,
    /// Weak or not is the same.
    Weak,
}

/// Whether a field is `*` or lists `etag`. What follows something malformed in a list is not looked at.
fn names_tag(headers: &HeaderMap, name: &HeaderName, etag: &str, comparison: Comparison) -> bool {
    only(headers, name).is_some_and(|value| value.trim_ascii() == b"*")
        || headers.get_all(name).iter().any(|value| Tags(value.as_bytes()).any(|tag| tag.is(etag, comparison)))
}

/// An entity tag of a request.
struct Tag<'h> {
    weak: bool,
    /// Quotes included.
    opaque: &'h [u8],
}

impl Tag<'_> {
    /// Whether it is `etag`, which is strong.
    fn is(&self, etag: &str, comparison: Comparison) -> bool {
        self.opaque == etag.as_bytes() && (comparison == Comparison::Weak || !self.weak)
    }
}

/// The tags of a list, up to its end or the first thing that is none (RFC 9110 sections 5.6.1.2 and 8.8.3).
struct Tags<'h>(&'h [u8]);

impl<'h> Iterator for Tags<'h> {
    type Item = Tag<'h>;

    fn next(&mut self) -> Option<Tag<'h>> {
        // Empty elements are allowed. Taking the rest away ends the list where something else stands.
        let rest = std::mem::take(&mut self.0);
        let rest = &rest[rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b','))?..];
        let (weak, rest) = rest.strip_prefix(b"W/").map_or((false, rest), |rest| (true, rest));
        let inner = rest.strip_prefix(b"\"")?;
        let end = inner.iter().position(|b| !matches!(b, 0x21 | 0x23..=0x7e | 0x80..))?;
        let after = inner[end..].strip_prefix(b"\"")?;
        let gap = after.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(after.len());
        if matches!(after.get(gap), None | Some(b',')) {
            self.0 = &after[gap..];
        }
        Some(Tag { weak, opaque: &rest[..end + 2] })
    }
}

/// RFC 9110 section 13.1.5: without the field, for a strong match, or for exactly the date.
fn if_range_holds(headers: &HeaderMap, of: &Validators<'_>) -> bool {
    if !headers.contains_key(IF_RANGE) {
        return true;
    }
    only(headers, &IF_RANGE)
        .is_some_and(|value| value == of.etag.as_bytes() || http_date(value) == Some(unix_seconds(of)))
}

/// One range of octets, as it was asked for (RFC 9110 section 14.1.2).
#[derive(Clone, Copy)]
enum Asked {
    /// From an octet on, to another where one is named.
    From(u64, Option<u64>),
    /// So many octets at the end.
    Last(u64),
}

fn range(headers: &HeaderMap, size: u64) -> Answer {
    match only(headers, &RANGE).and_then(single_range) {
        None => Answer::Full,
        Some(asked) => satisfy(asked, size),
    }
}

fn satisfy(asked: Asked, size: u64) -> Answer {
    match asked {
        // All of nothing: no 206 can say that.
        Asked::Last(1..) if size == 0 => Answer::Full,
        Asked::Last(octets @ 1..) => Answer::Partial { first: size.saturating_sub(octets), last: size - 1 },
        Asked::From(first, last) if first < size => {
            Answer::Partial { first, last: last.unwrap_or(u64::MAX).min(size - 1) }
        }
        Asked::From(..) | Asked::Last(0) => Answer::RangeNotSatisfiable,
    }
}

/// The one range of a `Range` field, or `None` for what is ignored.
fn single_range(value: &[u8]) -> Option<Asked> {
    const UNIT: &[u8] = b"bytes=";
    let (unit, set) = value.split_at_checked(UNIT.len())?;
    if !unit.eq_ignore_ascii_case(UNIT) {
        return None;
    }
    let mut specs = set.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|spec| !spec.is_empty());
    let spec = specs.next()?;
    if specs.next().is_some() {
        return None;
    }
    let hyphen = spec.iter().position(|b| *b == b'-')?;
    match (&spec[..hyphen], &spec[hyphen + 1..]) {
        (b"", octets) => number(octets).map(Asked::Last),
        (first, b"") => number(first).map(|first| Asked::From(first, None)),
        (first, last) if is_reversed(first, last) => None,
        (first, last) => Some(Asked::From(number(first)?, Some(number(last)?))),
    }
}

/// A decimal number. What is past 64 bits is past every object too, so the largest number stands for it.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(digits.iter().fold(0, add))
}

/// Whether `last` is below `first`, which makes a range malformed; also where both are past 64 bits.
fn is_reversed(first: &[u8], last: &[u8]) -> bool {
    let significant = |digits: &[u8]| digits.iter().position(|b| *b != b'0').unwrap_or(digits.len());
    let (first, last) = (&first[significant(first)..], &last[significant(last)..]);
    (last.len(), last) < (first.len(), first)
}

#[cfg(test)]
mod tests;
