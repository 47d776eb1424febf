//! The head of an answer with a whole file. All but its date is made once for each row that the database gave.

use std::cell::RefCell;
use std::sync::OnceLock;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use time::OffsetDateTime;

use super::super::file::{self, Wish};
use crate::store::ServedObject;

/// Of those that are asked for first: one for whoever reads the email, one for whatever looks at it before.
const KEPT: usize = 2;
/// Most heads are of about 700 octets.
const USUAL_OCTETS: usize = 1024;

/// The heads of one row's answers.
pub(super) struct Heads {
    etag: String,
    made: [OnceLock<(Wish, Bytes)>; KEPT],
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

    /// Everything before the date.
    pub(super) fn head(&self, served: &ServedObject, wish: Wish, now: OffsetDateTime) -> Bytes {
        let make = || make(served, wish, &self.etag, now);
        // Until then `Last-Modified` moves with the time.
        if served.object.modified_at > now {
            return make();
        }
        let kept = |made: &OnceLock<(Wish, Bytes)>| {
            let (of, head) = made.get_or_init(|| (wish, make()));
            (*of == wish).then(|| head.clone())
        };
        self.made.iter().find_map(kept).unwrap_or_else(make)
    }
}

fn make(served: &ServedObject, wish: Wish, etag: &str, now: OffsetDateTime) -> Bytes {
    let mut headers = HeaderMap::new();
    file::describe(&mut headers, wish, served, etag, now);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(served.object.size));
    let mut head = BytesMut::with_capacity(USUAL_OCTETS);
    head.put_slice(b"HTTP/1.1 200 OK\r\n");
    for (name, value) in &headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.put_slice(part);
        }
    }
    // Without the room that was not used, for as long as the row is kept.
    Bytes::copy_from_slice(&head)
}

thread_local! {
    /// The date of the second that was asked for last.
    static DATE: RefCell<(i64, Bytes)> = const { RefCell::new((i64::MIN, Bytes::new())) };
}

/// The date, and the end of the head.
pub(super) fn date(now: OffsetDateTime) -> Bytes {
    DATE.with_borrow_mut(|(second, line)| {
        if *second != now.unix_timestamp() {
            *second = now.unix_timestamp();
            *line = format!("date: {}\r\n\r\n", httpdate::fmt_http_date(now.into())).into();
        }
        line.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_date_follows_the_clock() {
        let now = datetime!(2026-11-21 10:00:59.9 UTC);
        assert_eq!(date(now), "date: Sat, 21 Nov 2026 10:00:59 GMT\r\n\r\n");
        assert_eq!(date(now + time::Duration::milliseconds(100)), "date: Sat, 21 Nov 2026 10:01:00 GMT\r\n\r\n");
        assert_eq!(date(now), "date: Sat, 21 Nov 2026 10:00:59 GMT\r\n\r\n");
    }
}
