//! `GET` and `HEAD /p/{site}/{project}/{comment}/{attachment}`: the download by a customer who logs in.

use std::sync::Arc;

use http::request::Parts;

use super::cookies::Cookies;
use super::provider::{self, InForce};
use super::redirect::see_other;
use crate::domain::ids::{AttachmentPath, CommentPath};
use crate::domain::portal::{Attempt, LOGIN_LIFETIME, PortalDownload, Proof, Session, Target};
use crate::http::problem::Code;
use crate::http::public::file::{self, Answered, Candidate, Grant};
use crate::http::public::holder::Holder;
use crate::http::public::refuse::Refusal;
use crate::http::public::{LogLine, Public, page};
use crate::liveness::{Capability, Gate};

/// Serves the file to a customer who is logged in and whom the rules allow it, and sends everybody else to log in.
pub(in crate::http::public) async fn download(
    public: &Public,
    gate: &Arc<Gate>,
    head: &Parts,
    ids: [&str; 4],
    log: &LogLine,
) -> Result<Answered, Refusal> {
    let path = path_of(ids)?;
    let anew = head.uri.query() == Some(page::LOGIN_ANEW);
    if let Some(session) = session(public, head, &path).filter(|_| !anew)
        && let Some(answered) = with_session(public, gate, head, log, (&path, session)).await?
    {
        return Ok(answered);
    }
    begin(public, head, &path, anew).await
}

fn path_of([site, project, comment, attachment]: [&str; 4]) -> Result<AttachmentPath, Refusal> {
    let comment = CommentPath { site: super::id(site)?, project: super::id(project)?, comment: super::id(comment)? };
    Ok(comment.attachment(super::id(attachment)?))
}

fn session(public: &Public, head: &Parts, path: &AttachmentPath) -> Option<Session> {
    let app = &public.app;
    let cookies = Cookies { key: app.login.key.as_ref()?, settings: &app.settings };
    cookies.session(&head.headers).filter(|session| session.is_for(&path.comment.site, app.clock.now()))
}

/// `None`: the login does not count any more.
async fn with_session(
    public: &Public,
    gate: &Arc<Gate>,
    head: &Parts,
    log: &LogLine,
    (path, session): (&AttachmentPath, Session),
) -> Result<Option<Answered>, Refusal> {
    let Session { id, customer, provider, .. } = session;
    let asked = Arc::new(PortalDownload { attachment: path.clone(), customer, proof: Proof::Session { id, provider } });
    let candidate = Candidate::enter(public, gate, head, Capability::Customer(Arc::clone(&asked)));
    let answer = public.logins.ask((*asked).clone()).await.map_err(|_| Refusal::new(Code::Unavailable))?;
    let Some(row) = answer.row.filter(|row| row.proved) else { return Ok(None) };
    let holder = Holder::Customer(asked);
    let served = match (&row.decision, &row.served) {
        (Ok(_), Some(served)) => Ok(Arc::clone(served)),
        (Ok(_), None) => Err(Code::AttachmentNotFound),
        // Whatever there is or is not: to whom it is not shared, it looks the same.
        (Err(_), _) => Err(Code::DownloadNotAllowed),
    };
    let served = served.map_err(|code| {
        holder.record_refusal(code, log.client);
        Refusal::of(code, &holder)
    })?;
    file::send(public, head, log, Grant { candidate, holder, served, sent: answer.sent }).await.map(Some)
}

/// Sends the customer to the login provider.
async fn begin(public: &Public, head: &Parts, path: &AttachmentPath, anew: bool) -> Result<Answered, Refusal> {
    let (app, site) = (&public.app, &path.comment.site);
    let InForce { key, number, provider, redirect } = provider::of(app, site).await?;
    let cookies = Cookies { key, settings: &app.settings };
    let begun = app.login.providers.begin(&provider, &redirect, cookies.slot(&head.headers), anew).await;
    let begun = begun.map_err(|error| provider::refused(site, &error))?;
    let attempt = Attempt {
        target: Target::of(path),
        provider: number,
        state: begun.state,
        nonce: begun.nonce,
        verifier: begun.verifier,
        over_at: (app.clock.now() + LOGIN_LIFETIME).unix_timestamp(),
    };
    let cookie = cookies.keep_attempt(&attempt, site);
    let response = cookie.and_then(|cookie| see_other(begun.url.as_str(), [cookie]));
    Ok(Answered::Whole(response.ok_or(Refusal::new(Code::LoginProviderFailed))?, None))
}
