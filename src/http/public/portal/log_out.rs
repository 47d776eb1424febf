//! `/p/{site}/log-out`: a page that asks, and the end of the session.

use http::{Response, header, request::Parts};

use super::cookies::Cookies;
use crate::audit;
use crate::domain::ids::SiteId;
use crate::http::problem::Code;
use crate::http::public::Public;
use crate::http::public::body::PublicBody;
use crate::http::public::page::Language;
use crate::http::public::refuse::{self, Refusal};

/// `GET`: asks. Opening an address ends nothing.
pub(in crate::http::public) fn ask_to_log_out(
    public: &Public,
    head: &Parts,
    site: &str,
) -> Result<Response<PublicBody>, Refusal> {
    super::id::<SiteId>(site)?;
    let language = Language::asked_for(&head.headers);
    Ok(refuse::page(public, head, language, public.pages.log_out(language)))
}

/// `POST`: ends the session, wherever its cookie is, and what is downloaded in it.
pub(in crate::http::public) async fn log_out(
    public: &Public,
    head: &Parts,
    site: &str,
) -> Result<Response<PublicBody>, Refusal> {
    let site: SiteId = super::id(site)?;
    let app = &public.app;
    let key = app.login.key.as_ref().ok_or(Refusal::new(Code::NotFound))?;
    let cookies = Cookies { key, settings: &app.settings };
    let language = Language::asked_for(&head.headers);
    let mut response = refuse::page(public, head, language, public.pages.logged_out(language));
    // A form on a stranger's page comes without the cookie (`SameSite=Lax`), and ends nothing.
    if let Some(session) = cookies.session(&head.headers).filter(|session| session.site == site.as_str()) {
        app.store.end_session(&session.id).await.map_err(|_| Refusal::new(Code::Unavailable))?;
        app.downloads.sweep_soon();
        audit::logged_out(&site, &session.customer);
        response.headers_mut().extend(cookies.end_session().map(|cookie| (header::SET_COOKIE, cookie)));
    }
    Ok(response)
}
