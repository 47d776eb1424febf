//! `GET` and `HEAD /a/{token}`: the download.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use time::OffsetDateTime;

use super::body::{DownloadBody, PublicBody, Source};
use super::cache::LARGEST_OBJECT_OCTETS;
use super::refuse::{self, Refusal};
use super::{LogLine, Public};
use crate::domain::conditional::{self, Answer as Condition, Validators};
use crate::domain::link::{self, LinkState};
use crate::domain::token::{LinkId, Presented, parse_link};
use crate::domain::{filename, media};
use crate::http::problem::Code;
use crate::liveness::{Answer, Entry, Gate, Unknown};
use crate::objects::{MayMend, ObjectError, Owner};
use crate::store::{LivenessRow, ServedObject};

/// What became of a request that was not refused.
pub(super) enum Answered {
    /// A file is on its way.
    Running(Response<PublicBody>),
    /// Answered without a byte of the file: `HEAD`, `304`.
    Whole(Response<PublicBody>, LinkId),
}

/// A registered download that leaves the registry again unless it begins.
struct Candidate(Option<Arc<Entry>>);

impl Drop for Candidate {
    fn drop(&mut self) {
        if let Some(entry) = self.0.take() {
            entry.abandon();
        }
    }
}

/// Serves the file behind a token, if the database says now that its link is alive.
///
/// The order is the promise: form, then liveness, then conditions and ranges, then the file. A dead link never answers
/// 304, 412 or 416.
pub(super) async fn download(
    public: &Public,
    gate: &Arc<Gate>,
    head: &Parts,
    token: &str,
    log: &LogLine,
) -> Result<Answered, Refusal> {
    let app = &public.app;
    let presented = parse_link(token, app.clock.now()).map_err(|_| Refusal::new(Code::NotFound))?;
    let wants_bytes = head.method == Method::GET;
    // Entered before the question is sent, so that no sweep can miss it.
    let mut candidate = Candidate(wants_bytes.then(|| app.downloads.enter(presented.id, gate)));

    let answer = public.batcher.ask(presented.id).await.map_err(|_| Refusal::new(Code::Unavailable))?;
    let row = genuine(answer.row, presented)?;
    let served = alive(&row, public)?;

    let etag = served.object.etag();
    let validators = Validators { etag: &etag, last_modified: served.object.modified_at, size: served.object.size };
    let range = match conditional::evaluate(&head.method, &head.headers, &validators) {
        Condition::Full => None,
        Condition::Partial { first, last } => Some(first..last + 1),
        Condition::NotModified => {
            return Ok(Answered::Whole(not_modified(head, &served, &etag, app.clock.now()), presented.id));
        }
        Condition::PreconditionFailed => return Err(Refusal::of(Code::PreconditionFailed, &row)),
        Condition::RangeNotSatisfiable => {
            return Err(Refusal::of(Code::RangeNotSatisfiable, &row).with_size(served.object.size));
        }
    };

    let octets = range.as_ref().map_or(served.object.size, |range| range.end - range.start);
    let mut response = Response::new(PublicBody::empty());
    describe(response.headers_mut(), head, &served, &etag, app.clock.now());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(octets));
    if let Some(range) = &range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(header::CONTENT_RANGE, content_range(range, served.object.size));
    }
    if !wants_bytes {
        return Ok(Answered::Whole(response, presented.id));
    }

    let source = open(public, &served, &etag, range, row.id).await.map_err(|error| unavailable(&row, &error))?;
    let Some(entry) = candidate.0.take() else { return Err(Refusal::new(Code::Unavailable)) };
    if !entry.begin(answer.sent, end_of(public, log, response.status(), &row)) {
        entry.abandon();
        return Err(Refusal::of(Code::LinkWithdrawn, &row));
    }
    *response.body_mut() = PublicBody::Download(DownloadBody::new(source, octets, entry));
    Ok(Answered::Running(response))
}

/// Never issued, long forgotten and forged all look the same.
fn genuine(row: Option<Arc<LivenessRow>>, presented: Presented) -> Result<Arc<LivenessRow>, Refusal> {
    row.filter(|row| presented.hash.matches(&row.hash)).ok_or(Refusal::new(Code::NotFound))
}

fn alive(row: &Arc<LivenessRow>, public: &Public) -> Result<Arc<ServedObject>, Refusal> {
    let code = match (link::state(row.expires_at, row.withdrawn, public.app.clock.now()), &row.served) {
        (LinkState::Live, Some(served)) => return Ok(Arc::clone(served)),
        (LinkState::Expired, _) => Code::LinkExpired,
        (LinkState::Live | LinkState::Withdrawn, _) => Code::LinkWithdrawn,
    };
    crate::audit::refused(row.id, &row.site, row.recipient.as_ref(), code.name());
    Err(Refusal::of(code, row))
}

fn unavailable(row: &Arc<LivenessRow>, error: &ObjectError) -> Refusal {
    // Gone is not the same as not to be had just now: the latter may be tried again.
    let code = match error {
        ObjectError::NotFound | ObjectError::Changed => Code::ObjectUnavailable,
        ObjectError::Full | ObjectError::Unavailable(_) => Code::Unavailable,
    };
    tracing::error!(
        error = error as &dyn std::error::Error, link_id = %row.id, "the object of a live link cannot be served"
    );
    crate::audit::refused(row.id, &row.site, row.recipient.as_ref(), code.name());
    Refusal::of(code, row)
}

/// What is said and counted once the download has ended.
fn end_of(
    public: &Public,
    log: &LogLine,
    status: StatusCode,
    row: &Arc<LivenessRow>,
) -> impl FnOnce(crate::liveness::Ended) + Send + 'static {
    let (app, log, row) = (Arc::clone(&public.app), log.clone(), Arc::clone(row));
    move |ended| {
        app.metrics.download_ended(ended.outcome, ended.octets, log.started.elapsed());
        log.write(status, ended.octets, Some(row.id), ended.outcome.name());
        crate::audit::downloaded(row.id, &row.site, row.recipient.as_ref(), ended);
    }
}

/// Opens the bytes before the head of the response is sent: a missing object is a `503`, not a cut `200`.
async fn open(
    public: &Public,
    served: &ServedObject,
    etag: &str,
    range: Option<Range<u64>>,
    link: LinkId,
) -> Result<Source, ObjectError> {
    let object = &served.object;
    let range = range.unwrap_or(0..object.size);
    let metrics = &public.app.metrics;
    if object.size > LARGEST_OBJECT_OCTETS {
        let body = crate::http::timed(metrics, "open", public.app.objects.open(object, range)).await?;
        return Ok(Source::Store(body.owned_by(owner(public, link))));
    }
    let whole = if let Some(bytes) = public.cache.get(etag, metrics) {
        public.app.objects.must_be_there(object).await?;
        bytes
    } else {
        let bytes = crate::http::timed(metrics, "read_whole", public.app.objects.read_whole(object)).await?;
        public.cache.put(etag.to_owned(), bytes.clone());
        bytes
    };
    slice(&whole, range).map(Source::Memory)
}

/// A cut transfer is mended only under a link that is alive now. The sweep would cut it soon, but a second is for what
/// was running, not for what begins anew. Expiry ends nothing that has begun.
fn owner(public: &Public, link: LinkId) -> Owner {
    let (batcher, app) = (public.batcher.clone(), Arc::clone(&public.app));
    let may_mend = move || -> BoxFuture<'static, MayMend> {
        let batcher = batcher.clone();
        Box::pin(async move {
            match batcher.ask(link).await {
                Ok(Answer { row: Some(row), .. }) if !row.withdrawn => MayMend::Yes,
                Ok(_) => MayMend::No,
                Err(Unknown) => MayMend::Unknown,
            }
        })
    };
    let mended = move |ended: Result<(), &ObjectError>, took| {
        app.metrics.object_call("mend", ended.err().map_or("ok", ObjectError::name), took);
    };
    Owner::new(may_mend, mended)
}

fn slice(whole: &Bytes, range: Range<u64>) -> Result<Bytes, ObjectError> {
    let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
        return Err(ObjectError::Changed);
    };
    if end > whole.len() { Err(ObjectError::Changed) } else { Ok(whole.slice(start..end)) }
}

fn not_modified(head: &Parts, served: &ServedObject, etag: &str, now: OffsetDateTime) -> Response<PublicBody> {
    let mut response = Response::new(PublicBody::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    describe(response.headers_mut(), head, served, etag, now);
    // RFC 9110 section 15.4.5: no representation metadata beyond what keeps a stored response fresh.
    for name in [header::CONTENT_TYPE, header::CONTENT_DISPOSITION] {
        response.headers_mut().remove(name);
    }
    response
}

/// The headers of a file (API: *Tokens and downloads*).
fn describe(headers: &mut HeaderMap, head: &Parts, served: &ServedObject, etag: &str, now: OffsetDateTime) {
    let as_type = media::served_as(served.kind, &served.media_type);
    let inline = as_type.inline && !wants_attachment(head.uri.query());
    refuse::security_headers(headers, refuse::FILE_POLICY);
    headers.insert(header::CONTENT_TYPE, text(&as_type.content_type));
    headers.insert(header::CONTENT_DISPOSITION, text(&filename::content_disposition(inline, &served.filename)));
    headers.insert(header::ETAG, text(etag));
    // Never later than `Date` (RFC 9110 section 8.8.2.1): versions that replace each other within a second are dated ahead.
    let modified_at = served.object.modified_at.min(now);
    headers.insert(header::LAST_MODIFIED, text(&httpdate::fmt_http_date(modified_at.into())));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
}

/// Our own texts are ASCII; should one not be, the header is left empty rather than the request failed.
fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn content_range(range: &Range<u64>, size: u64) -> HeaderValue {
    text(&format!("bytes {}-{}/{size}", range.start, range.end - 1))
}

fn wants_attachment(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("download")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_download_query_makes_any_file_an_attachment() {
        for (query, expected) in [
            (None, false),
            (Some(""), false),
            (Some("download"), true),
            (Some("download=1"), true),
            (Some("a=b&download"), true),
            (Some("downloads"), false),
            (Some("a=download"), false),
        ] {
            assert_eq!(wants_attachment(query), expected, "{query:?}");
        }
    }

    #[test]
    fn a_slice_is_exact_or_refused() {
        let whole = Bytes::from_static(b"0123456789");
        assert_eq!(slice(&whole, 2..5).unwrap(), "234");
        assert_eq!(slice(&whole, 0..10).unwrap(), "0123456789");
        assert!(slice(&whole, 5..11).is_err());
    }
}
