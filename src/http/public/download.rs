//! `GET` and `HEAD /a/{token}`: the download by a link.

use std::sync::Arc;

use http::request::Parts;
use time::OffsetDateTime;

use super::brief;
use super::file::{self, Answered, Candidate, Grant};
use super::holder::Holder;
use super::refuse::Refusal;
use super::{LogLine, Public};
use crate::domain::link::{self, LinkKind, LinkState};
use crate::domain::token::{Presented, parse_link};
use crate::http::problem::Code;
use crate::liveness::Gate;
use crate::store::{LivenessRow, ServedObject};

/// Serves the file behind a token, if the database says now that its link is alive.
///
/// The order is the promise: form, then liveness, then conditions and ranges, then the file.
pub(super) async fn download(
    public: &Public,
    gate: &Arc<Gate>,
    head: &Parts,
    token: &str,
    log: &LogLine,
) -> Result<Answered, Refusal> {
    let presented = parse_link(token, public.app.clock.now()).map_err(|_| Refusal::new(Code::NotFound))?;
    let candidate = Candidate::enter(public, gate, head, presented.id);
    let answer = public.batcher.ask(presented.id).await.map_err(|_| Refusal::new(Code::Unavailable))?;
    let row = genuine(answer.row, presented)?;
    let served = alive(&row, public, log)?;
    if link::kind(row.id.issued_at(), row.expires_at) == LinkKind::Portal {
        drop(candidate);
        return brief::download(public, gate, head, row, log).await;
    }
    file::send(public, head, log, Grant { candidate, holder: Holder::Link(row), served, sent: answer.sent }).await
}

/// Never issued, long forgotten and forged all look the same.
pub(super) fn genuine(row: Option<Arc<LivenessRow>>, presented: Presented) -> Result<Arc<LivenessRow>, Refusal> {
    row.filter(|row| presented.hash.matches(&row.hash)).ok_or(Refusal::new(Code::NotFound))
}

fn alive(row: &Arc<LivenessRow>, public: &Public, log: &LogLine) -> Result<Arc<ServedObject>, Refusal> {
    living(row, public.app.clock.now()).map_err(|code| {
        let holder = Holder::Link(Arc::clone(row));
        holder.record_refusal(code, log.client);
        Refusal::of(code, &holder)
    })
}

/// What a living link opens, or what a dead one is called.
pub(super) fn living(row: &LivenessRow, now: OffsetDateTime) -> Result<Arc<ServedObject>, Code> {
    match (link::state(row.expires_at, row.withdrawn, now), &row.served) {
        (LinkState::Live, Some(served)) => Ok(Arc::clone(served)),
        (LinkState::Expired, _) => Err(Code::LinkExpired),
        (LinkState::Live | LinkState::Withdrawn, _) => Err(Code::LinkWithdrawn),
    }
}
