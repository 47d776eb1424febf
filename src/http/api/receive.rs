//! Takes an upload's body frame by frame into the store.

use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::content::put::too_large;
use crate::app::AppSettings;
use crate::domain::media::SNIFF_OCTETS;
use crate::http::problem::{Code, Problem};
use crate::metrics::Metrics;
use crate::objects::{ObjectError, Upload};

/// How far an upload got. Counted when it is dropped, so that an upload whose client went away counts as failed.
pub(super) struct Progress<'a> {
    metrics: &'a Metrics,
    octets: u64,
    outcome: &'static str,
}

impl<'a> Progress<'a> {
    /// An upload that has not begun.
    #[must_use]
    pub(super) const fn new(metrics: &'a Metrics) -> Self {
        Self { metrics, octets: 0, outcome: "failed" }
    }

    /// Writes octets on. A store that fails here is counted: what it takes in the end, whoever finishes the upload counts.
    async fn write(&self, upload: &mut Upload, octets: Bytes) -> Result<(), ObjectError> {
        let started = Instant::now();
        let written = upload.write(octets).await;
        if let Err(error) = &written {
            self.metrics.object_call("upload", error.name(), started.elapsed());
        }
        written
    }

    /// Says how it ended.
    pub(super) const fn ends(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.metrics.upload(self.outcome, self.octets);
    }
}

/// Writes the body to `upload` and answers with its first octets, by which its kind is known. Memory holds one frame.
///
/// # Errors
/// `400 incomplete_body` when the body is cut, `413 upload_too_large`, `507 storage_full`, `503 unavailable`. The
/// upload is to be dropped then, which leaves nothing.
pub(super) async fn receive(
    mut body: Body,
    upload: &mut Upload,
    settings: &AppSettings,
    progress: &mut Progress<'_>,
) -> Result<Vec<u8>, Problem> {
    let mut start = Vec::with_capacity(SNIFF_OCTETS);
    // How long it may stand still is the connection's affair (`edge::Watch`).
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| cut())?;
        // Trailers say nothing that matters here.
        let Ok(octets) = frame.into_data() else { continue };
        progress.octets += octets.len() as u64;
        if let Some(limit) = settings.max_upload_octets.filter(|limit| progress.octets > *limit) {
            return Err(too_large(limit));
        }
        keep_start(&mut start, &octets);
        progress.write(upload, octets).await.map_err(Problem::of_upload)?;
    }
    Ok(start)
}

fn keep_start(start: &mut Vec<u8>, octets: &Bytes) {
    let wanted = SNIFF_OCTETS.saturating_sub(start.len()).min(octets.len());
    start.extend_from_slice(&octets[..wanted]);
}

fn cut() -> Problem {
    Problem::new(Code::IncompleteBody, "The upload did not arrive whole, and nothing of it was kept. Send it again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_kept_across_frames_and_bounded() {
        let mut start = Vec::new();
        keep_start(&mut start, &Bytes::from_static(b"\x89P"));
        keep_start(&mut start, &Bytes::from(vec![b'N'; SNIFF_OCTETS * 2]));
        keep_start(&mut start, &Bytes::from_static(b"tail"));
        assert_eq!(start.len(), SNIFF_OCTETS);
        assert_eq!(&start[..3], b"\x89PN");
    }
}
