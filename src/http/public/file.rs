//! A file on its way to whoever may have it: conditions and ranges, headers, bytes.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::body::{DownloadBody, PublicBody};
use super::cache::LARGEST_OBJECT_OCTETS;
use super::holder::Holder;
use super::refuse::{self, Refusal};
use super::{LogLine, Public};
use crate::app::App;
use crate::domain::conditional::{self, Answer as Condition, Validators};
use crate::domain::token::LinkId;
use crate::domain::{filename, media};
use crate::http::problem::Code;
use crate::liveness::{Answer, Capability, Ended, Entry, Gate, Unknown};
use crate::logging::causes;
pub(super) use crate::objects::Source;
use crate::objects::{MayMend, ObjectError, Owner};
use crate::store::{Registration, ServedObject};

/// What became of a request that was not refused.
pub(super) enum Answered {
    /// A file is on its way.
    Running(Response<PublicBody>),
    /// Answered without a byte of a file.
    Whole(Response<PublicBody>, Option<LinkId>),
}

/// How a request wants a file described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// Never shown in place (`?download`).
    pub(super) attachment: bool,
    /// Who reads the name.
    pub(super) reader: filename::Reader,
}

impl Wish {
    pub(super) fn of(query: Option<&str>, user_agent: &[u8]) -> Self {
        Self { attachment: wants_attachment(query), reader: filename::Reader::of(user_agent) }
    }

    fn of_head(head: &Parts) -> Self {
        let user_agent = head.headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
        Self::of(head.uri.query(), user_agent)
    }
}

/// A registered download that leaves the registry again unless it begins.
pub(super) struct Candidate(Option<Arc<Entry>>);

impl Candidate {
    /// Enters a download that would send bytes. To be called before the database is asked, so that no sweep can miss it.
    pub(super) fn enter(public: &Public, gate: &Arc<Gate>, head: &Parts, under: impl Into<Capability>) -> Self {
        Self((head.method == Method::GET).then(|| public.app.downloads.enter(under, gate)))
    }

    /// As [`enter`](Self::enter), for a request that is known to be a `GET`.
    pub(super) fn enter_get(public: &Public, gate: &Arc<Gate>, under: impl Into<Capability>) -> Self {
        Self(Some(public.app.downloads.enter(under, gate)))
    }

    /// The download, which then leaves the registry by its own end.
    pub(super) fn take(&mut self) -> Option<Arc<Entry>> {
        self.0.take()
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        if let Some(entry) = self.0.take() {
            entry.abandon();
        }
    }
}

/// The database said that whoever asks may have the file.
pub(super) struct Grant {
    /// The download, entered before the question.
    pub(super) candidate: Candidate,
    /// Who may, and why.
    pub(super) holder: Holder,
    /// The file.
    pub(super) served: Arc<ServedObject>,
    /// When the question was sent.
    pub(super) sent: Instant,
}

/// Serves the file. Conditions and ranges come after liveness: what is dead never answers 304, 412 or 416.
pub(super) async fn send(public: &Public, head: &Parts, log: &LogLine, grant: Grant) -> Result<Answered, Refusal> {
    let app = &public.app;
    let Grant { mut candidate, holder, served, sent } = grant;
    let (holder, served) = (&holder, &served);
    let etag = served.object.etag();
    let validators = Validators { etag: &etag, last_modified: served.object.modified_at, size: served.object.size };
    let range = match conditional::evaluate(&head.method, &head.headers, &validators) {
        Condition::Full => None,
        Condition::Partial { first, last } => Some(first..last + 1),
        Condition::NotModified => {
            let response = not_modified(Wish::of_head(head), served, &etag, app.clock.now());
            return Ok(Answered::Whole(response, holder.link()));
        }
        Condition::PreconditionFailed => return Err(Refusal::of(Code::PreconditionFailed, holder)),
        Condition::RangeNotSatisfiable => {
            return Err(Refusal::of(Code::RangeNotSatisfiable, holder).with_size(served.object.size));
        }
    };

    let octets = range.as_ref().map_or(served.object.size, |range| range.end - range.start);
    let mut response = Response::new(PublicBody::empty());
    describe(response.headers_mut(), Wish::of_head(head), served, &etag, app.clock.now());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(octets));
    if let Some(range) = &range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(header::CONTENT_RANGE, content_range(range, served.object.size));
    }
    if head.method != Method::GET {
        return Ok(Answered::Whole(response, holder.link()));
    }

    let opened = open(public, served, &etag, range, holder, sent).await;
    let source = opened.map_err(|error| unavailable(holder, log, &error))?;
    let Some(entry) = candidate.take() else { return Err(Refusal::new(Code::Unavailable)) };
    entry.serves(served.registration);
    if !entry.begin(sent, end_of(public, log, response.status(), holder)) {
        entry.abandon();
        return Err(Refusal::of(holder.withdrawn(), holder));
    }
    *response.body_mut() = PublicBody::Download(DownloadBody::new(source, octets, entry));
    Ok(Answered::Running(response))
}

fn unavailable(holder: &Holder, log: &LogLine, error: &ObjectError) -> Refusal {
    // Gone is not the same as not to be had just now: the latter may be tried again.
    let code = match error {
        ObjectError::NotFound | ObjectError::Changed => Code::ObjectUnavailable,
        ObjectError::Full | ObjectError::Unavailable(_) => Code::Unavailable,
    };
    tracing::error!(
        error = %causes(error),
        link_id = holder.link().map(tracing::field::display),
        "the object of a live attachment cannot be served"
    );
    holder.record_refusal(code, log.client);
    Refusal::of(code, holder)
}

/// What is said and counted once the download has ended.
pub(super) fn end_of(
    public: &Public,
    log: &LogLine,
    status: StatusCode,
    holder: &Holder,
) -> impl FnOnce(Ended) + Send + 'static {
    let (app, log, holder) = (Arc::clone(&public.app), log.clone(), holder.clone());
    move |how| ended(&app, &log, status, &holder, how, log.started.elapsed())
}

/// A download has ended, so long after its request came.
pub(super) fn ended(app: &App, log: &LogLine, status: StatusCode, holder: &Holder, ended: Ended, took: Duration) {
    app.metrics.download_ended(ended.outcome, ended.octets, took);
    log.write(status, ended.octets, holder.link(), ended.outcome.name());
    holder.record_download(ended, log.client);
}

/// Opens the bytes before the head of the response is sent: a missing object is a `503`, not a cut `200`. `now`: when
/// the database was asked ([`Small::range`]).
pub(super) async fn open(
    public: &Public,
    served: &ServedObject,
    etag: &str,
    range: Option<Range<u64>>,
    holder: &Holder,
    now: Instant,
) -> Result<Source, ObjectError> {
    let object = &served.object;
    let range = range.unwrap_or(0..object.size);
    let (metrics, now) = (&public.app.metrics, now.into_std());
    if object.size > LARGEST_OBJECT_OCTETS {
        let body = crate::http::timed(metrics, "open", public.app.objects.open(object, range)).await?;
        return Ok(Source::Store(body.owned_by(owner(public, holder, served.registration))));
    }
    let small = match public.cache.get(etag, metrics) {
        Some(small) if public.app.objects.still_has(object, &small).await? => small,
        _ => {
            let small = crate::http::timed(metrics, "read_whole", public.app.objects.small(object)).await?;
            public.cache.put(etag, &small);
            small
        }
    };
    small.range(range, now).await
}

/// A cut transfer is mended only under what holds now. The sweep would cut it soon, but a second is for what was
/// running, not for what begins anew. Expiry ends nothing that has begun.
fn owner(public: &Public, holder: &Holder, registration: Option<Registration>) -> Owner {
    let (links, logins) = (public.batcher.clone(), public.logins.clone());
    let (app, capability) = (Arc::clone(&public.app), holder.capability());
    let may_mend = move || -> BoxFuture<'static, MayMend> {
        let (links, logins, capability) = (links.clone(), logins.clone(), capability.clone());
        Box::pin(async move {
            match capability {
                Capability::Link(link) => may_mend(links.ask(link).await, |row| !row.withdrawn),
                Capability::Customer(login) => {
                    may_mend(logins.ask((*login).clone()).await, |row| row.grants(registration))
                }
            }
        })
    };
    let mended = move |ended: Result<(), &ObjectError>, took| {
        app.metrics.object_call("mend", ended.err().map_or("ok", ObjectError::name), took);
    };
    Owner::new(may_mend, mended)
}

fn may_mend<R>(answer: Result<Answer<R>, Unknown>, holds: impl Fn(&R) -> bool) -> MayMend {
    match answer {
        Ok(Answer { row: Some(row), .. }) if holds(&row) => MayMend::Yes,
        Ok(_) => MayMend::No,
        Err(Unknown) => MayMend::Unknown,
    }
}

fn not_modified(wish: Wish, served: &ServedObject, etag: &str, now: OffsetDateTime) -> Response<PublicBody> {
    let mut response = Response::new(PublicBody::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    describe(response.headers_mut(), wish, served, etag, now);
    // RFC 9110 section 15.4.5: no representation metadata beyond what keeps a stored response fresh.
    for name in [header::CONTENT_TYPE, header::CONTENT_DISPOSITION] {
        response.headers_mut().remove(name);
    }
    response
}

/// The headers of a file (API: *Tokens and downloads*).
fn describe(headers: &mut HeaderMap, wish: Wish, served: &ServedObject, etag: &str, now: OffsetDateTime) {
    describe_any(headers);
    describe_this(headers, wish, served, etag, now);
}

/// Those that are the same for every file.
pub(super) fn describe_any(headers: &mut HeaderMap) {
    refuse::security_headers(headers, refuse::FILE_POLICY);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
}

/// Those that tell of this one.
pub(super) fn describe_this(
    headers: &mut HeaderMap,
    wish: Wish,
    served: &ServedObject,
    etag: &str,
    now: OffsetDateTime,
) {
    let as_type = media::served_as(served.kind, &served.media_type);
    let inline = as_type.inline && !wish.attachment;
    headers.insert(header::CONTENT_TYPE, text(&as_type.content_type));
    headers.insert(header::CONTENT_DISPOSITION, disposition(wish.reader, inline, &served.filename));
    headers.insert(header::ETAG, text(etag));
    // Never later than `Date` (RFC 9110 section 8.8.2.1): versions that replace each other within a second are dated ahead.
    // Nor before 1970, where files of some archives are dated: HTTP dates here go no further back.
    let modified_at = served.object.modified_at.min(now).max(OffsetDateTime::UNIX_EPOCH);
    headers.insert(header::LAST_MODIFIED, text(&httpdate::fmt_http_date(modified_at.into())));
}

/// In the words that whoever asks reads right.
fn disposition(reader: filename::Reader, inline: bool, name: &str) -> HeaderValue {
    let value = filename::content_disposition(inline, name, reader);
    HeaderValue::try_from(value.into_bytes()).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
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
}
