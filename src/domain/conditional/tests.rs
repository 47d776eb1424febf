use headers::{ETag, HeaderMapExt, IfMatch, IfNoneMatch};
use http::HeaderValue;
use proptest::prelude::*;
use time::macros::datetime;

use super::Answer::{Full, NotModified, PreconditionFailed, RangeNotSatisfiable};
use super::*;

const ETAG: &str = "\"v1\"";
const BEFORE: &str = "Sat, 21 Nov 2026 09:59:59 GMT";
const EXACTLY: &str = "Sat, 21 Nov 2026 10:00:00 GMT";
const AFTER: &str = "Sat, 21 Nov 2026 10:00:01 GMT";

fn ten_octets() -> Validators<'static> {
    Validators { etag: ETAG, last_modified: datetime!(2026-11-21 10:00:00.7 UTC), size: 10 }
}

fn part(first: u64, last: u64) -> Answer {
    Answer::Partial { first, last }
}

fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn check(method: &Method, table: &[(&[(&'static str, &str)], Answer)]) {
    for (asked, answer) in table {
        assert_eq!(evaluate(method, &fields(asked), &ten_octets()), *answer, "{method} {asked:?}");
    }
}

fn get(table: &[(&[(&'static str, &str)], Answer)]) {
    check(&Method::GET, table);
}

#[test]
fn if_match_is_strong() {
    // RFC 9110 section 13.1.1
    get(&[
        (&[("if-match", "\"v1\"")], Full),
        (&[("if-match", "*")], Full),
        (&[("if-match", "\"a,b\" , ,\"v1\"")], Full),
        (&[("if-match", "\"a\""), ("if-match", "\"v1\"")], Full),
        (&[("if-match", "W/\"v1\"")], PreconditionFailed),
        (&[("if-match", "\"v2\"")], PreconditionFailed),
        (&[("if-match", "v1")], PreconditionFailed),
        (&[("if-match", "")], PreconditionFailed),
        (&[("if-match", "\"v1")], PreconditionFailed),
        (&[("if-match", "\"x\", *")], PreconditionFailed),
        (&[("if-match", "\"a b\"")], PreconditionFailed),
    ]);
}

#[test]
fn if_none_match_is_weak() {
    // RFC 9110 section 13.1.2
    get(&[
        (&[("if-none-match", "\"v1\"")], NotModified),
        (&[("if-none-match", "W/\"v1\"")], NotModified),
        (&[("if-none-match", "*")], NotModified),
        (&[("if-none-match", "\"a\",W/\"v1\"")], NotModified),
        (&[("if-none-match", "\"é\", \"v1\"")], NotModified),
        (&[("if-none-match", "\"v2\"")], Full),
        (&[("if-none-match", "w/\"v1\"")], Full),
        (&[("if-none-match", "v1")], Full),
        (&[("if-none-match", "\"x\" \"v1\"")], Full),
        (&[("if-none-match", "\"v1\"x")], NotModified),
        (&[("if-none-match", "\"V1\"")], Full),
    ]);
    check(&Method::HEAD, &[(&[("if-none-match", "\"v1\"")], NotModified)]);
    check(
        &Method::POST,
        &[(&[("if-none-match", "\"v1\"")], PreconditionFailed), (&[("if-none-match", "\"v2\"")], Full)],
    );
}

#[test]
fn dates() {
    // RFC 9110 sections 13.1.3 and 13.1.4
    get(&[
        (&[("if-modified-since", BEFORE)], Full),
        (&[("if-modified-since", EXACTLY)], NotModified),
        (&[("if-modified-since", AFTER)], NotModified),
        (&[("if-modified-since", "Saturday, 21-Nov-26 10:00:00 GMT")], NotModified),
        (&[("if-modified-since", "Sat Nov 21 10:00:00 2026")], NotModified),
        (&[("if-modified-since", "yesterday")], Full),
        (&[("if-modified-since", EXACTLY), ("if-modified-since", EXACTLY)], Full),
        (&[("if-unmodified-since", BEFORE)], PreconditionFailed),
        (&[("if-unmodified-since", EXACTLY)], Full),
        (&[("if-unmodified-since", AFTER)], Full),
        (&[("if-unmodified-since", "yesterday")], Full),
        (&[("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT")], PreconditionFailed),
    ]);
    check(&Method::POST, &[(&[("if-modified-since", AFTER)], Full)]);
}

#[test]
fn in_the_order_of_the_rfc() {
    // RFC 9110 section 13.2.2
    get(&[
        // If-Match before all, and it silences If-Unmodified-Since.
        (&[("if-match", "\"v2\""), ("if-none-match", "\"v1\"")], PreconditionFailed),
        (&[("if-match", "\"v1\""), ("if-unmodified-since", BEFORE)], Full),
        (&[("if-match", "\"v1\""), ("if-none-match", "\"v1\"")], NotModified),
        (&[("if-unmodified-since", BEFORE), ("if-none-match", "\"v1\"")], PreconditionFailed),
        // If-None-Match silences If-Modified-Since.
        (&[("if-none-match", "\"v2\""), ("if-modified-since", AFTER)], Full),
        (&[("if-none-match", "\"v1\""), ("if-modified-since", BEFORE)], NotModified),
        // The range comes last.
        (&[("if-none-match", "\"v1\""), ("range", "bytes=99-")], NotModified),
        (&[("if-match", "\"v2\""), ("range", "bytes=99-")], PreconditionFailed),
        (&[("if-match", "\"v1\""), ("range", "bytes=1-2")], part(1, 2)),
        (&[("if-none-match", "\"v2\""), ("range", "bytes=1-2")], part(1, 2)),
    ]);
}

#[test]
fn if_range() {
    // RFC 9110 section 13.1.5
    let range = ("range", "bytes=1-2");
    get(&[
        (&[range, ("if-range", "\"v1\"")], part(1, 2)),
        (&[range, ("if-range", "W/\"v1\"")], Full),
        (&[range, ("if-range", "\"v2\"")], Full),
        (&[range, ("if-range", "*")], Full),
        (&[range, ("if-range", "\"v1\", \"v2\"")], Full),
        (&[range, ("if-range", EXACTLY)], part(1, 2)),
        (&[range, ("if-range", BEFORE)], Full),
        (&[range, ("if-range", AFTER)], Full),
        (&[range, ("if-range", "nonsense")], Full),
        (&[range, ("if-range", "\"v1\""), ("if-range", "\"v1\"")], Full),
        (&[("range", "bytes=99-"), ("if-range", "\"v2\"")], Full),
        (&[("if-range", "\"v2\"")], Full),
    ]);
}

#[test]
fn single_ranges() {
    // RFC 9110 sections 14.1.2 and 14.2
    get(&[
        (&[("range", "bytes=0-0")], part(0, 0)),
        (&[("range", "bytes=0-9")], part(0, 9)),
        (&[("range", "bytes=0-10")], part(0, 9)),
        (&[("range", "bytes=9-")], part(9, 9)),
        (&[("range", "bytes=10-")], RangeNotSatisfiable),
        (&[("range", "bytes=10-11")], RangeNotSatisfiable),
        (&[("range", "bytes=-1")], part(9, 9)),
        (&[("range", "bytes=-10")], part(0, 9)),
        (&[("range", "bytes=-11")], part(0, 9)),
        (&[("range", "bytes=-0")], RangeNotSatisfiable),
        (&[("range", "BYTES=0-0")], part(0, 0)),
        (&[("range", "bytes=, 1-2 ,")], part(1, 2)),
        (&[("range", "bytes=1-99999999999999999999999")], part(1, 9)),
        (&[("range", "bytes=-99999999999999999999999")], part(0, 9)),
        (&[("range", "bytes=99999999999999999999999-")], RangeNotSatisfiable),
        (&[("range", "bytes=0000000000000000000000001-02")], part(1, 2)),
    ]);
}

#[test]
fn ranges_that_are_ignored() {
    get(&[
        (&[("range", "bytes=")], Full),
        (&[("range", "bytes=-")], Full),
        (&[("range", "bytes")], Full),
        (&[("range", "")], Full),
        (&[("range", "bytes=2-1")], Full),
        (&[("range", "bytes=20-11")], Full),
        (&[("range", "bytes=99999999999999999999999-99999999999999999999998")], Full),
        (&[("range", "bytes=1 - 2")], Full),
        (&[("range", "bytes =1-2")], Full),
        (&[("range", "bytes=a-2")], Full),
        (&[("range", "bytes=20-b")], Full),
        (&[("range", "bytes=1-2-3")], Full),
        (&[("range", "bytes=--1")], Full),
        (&[("range", "bytes=+1-2")], Full),
        (&[("range", "bytes=0-1,5-6")], Full),
        (&[("range", "bytes=0-1,99-")], Full),
        (&[("range", "bytes=0-1"), ("range", "bytes=0-1")], Full),
        (&[("range", "octets=0-1")], Full),
        (&[("range", "items=0-1")], Full),
        (&[("range", "bytes=\u{661}-2")], Full),
    ]);
    for method in [Method::HEAD, Method::POST] {
        check(&method, &[(&[("range", "bytes=1-2")], Full), (&[("range", "bytes=99-")], Full)]);
    }
}

#[test]
fn nothing_and_very_much() {
    let asked =
        |range: &str, size| evaluate(&Method::GET, &fields(&[("range", range)]), &Validators { size, ..ten_octets() });
    assert_eq!(asked("bytes=0-", 0), RangeNotSatisfiable);
    assert_eq!(asked("bytes=-5", 0), Full);
    assert_eq!(asked("bytes=-0", 0), RangeNotSatisfiable);
    let huge = 5 << 32;
    assert_eq!(asked("bytes=4294967296-4294967297", huge), part(1 << 32, (1 << 32) + 1));
    assert_eq!(asked("bytes=-1", u64::MAX), part(u64::MAX - 1, u64::MAX - 1));
    assert_eq!(asked("bytes=18446744073709551615-", u64::MAX), RangeNotSatisfiable);
    assert_eq!(asked("bytes=0-18446744073709551615", u64::MAX), part(0, u64::MAX - 1));
}

/// What `http-range` says, where it is right: one range, without spaces, in order, in 64 bits, of something.
fn judged_by_http_range(range: &str, size: u64) -> Answer {
    match http_range::HttpRange::parse(range, size) {
        Ok(ranges) => part(ranges[0].start, ranges[0].start + ranges[0].length - 1),
        Err(http_range::HttpRangeParseError::NoOverlap) => RangeNotSatisfiable,
        Err(http_range::HttpRangeParseError::InvalidRange) => Full,
    }
}

proptest! {
    #[test]
    fn ranges_as_http_range_reads_them(first in 0_u64..40, more in 0_u64..40, size in 1_u64..40) {
        let of = Validators { size, ..ten_octets() };
        for range in [format!("bytes={first}-{}", first + more), format!("bytes={first}-"), format!("bytes=-{first}")] {
            let answer = evaluate(&Method::GET, &fields(&[("range", &range)]), &of);
            prop_assert_eq!(answer, judged_by_http_range(&range, size), "{} of {}", range, size);
        }
    }

    #[test]
    fn tags_as_headers_reads_them(tags in prop::collection::vec("(W/)?\"(v1|v2|[!#-~]{0,3})\"", 1..4), lines in 1_usize..3) {
        let mut map = HeaderMap::new();
        for line in tags.chunks(lines) {
            map.append(IF_MATCH, line.join(", ").parse().unwrap());
            map.append(IF_NONE_MATCH, line.join(",").parse().unwrap());
        }
        let etag: ETag = ETAG.parse().unwrap();
        let strong = map.typed_get::<IfMatch>().unwrap().precondition_passes(&etag);
        let weak = !map.typed_get::<IfNoneMatch>().unwrap().precondition_passes(&etag);
        prop_assert_eq!(names_tag(&map, &IF_MATCH, ETAG, Comparison::Strong), strong);
        prop_assert_eq!(names_tag(&map, &IF_NONE_MATCH, ETAG, Comparison::Weak), weak);
    }

    #[test]
    fn nothing_that_arrives_makes_a_part_outside(
        values in prop::collection::vec((0_usize..6, prop_oneof![
            prop::collection::vec(any::<u8>().prop_filter("a field value", |b| *b == b'\t' || (*b >= 32 && *b != 127)), 0..30),
            "bytes=[0-9]{0,22}-[0-9]{0,22}".prop_map(String::into_bytes),
            "(W/)?\"[!-~ ]{0,4}[\", *]{0,3}".prop_map(String::into_bytes),
        ]), 0..5),
        size: u64,
    ) {
        let names = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];
        let mut map = HeaderMap::new();
        for (name, value) in values {
            map.append(names[name].clone(), HeaderValue::from_bytes(&value).unwrap());
        }
        if let Answer::Partial { first, last } = evaluate(&Method::GET, &map, &Validators { size, ..ten_octets() }) {
            prop_assert!(first <= last && last < size);
        }
    }
}
