//! The head of an answer with a whole file, in two pieces. What tells of the file is made once for each row that the database
//! gave and kept with it, so it has no more than it must; the rest, with the date, is the same for all files of a second.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::OnceLock;

use bytes::{BufMut, Bytes, BytesMut};
use compact_str::CompactString;
use http::{HeaderMap, HeaderValue, header};
use time::OffsetDateTime;

use super::super::file::{self, Wish};
use crate::store::ServedObject;

/// Of those that are asked for first: one for whoever reads the email, one for whatever looks at it before.
const KEPT: usize = 2;
/// What tells of a file has about 300 octets, the rest about 400.
const USUAL_OCTETS: usize = 512;

/// The heads of one row's answers.
pub(super) struct Heads {
    etag: CompactString,
    made: [OnceLock<(Wish, Box<[u8]>)>; KEPT],
}

impl Heads {
    /// Those of a row, for which they are kept.
    pub(super) fn of(served: &ServedObject) -> Option<&Self> {
        served.memo.get_or_make(|| Self { etag: served.object.etag(), made: Default::default() })
    }

    /// The entity tag.
    pub(super) fn etag(&self) -> &str {
        &self.etag
    }

    /// What tells of the file.
    pub(super) fn head(&self, served: &ServedObject, wish: Wish, now: OffsetDateTime) -> Cow<'_, [u8]> {
        let make = || make(served, wish, &self.etag, now);
        // Until then `Last-Modified` moves with the time.
        if served.object.modified_at > now {
            return make().into();
        }
        for made in &self.made {
            // Without the room that was not used, for as long as the row is kept.
            let (of, head) = made.get_or_init(|| (wish, (*make()).into()));
            if *of == wish {
                return Cow::Borrowed(head);
            }
        }
        make().into()
    }
}

fn make(served: &ServedObject, wish: Wish, etag: &str, now: OffsetDateTime) -> Vec<u8> {
    let mut headers = HeaderMap::new();
    file::describe_this(&mut headers, wish, served, etag, now);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(served.object.size));
    let mut head = Vec::with_capacity(USUAL_OCTETS);
    head.put_slice(b"HTTP/1.1 200 OK\r\n");
    put(&mut head, &headers);
    head
}

fn put(head: &mut impl BufMut, headers: &HeaderMap) {
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.put_slice(part);
        }
    }
}

thread_local! {
    /// The rest of the second that was asked for last.
    static REST: RefCell<(i64, Bytes)> = const { RefCell::new((i64::MIN, Bytes::new())) };
}

/// What is the same for all files of a second, and the end of the head.
pub(super) fn rest(now: OffsetDateTime) -> Bytes {
    REST.with_borrow_mut(|(second, rest)| {
        if *second != now.unix_timestamp() {
            *second = now.unix_timestamp();
            *rest = make_rest(now);
        }
        rest.clone()
    })
}

fn make_rest(now: OffsetDateTime) -> Bytes {
    let mut headers = HeaderMap::new();
    file::describe_any(&mut headers);
    let mut rest = BytesMut::with_capacity(USUAL_OCTETS);
    put(&mut rest, &headers);
    rest.put_slice(format!("date: {}\r\n\r\n", httpdate::fmt_http_date(now.into())).as_bytes());
    rest.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_date_follows_the_clock() {
        let now = datetime!(2026-11-21 10:00:59.9 UTC);
        let before = rest(now);
        assert!(before.ends_with(b"\r\ndate: Sat, 21 Nov 2026 10:00:59 GMT\r\n\r\n"), "{before:?}");
        let after = rest(now + time::Duration::milliseconds(100));
        assert!(after.ends_with(b"\r\ndate: Sat, 21 Nov 2026 10:01:00 GMT\r\n\r\n"), "{after:?}");
        assert_eq!(rest(now), before);
    }
}
