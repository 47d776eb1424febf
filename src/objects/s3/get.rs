//! The hot `GET`: signed once for each object version, kept for minutes, and sent by the pooled client directly.
//!
//! `Range` and `If-Match` are not part of what is signed, so that one signature serves all ranges of a version.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_smithy_types::body::SdkBody;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use super::failure::{Failure, innermost};
use super::version::S3Version;
use super::{S3Bucket, lie};
use crate::domain::attachment::{ObjectKey, ObjectVersion};
use crate::objects::ObjectError;
use crate::objects::mend::{Broken, Mended, Patience};

/// How long a signature is good for.
const SIGNED_FOR: Duration = Duration::from_mins(10);
/// How long it is kept: a download that begins at the last moment has minutes left to be mended under it.
pub(super) const SIGNED_KEPT_FOR: Duration = Duration::from_mins(4);
/// Signatures that are kept, of about 1 kB each.
pub(super) const SIGNED_KEPT: u64 = 10_000;
/// The most that is read of a refusal.
const DOCUMENT_OCTETS: usize = 16 * 1024;

const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");

/// What a signature is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    key: ObjectKey,
    version_id: Option<String>,
}

/// A signed request without its conditions.
pub(super) struct Signed {
    uri: Uri,
    headers: HeaderMap,
}

/// The size that `bytes 0-N/SIZE` names, when it is the answer to a question for the first octets that gave `length`.
pub(super) fn size_of_start(content_range: &str, length: u64) -> Option<u64> {
    let (range, size) = content_range.strip_prefix("bytes 0-")?.split_once('/')?;
    let (last, size): (u64, u64) = (range.parse().ok()?, size.parse().ok()?);
    (last.checked_add(1)? == length && length <= size).then_some(size)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a successful answer is one to the question for `range` of this version. `Err` says what it is instead.
fn check(
    status: StatusCode,
    headers: &HeaderMap,
    version: &S3Version,
    size: u64,
    range: &Range<u64>,
) -> Result<(), ObjectError> {
    if !version.is(text(headers, &header::ETAG), text(headers, &VERSION_ID)) {
        return Err(ObjectError::Changed);
    }
    match status {
        StatusCode::PARTIAL_CONTENT => {
            let expected = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            if text(headers, &header::CONTENT_RANGE) != Some(expected.as_str()) {
                return Err(lie("it gives another range"));
            }
        }
        StatusCode::OK if *range == (0..size) => {}
        StatusCode::OK => return Err(lie("it gives the whole object for a part of it")),
        _ => return Err(lie("it is a success of another kind")),
    }
    match text(headers, &header::CONTENT_LENGTH).map(str::parse::<u64>) {
        None => Ok(()),
        Some(Ok(length)) if length == range.end - range.start => Ok(()),
        Some(_) => Err(lie("it gives another length")),
    }
}

impl S3Bucket {
    async fn sign(&self, wanted: &Wanted) -> Result<Signed, Failure> {
        let full = self.full_key(&wanted.key).map_err(|_| Failure::Refused { status: 404, code: None })?;
        let valid = PresigningConfig::expires_in(SIGNED_FOR).map_err(|_| Failure::Lie("no signature"))?;
        let get = self.client.get_object().bucket(&self.bucket).key(full).set_version_id(wanted.version_id.clone());
        let signed = get.presigned(valid).await.map_err(|error| Failure::of_sdk(&error))?;
        let uri = signed.uri().parse().map_err(|_| Failure::Lie("a signed address is none"))?;
        let headers = signed.headers().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        Ok(Signed { uri, headers: headers.collect() })
    }

    async fn signed(&self, wanted: &Wanted) -> Result<Arc<Signed>, Failure> {
        if let Some(signed) = self.signed.get(wanted) {
            return Ok(signed);
        }
        let signed = Arc::new(self.sign(wanted).await?);
        self.signed.insert(wanted.clone(), Arc::clone(&signed));
        Ok(signed)
    }

    async fn ask(
        &self,
        signed: &Signed,
        version: &S3Version,
        range: Option<&Range<u64>>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::new(SdkBody::empty());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = signed.uri.clone();
        let headers = request.headers_mut();
        headers.clone_from(&signed.headers);
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Failure::Lie("an entity tag is none"));
        headers.insert(header::IF_MATCH, value(&version.etag)?);
        if let Some(range) = range {
            headers.insert(header::RANGE, value(&format!("bytes={}-{}", range.start, range.end - 1))?);
        }
        self.wire.send(request, self.read_timeout).await.map_err(|failed| Failure::NoAnswer(innermost(&failed)))
    }

    /// Asks for a range of a version, and checks the head of the answer.
    async fn piece(&self, version: &ObjectVersion, range: &Range<u64>) -> Result<Incoming, Broken> {
        let s3 = S3Version::parse(&version.version).map_err(Broken::ForGood)?;
        let wanted = Wanted { key: version.key.clone(), version_id: s3.id.clone() };
        let part = (*range != (0..version.size)).then_some(range);
        for fresh in [false, true] {
            let signed = self.signed(&wanted).await.map_err(broken)?;
            let answer = self.ask(&signed, &s3, part).await.map_err(broken)?;
            if answer.status().is_success() {
                check(answer.status(), answer.headers(), &s3, version.size, range).map_err(Broken::ForGood)?;
                return Ok(answer.into_body());
            }
            let refused = self.refused(answer).await;
            // Credentials that were lent may end before a signature that was made with them.
            if fresh || !matches!(refused, Failure::Refused { status: 400 | 401 | 403, .. }) {
                return Err(broken(refused));
            }
            self.signed.invalidate(&wanted);
        }
        Err(Broken::ForGood(ObjectError::Changed))
    }

    async fn refused(&self, answer: Response<Incoming>) -> Failure {
        let (head, body) = answer.into_parts();
        let document = tokio::time::timeout(self.read_timeout, Limited::new(body, DOCUMENT_OCTETS).collect()).await;
        let document = document.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
        Failure::refused(head.status, &document.unwrap_or_default())
    }

    fn mended(self: &Arc<Self>, version: &ObjectVersion, range: Range<u64>) -> Mended<Incoming> {
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
    ) -> Result<Mended<Incoming>, ObjectError> {
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
        let mut body = self.body(version, 0..version.size).await?;
        let mut whole = BytesMut::with_capacity(size);
        while let Some(octets) = futures_util::StreamExt::next(&mut body).await {
            whole.extend_from_slice(&octets?);
        }
        Ok(whole.freeze())
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
            let mut headers = HeaderMap::new();
            headers.insert(header::ETAG, etag.parse().unwrap());
            id.map(|id| headers.insert(VERSION_ID, id.parse().unwrap()));
            content_range.map(|range| headers.insert(header::CONTENT_RANGE, range.parse().unwrap()));
            length.map(|length| headers.insert(header::CONTENT_LENGTH, length.into()));
            check(StatusCode::from_u16(status).unwrap(), &headers, &version, 100, &range).map_err(|error| error.name())
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
