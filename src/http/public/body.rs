//! Bodies of the public listener's responses.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream as _;
use http::Method;
use http_body::{Body, Frame, SizeHint};

use crate::liveness::{CutReason, Entry};
use crate::logging::causes;
use crate::objects::Source;

/// The file cannot be sent to its end. The connection is being reset; nobody reads this text.
#[derive(Debug, thiserror::Error)]
#[error("the download was cut")]
pub struct Cut;

/// A response's body.
pub enum PublicBody {
    /// A page, a problem, or nothing.
    Whole(Option<Bytes>),
    /// A file on its way.
    Download(DownloadBody),
}

impl PublicBody {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Whole(None)
    }

    /// All of `bytes`, or nothing when the method is `HEAD`.
    #[must_use]
    pub fn whole_unless_head(method: &Method, bytes: Bytes) -> Self {
        Self::Whole((method != Method::HEAD && !bytes.is_empty()).then_some(bytes))
    }
}

/// A file on its way: gives exactly the octets it promised, or cuts the connection.
pub struct DownloadBody {
    source: Source,
    remaining: u64,
    entry: Arc<Entry>,
}

impl DownloadBody {
    /// A body of `octets` octets from `source`, running as `entry`.
    #[must_use]
    pub fn new(source: Source, octets: u64, entry: Arc<Entry>) -> Self {
        if octets == 0 {
            entry.body_over(true);
        }
        Self { source, remaining: octets, entry }
    }

    /// Nothing, or more than there is, is not what was promised.
    fn give(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let octets = bytes.len() as u64;
        let Some(remaining) = self.remaining.checked_sub(octets).filter(|_| octets > 0) else {
            tracing::error!(link_id = self.link(), "the object store gave another number of octets than it promised");
            return self.fail();
        };
        self.remaining = remaining;
        self.entry.took(octets);
        if self.remaining == 0 {
            self.entry.body_over(true);
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    /// The link, for the log.
    fn link(&self) -> Option<impl tracing::Value> {
        self.entry.capability().link().map(tracing::field::display)
    }

    fn fail(&mut self) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.entry.cut(CutReason::StoreFailed);
        Poll::Ready(Some(Err(Cut)))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        match &mut self.source {
            Source::Memory(bytes) => {
                let bytes = std::mem::take(bytes);
                self.give(bytes)
            }
            Source::Store(body) => match Pin::new(body).poll_next(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Ok(bytes))) => self.give(bytes),
                Poll::Ready(Some(Err(error))) => {
                    tracing::error!(
                        error = %causes(&error),
                        link_id = self.link(),
                        "the object store failed in mid-stream"
                    );
                    self.fail()
                }
                Poll::Ready(None) => {
                    tracing::error!(link_id = self.link(), "the object store ended early");
                    self.fail()
                }
            },
        }
    }
}

impl Drop for DownloadBody {
    fn drop(&mut self) {
        if self.remaining > 0 {
            self.entry.body_over(false);
        }
    }
}

impl Body for PublicBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Download(body) => body.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Download(body) => body.remaining == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Download(body) => body.remaining,
        })
    }
}
