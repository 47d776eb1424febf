//! What a client still sends after it was refused.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use super::Watch;

/// How much of a refused body is read and thrown away.
const MOST_OCTETS: usize = 16 * 1024 * 1024;
/// And for how long.
const LONGEST: Duration = Duration::from_secs(5);

/// A request's body whose rest is read and thrown away when a handler answers without it.
///
/// Closing a connection on which a client still sends resets it, and the reset may overtake the answer: the client would
/// see a broken pipe instead of why it was refused (RFC 9112 section 9.6).
pub struct ReadToTheEnd {
    body: Option<Incoming>,
    /// The client waits for `100 Continue`, which reading the body would send: it sends nothing yet.
    waits: bool,
    watch: Arc<Watch>,
}

impl ReadToTheEnd {
    /// Puts it around the body of a request. The watch is told while a handler waits for more of it.
    #[must_use]
    pub fn around(request: Request<Incoming>, watch: Arc<Watch>) -> Request<Self> {
        let waits = request.headers().contains_key(header::EXPECT);
        request.map(|body| Self { body: Some(body), waits, watch })
    }
}

impl Body for ReadToTheEnd {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        this.waits = false;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        this.watch.awaits_body(frame.is_pending());
        if let Poll::Ready(None | Some(Err(_))) = frame {
            this.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for ReadToTheEnd {
    fn drop(&mut self) {
        self.watch.awaits_body(false);
        if self.waits {
            return;
        }
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        // Outside of a runtime nothing is read any more: the connection is gone too.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let mut rest = Limited::new(body, MOST_OCTETS);
            let all = async { while let Some(Ok(_)) = rest.frame().await {} };
            // Whatever is left after this is not worth the wait: the connection is closed.
            let _ = tokio::time::timeout(LONGEST, all).await;
        });
    }
}
