//! Audit events: who issued, downloaded, revoked or changed what. They have a target of their own, `attachlink::audit`,
//! and carry public ids only: key id, link id, recipient id, the help desk's own ids, and customers' addresses.

use crate::domain::ids::{AttachmentPath, CommentPath, ProjectId, Recipient, RequestId, SiteId};
use crate::domain::portal::{EmailAddress, PortalDownload, Request};
use crate::domain::token::{ApiKeyId, LinkId, SignUpId};
use crate::http::public::ProbableClient;
use crate::liveness::Ended;
use crate::metrics::RevocationReason;
use crate::store::ListOfPeople;

/// The target of audit events, for filters and routing.
pub const TARGET: &str = "attachlink::audit";

/// A link was issued.
pub fn issued(key: ApiKeyId, link: LinkId, attachment: &AttachmentPath, recipient: Option<&Recipient>) {
    let AttachmentPath { comment: CommentPath { site, project, comment }, attachment } = attachment;
    tracing::info!(
        target: TARGET, event = "issued", key_id = %key, link_id = %link, %site, %project, %comment, %attachment,
        recipient = recipient.map(Recipient::as_str),
    );
}

/// A download ended, in whatever way. `client` is a guess.
pub fn downloaded(link: LinkId, site: &SiteId, recipient: Option<&Recipient>, ended: Ended, client: ProbableClient) {
    let recipient = recipient.map(Recipient::as_str);
    let Ended { outcome, octets } = ended;
    tracing::info!(
        target: TARGET, event = "downloaded", link_id = %link, %site, recipient, outcome = outcome.name(), bytes = octets,
        probable_client = client.name(),
    );
}

/// A genuine link was refused.
pub fn refused(link: LinkId, site: &SiteId, recipient: Option<&Recipient>, code: &'static str, client: ProbableClient) {
    let recipient = recipient.map(Recipient::as_str);
    tracing::info!(
        target: TARGET, event = "refused", link_id = %link, %site, recipient, code, probable_client = client.name(),
    );
}

/// A download by a customer who is logged in ended, in whatever way.
pub fn downloaded_by_customer(asked: &PortalDownload, ended: Ended, client: ProbableClient) {
    let AttachmentPath { comment: CommentPath { site, project, comment }, attachment } = &asked.attachment;
    let Ended { outcome, octets } = ended;
    tracing::info!(
        target: TARGET, event = "downloaded", customer = %asked.customer, %site, %project, %comment, %attachment,
        outcome = outcome.name(), bytes = octets, probable_client = client.name(),
    );
}

/// A customer who is logged in was refused an attachment.
pub fn refused_customer(asked: &PortalDownload, code: &'static str, client: ProbableClient) {
    let AttachmentPath { comment: CommentPath { site, project, comment }, attachment } = &asked.attachment;
    tracing::info!(
        target: TARGET, event = "refused", customer = %asked.customer, %site, %project, %comment, %attachment, code,
        probable_client = client.name(),
    );
}

/// A sign-up token was made for an address.
pub fn sign_up_token_made(key: ApiKeyId, site: &SiteId, token: SignUpId, person: &EmailAddress) {
    tracing::info!(target: TARGET, event = "sign_up_token_made", key_id = %key, %site, token_id = %token, %person);
}

/// A sign-up token was redeemed: the address is proved.
pub fn signed_up(key: ApiKeyId, site: &SiteId, token: SignUpId, person: &EmailAddress) {
    tracing::info!(target: TARGET, event = "signed_up", key_id = %key, %site, token_id = %token, %person);
}

/// A customer logged in to a site, by its provider.
pub fn logged_in(site: &SiteId, customer: &EmailAddress) {
    tracing::info!(target: TARGET, event = "logged_in", %site, %customer);
}

/// A customer logged out.
pub fn logged_out(site: &SiteId, customer: &EmailAddress) {
    tracing::info!(target: TARGET, event = "logged_out", %site, %customer);
}

/// What was revoked, for [`revoked`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Revoked<'a> {
    /// The project, where it was one or something in one.
    pub project: Option<&'a ProjectId>,
    /// The comment's id.
    pub comment: Option<&'a str>,
    /// The attachment's id.
    pub attachment: Option<&'a str>,
    /// The link.
    pub link: Option<LinkId>,
}

/// Links were revoked. `key` is `None` for the command line.
pub fn revoked(key: Option<ApiKeyId>, reason: RevocationReason, site: &SiteId, what: Revoked<'_>) {
    tracing::info!(
        target: TARGET, event = "revoked", reason = reason.name(), key_id = key.map(tracing::field::display), %site,
        project = what.project.map(tracing::field::display), comment = what.comment, attachment = what.attachment,
        link_id = what.link.map(tracing::field::display),
    );
}

/// Every link that was issued so far was revoked, in all `projects`, after the database was restored from a backup. Only
/// the command line does so.
pub fn recovered(projects: u64) {
    tracing::info!(target: TARGET, event = "revoked", reason = "recovery", projects);
}

/// A setting was changed.
pub fn setting_changed(key: ApiKeyId, site: &SiteId, project: Option<&ProjectId>, setting: &'static str, value: &str) {
    let project = project.map(tracing::field::display);
    tracing::info!(target: TARGET, event = "setting_changed", key_id = %key, %site, project, setting, value);
}

/// Somebody was added to a list of people.
pub fn person_added(key: ApiKeyId, list: &ListOfPeople, person: &EmailAddress) {
    on_list(key, "person_added", list, person);
}

/// Somebody was taken off a list of people.
pub fn person_removed(key: ApiKeyId, list: &ListOfPeople, person: &EmailAddress) {
    on_list(key, "person_removed", list, person);
}

fn on_list(key: ApiKeyId, event: &'static str, list: &ListOfPeople, person: &EmailAddress) {
    let (name, site, project, within) = match list {
        ListOfPeople::Accounts(site) => ("accounts", site, None, None),
        ListOfPeople::Customers(site, project) => ("customers", site, Some(project), None),
        ListOfPeople::Members(site, organization) => ("members", site, None, Some(organization.as_str())),
        ListOfPeople::Tagged(path) => ("tagged", &path.site, Some(&path.project), Some(path.comment.as_str())),
    };
    let project = project.map(tracing::field::display);
    tracing::info!(target: TARGET, event, key_id = %key, list = name, %site, project, within, %person);
}

/// A request was registered or replaced. How many it is shared with is enough to see that it was shared.
pub fn request_registered(key: ApiKeyId, site: &SiteId, project: &ProjectId, id: &RequestId, request: &Request) {
    tracing::info!(
        target: TARGET, event = "request_registered", key_id = %key, %site, %project, request = %id,
        reporter = %request.reporter, participants = request.participants.len(),
        organizations = request.organizations.len(), private = request.private, channel = request.channel.name(),
    );
}

/// A request was forgotten.
pub fn request_forgotten(key: ApiKeyId, site: &SiteId, project: &ProjectId, request: &RequestId) {
    tracing::info!(target: TARGET, event = "request_forgotten", key_id = %key, %site, %project, %request);
}
