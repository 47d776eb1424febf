//! The download by a link of five minutes. It is its customer's: it opens the file only while the rules give it to them.

use std::sync::Arc;

use http::request::Parts;

use super::file::{self, Answered, Candidate, Grant};
use super::holder::Holder;
use super::refuse::Refusal;
use super::{LogLine, Public};
use crate::domain::portal::{PortalDownload, Proof};
use crate::http::problem::Code;
use crate::liveness::{Capability, Gate};
use crate::store::{LivenessRow, StoreError};

/// Asks the rules about a link that is genuine, and serves the file. Whether the link is still alive is part of the
/// question: what was said about it before only compared its secret.
pub(super) async fn download(
    public: &Public,
    gate: &Arc<Gate>,
    head: &Parts,
    row: Arc<LivenessRow>,
    log: &LogLine,
) -> Result<Answered, Refusal> {
    let asked = asked(public, &row).await.map_err(|_| Refusal::new(Code::Unavailable))?;
    let Some(asked) = asked.map(Arc::new) else { return Err(withdrawn(&Holder::Link(row), log)) };
    let candidate = Candidate::enter(public, gate, head, Capability::Customer(Arc::clone(&asked)));
    let answer = public.logins.ask((*asked).clone()).await.map_err(|_| Refusal::new(Code::Unavailable))?;
    let holder = Holder::Brief(row, asked);
    let granted = answer.row.and_then(|row| row.granted().cloned());
    let served = granted.ok_or_else(|| withdrawn(&holder, log))?;
    file::send(public, head, log, Grant { candidate, holder, served, sent: answer.sent }).await
}

fn withdrawn(holder: &Holder, log: &LogLine) -> Refusal {
    holder.record_refusal(Code::LinkWithdrawn, log.client);
    Refusal::of(Code::LinkWithdrawn, holder)
}

/// Who wants what: what a link opens and whom it was issued to never change. `None` without a customer, or without the
/// link, which may have been purged since.
async fn asked(public: &Public, row: &LivenessRow) -> Result<Option<PortalDownload>, StoreError> {
    let Some(record) = public.app.store.link(&row.site, row.id).await? else { return Ok(None) };
    let customer = record.recipient.as_ref().and_then(|recipient| recipient.as_str().parse().ok());
    Ok(customer.map(|customer| PortalDownload { attachment: record.attachment, customer, proof: Proof::Link(row.id) }))
}
