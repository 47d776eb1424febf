//! The hot `GET`: signed once for each object version, kept for minutes, and sent without the SDK.
//!
//! `Range` and `If-Match` are not part of what is signed, so that one signature serves all ranges of a version.

use std::borrow::Cow;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use aws_sdk_s3::presigning::PresigningConfig;
use aws_smithy_types::body::SdkBody;
use bytes::{Bytes, BytesMut};
use compact_str::CompactString;
use http::response::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use quick_cache::Equivalent;

use super::failure::{Failure, innermost, may_pass};
use super::piece::Piece;
use super::plain::{Answer, Said, VERSION_ID};
use super::version::S3Version;
use super::{S3Bucket, lie};
use crate::domain::attachment::{ObjectKey, ObjectVersion};
use crate::objects::ObjectError;
use crate::objects::mend::{self, Broken, Mended, Patience};

/// How long a signature is good for.
const SIGNED_FOR: Duration = Duration::from_mins(10);
/// How long it is used: a download that begins at the last moment has minutes left to be mended under it.
const SIGNED_USED_FOR: Duration = Duration::from_mins(4);
/// Signatures that are kept, of about 2 kB each.
pub(super) const SIGNED_KEPT: usize = 10_000;
/// The most that is read of a refusal.
const DOCUMENT_OCTETS: usize = 16 * 1024;

const LINE_END: &[u8] = b"\r\n";

/// What a request is for: an object, in a version as the database has it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    key: ObjectKey,
    version: CompactString,
}

/// As [`Wanted`], to look for it.
#[derive(Hash)]
struct Look<'a> {
    key: &'a ObjectKey,
    version: &'a str,
}

impl Equivalent<Wanted> for Look<'_> {
    fn equivalent(&self, wanted: &Wanted) -> bool {
        *self.key == wanted.key && self.version == wanted.version
    }
}

/// A signed request for a version, without its range.
pub(super) struct Signed {
    version: S3Version,
    uri: Uri,
    headers: HeaderMap,
    /// As it goes to the server.
    request: Vec<u8>,
    at: Instant,
}

impl Signed {
    fn new(version: S3Version, uri: Uri, mut headers: HeaderMap) -> Result<Self, Failure> {
        let etag = HeaderValue::from_str(&version.etag).map_err(|_| Failure::Lie("an entity tag is none"))?;
        headers.insert(header::IF_MATCH, etag);
        let host = host(&uri).ok_or(Failure::Lie("a signed address has no host"))?;
        headers.entry(header::HOST).or_insert(host);
        let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let mut request = format!("GET {target} HTTP/1.1\r\n").into_bytes();
        for (name, value) in &headers {
            request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), LINE_END].concat());
        }
        request.extend(LINE_END);
        Ok(Self { version, uri, headers, request, at: Instant::now() })
    }

    fn is_fresh(&self) -> bool {
        self.at.elapsed() < SIGNED_USED_FOR
    }

    /// The octets of the request for a range, or for all.
    fn request(&self, range: Option<&Range<u64>>) -> Cow<'_, [u8]> {
        let Some(range) = range else { return Cow::Borrowed(&self.request) };
        let head = self.request.strip_suffix(LINE_END).unwrap_or_default();
        Cow::Owned([head, format!("range: {}\r\n\r\n", ranged(range)).as_bytes()].concat())
    }
}

/// As it was signed: with a port only where it is not the usual one.
fn host(uri: &Uri) -> Option<HeaderValue> {
    let host = uri.host()?;
    let is_usual =
        matches!((uri.scheme_str(), uri.port_u16()), (_, None) | (Some("http"), Some(80)) | (Some("https"), Some(443)));
    let text = if is_usual { host.to_owned() } else { format!("{host}:{}", uri.port_u16()?) };
    text.try_into().ok()
}

fn ranged(range: &Range<u64>) -> String {
    format!("bytes={}-{}", range.start, range.end - 1)
}

/// The size that `bytes 0-N/SIZE` names, when it is the answer to a question for the first octets that gave `length`.
pub(super) fn size_of_start(content_range: &str, length: u64) -> Option<u64> {
    let (range, size) = content_range.strip_prefix("bytes 0-")?.split_once('/')?;
    let (last, size): (u64, u64) = (range.parse().ok()?, size.parse().ok()?);
    (last.checked_add(1)? == length && length <= size).then_some(size)
}

/// What the head of an answer by hyper says.
fn said(head: &Parts) -> Said<'_> {
    let text = |name: HeaderName| head.headers.get(name)?.to_str().ok();
    Said {
        status: head.status,
        etag: text(header::ETAG),
        version_id: text(VERSION_ID),
        content_range: text(header::CONTENT_RANGE),
        content_length: text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
    }
}

/// Whether a successful answer is one to the question for `range` of this version. `Err` says what it is instead.
fn check(said: &Said<'_>, version: &S3Version, size: u64, range: &Range<u64>) -> Result<(), ObjectError> {
    if !version.is(said.etag, said.version_id) {
        return Err(ObjectError::Changed);
    }
    match said.status {
        StatusCode::PARTIAL_CONTENT => {
            let expected = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            if said.content_range != Some(expected.as_str()) {
                return Err(lie("it gives another range"));
            }
        }
        StatusCode::OK if *range == (0..size) => {}
        StatusCode::OK => return Err(lie("it gives the whole object for a part of it")),
        _ => return Err(lie("it is a success of another kind")),
    }
    match said.content_length {
        Some(length) if length != range.end - range.start => Err(lie("it gives another length")),
        _ => Ok(()),
    }
}

impl S3Bucket {
    async fn sign(&self, key: &ObjectKey, version: S3Version) -> Result<Signed, Failure> {
        let full = self.full_key(key).map_err(|_| Failure::Refused { status: 404, code: None })?;
        let valid = PresigningConfig::expires_in(SIGNED_FOR).map_err(|_| Failure::Lie("no signature"))?;
        let get = self.client.get_object().bucket(&self.bucket).key(full).set_version_id(version.id.clone());
        let signed = get.presigned(valid).await.map_err(|error| Failure::of_sdk(&error))?;
        let uri = signed.uri().parse().map_err(|_| Failure::Lie("a signed address is none"))?;
        let headers = signed.headers().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        Signed::new(version, uri, headers.collect())
    }

    async fn signed(&self, object: &ObjectVersion) -> Result<Arc<Signed>, Broken> {
        if let Some(signed) = self.signed.get(&Look { key: &object.key, version: &object.version })
            && signed.is_fresh()
        {
            return Ok(signed);
        }
        let version = S3Version::parse(&object.version).map_err(Broken::ForGood)?;
        // Boxed, as what is seldom awaited: the SDK makes large futures.
        let signed = Arc::new(Box::pin(self.sign(&object.key, version)).await.map_err(broken)?);
        self.signed.insert(Wanted { key: object.key.clone(), version: object.version.clone() }, Arc::clone(&signed));
        Ok(signed)
    }

    pub(in crate::objects) fn forget_old_signatures(&self) {
        self.signed.retain(|_, signed| signed.is_fresh());
    }

    async fn ask_hyper(&self, signed: &Signed, range: Option<&Range<u64>>) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::new(SdkBody::empty());
        *request.uri_mut() = signed.uri.clone();
        let headers = request.headers_mut();
        headers.clone_from(&signed.headers);
        if let Some(range) = range {
            let range = HeaderValue::try_from(ranged(range)).map_err(|_| Failure::Lie("a range is none"))?;
            headers.insert(header::RANGE, range);
        }
        self.wire.send(request, self.read_timeout).await.map_err(|failed| Failure::NoAnswer(innermost(&failed)))
    }

    /// Asks for a range of a version, and checks the head of the answer.
    async fn ask(&self, signed: &Signed, size: u64, range: &Range<u64>) -> Result<Piece, Unanswered> {
        let part = (*range != (0..size)).then_some(range);
        let check = |said: &Said<'_>| {
            let checked = said.status.is_success().then(|| check(said, &signed.version, size, range));
            (said.status, checked)
        };
        if self.habit.is_plain() {
            let request = signed.request(part);
            let asked = self.plain.get(&self.wire, &signed.uri, &request, self.read_timeout, check).await;
            match asked.map_err(|failed| Failure::NoAnswer(innermost(&failed)))? {
                Answer::Plain((_, Some(checked)), body) => return Ok(checked.map(|()| Piece::Plain(body))?),
                Answer::Plain((status, None), body) => {
                    return Err(self.refused(status, Piece::Plain(body)).await.into());
                }
                Answer::Other(Some(status)) if may_pass(status.as_u16()) => {
                    return Err(Failure::refused(status, b"").into());
                }
                Answer::Other(Some(status)) if status.is_success() => self.habit.is_not_plain(),
                Answer::Other(_) => {}
            }
        }
        let (head, body) = Box::pin(self.ask_hyper(signed, part)).await?.into_parts();
        match check(&said(&head)) {
            (_, Some(checked)) => Ok(checked.map(|()| Piece::Hyper(body))?),
            (status, None) => Err(self.refused(status, Piece::Hyper(body)).await.into()),
        }
    }

    /// Opens a range of a version.
    async fn piece(&self, version: &ObjectVersion, range: &Range<u64>) -> Result<Piece, Broken> {
        for fresh in [false, true] {
            let signed = self.signed(version).await?;
            match self.ask(&signed, version.size, range).await {
                Ok(piece) => return Ok(piece),
                // Credentials that were lent may end before a signature that was made with them.
                Err(Unanswered::Failed(Failure::Refused { status: 400 | 401 | 403, .. })) if !fresh => {
                    self.signed.remove(&Look { key: &version.key, version: &version.version });
                }
                Err(Unanswered::Failed(failure)) => return Err(broken(failure)),
                Err(Unanswered::Wrong(error)) => return Err(Broken::ForGood(error)),
            }
        }
        Err(Broken::ForGood(ObjectError::Changed))
    }

    async fn refused(&self, status: StatusCode, body: Piece) -> Failure {
        let document = tokio::time::timeout(self.read_timeout, Limited::new(body, DOCUMENT_OCTETS).collect()).await;
        let document = document.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
        Failure::refused(status, &document.unwrap_or_default())
    }

    fn mended(self: &Arc<Self>, version: &ObjectVersion, range: Range<u64>) -> Mended<Piece> {
        let (bucket, version) = (Arc::clone(self), version.clone());
        let patience = Patience { silence: self.read_timeout(), away: self.mend_limit() };
        Mended::new(range, patience, move |rest| {
            let (bucket, version) = (Arc::clone(&bucket), version.clone());
            Box::pin(async move { bucket.piece(&version, &rest).await })
        })
    }

    pub(in crate::objects) async fn body(
        self: &Arc<Self>,
        version: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Mended<Piece>, ObjectError> {
        if range.start > range.end || range.end > version.size {
            return Err(ObjectError::misuse("a range beyond the object"));
        }
        if range.is_empty() {
            self.must_be(version).await?;
            return Ok(self.mended(version, range));
        }
        let mut body = self.mended(version, range);
        body.open().await?;
        Ok(body)
    }

    /// Whether the key holds this version, where no octet of it is wanted.
    async fn must_be(&self, version: &ObjectVersion) -> Result<(), ObjectError> {
        let s3 = S3Version::parse(&version.version)?;
        let head = self.client.head_object().bucket(&self.bucket).key(self.full_key(&version.key)?);
        let head = head.if_match(&s3.etag).set_version_id(s3.id.clone()).send().await;
        let head = head.map_err(|error| Failure::of_sdk(&error).looking())?;
        let same = s3.is(head.e_tag(), head.version_id()) && super::to_size(head.content_length())? == version.size;
        if same { Ok(()) } else { Err(ObjectError::Changed) }
    }

    pub(in crate::objects) async fn read_whole(
        self: &Arc<Self>,
        version: &ObjectVersion,
    ) -> Result<Bytes, ObjectError> {
        let size = usize::try_from(version.size).map_err(|_| ObjectError::misuse("too large to be read whole"))?;
        if size == 0 {
            return self.must_be(version).await.map(|()| Bytes::new());
        }
        let all = 0..version.size;
        let mut piece = mend::first(|| self.piece(version, &all)).await?;
        let begun = match poll_fn(|cx| Poll::Ready(mend::octets(&mut piece, cx))).await {
            // Most come whole with the head of the answer: nothing is made for their mending then.
            Poll::Ready(Some(octets)) if octets.len() == size => return Ok(octets),
            Poll::Ready(Some(octets)) if octets.len() < size => octets,
            Poll::Ready(Some(_)) => return Err(lie("it gives more than it says")),
            Poll::Ready(None) | Poll::Pending => Bytes::new(),
        };
        let mut body = self.mended(version, begun.len() as u64..version.size);
        body.begin(piece);
        let mut whole = BytesMut::with_capacity(size);
        whole.extend_from_slice(&begun);
        while let Some(octets) = futures_util::StreamExt::next(&mut body).await {
            whole.extend_from_slice(&octets?);
        }
        Ok(whole.freeze())
    }
}

/// Why there is no piece.
enum Unanswered {
    /// The server did not give it.
    Failed(Failure),
    /// It gave something else.
    Wrong(ObjectError),
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ObjectError> for Unanswered {
    fn from(error: ObjectError) -> Self {
        Self::Wrong(error)
    }
}

fn broken(failure: Failure) -> Broken {
    if failure.may_pass() { Broken::ForNow(failure.looking()) } else { Broken::ForGood(failure.looking()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_tells_the_size() {
        for (range, length, size) in [
            ("bytes 0-9/100", 10, Some(100)),
            ("bytes 0-9/10", 10, Some(10)),
            ("bytes 0-9/100", 9, None),
            ("bytes 1-9/100", 9, None),
            ("bytes 0-9/*", 10, None),
            ("bytes 0-9/5", 10, None),
            ("bytes 0-18446744073709551615/5", 0, None),
            ("", 0, None),
        ] {
            assert_eq!(size_of_start(range, length), size, "{range} {length}");
        }
    }

    #[test]
    fn only_the_answer_to_the_question_is_used() {
        let version = S3Version::of(Some("\"a\""), Some("v1")).unwrap();
        let ask = |status: u16,
                   etag: &str,
                   id: Option<&str>,
                   content_range: Option<&str>,
                   length: Option<u64>,
                   range: Range<u64>| {
            let said = Said {
                status: StatusCode::from_u16(status).unwrap(),
                etag: Some(etag),
                version_id: id,
                content_range,
                content_length: length,
            };
            check(&said, &version, 100, &range).map_err(|error| error.name())
        };
        let same = "\"a\"";
        assert_eq!(ask(200, same, Some("v1"), None, Some(100), 0..100), Ok(()));
        assert_eq!(ask(206, same, None, Some("bytes 0-99/100"), None, 0..100), Ok(()));
        assert_eq!(ask(206, same, None, Some("bytes 5-9/100"), Some(5), 5..10), Ok(()));
        for (name, answer) in [
            ("another entity tag", ask(206, "\"b\"", None, Some("bytes 5-9/100"), Some(5), 5..10)),
            ("another version", ask(206, same, Some("v2"), Some("bytes 5-9/100"), Some(5), 5..10)),
        ] {
            assert_eq!(answer, Err("changed"), "{name}");
        }
        for (name, answer) in [
            ("the whole for a part", ask(200, same, None, None, Some(100), 5..10)),
            ("the whole for a start", ask(200, same, None, None, Some(100), 0..10)),
            ("no range", ask(206, same, None, None, Some(5), 5..10)),
            ("another start", ask(206, same, None, Some("bytes 4-9/100"), Some(6), 5..10)),
            ("another end", ask(206, same, None, Some("bytes 5-8/100"), Some(4), 5..10)),
            ("another size", ask(206, same, None, Some("bytes 5-9/101"), Some(5), 5..10)),
            ("another length", ask(206, same, None, Some("bytes 5-9/100"), Some(6), 5..10)),
            ("a short whole", ask(200, same, None, None, Some(99), 0..100)),
            ("nothing", ask(204, same, None, None, None, 0..100)),
        ] {
            assert_eq!(answer, Err("unavailable"), "{name}");
        }
    }
}
