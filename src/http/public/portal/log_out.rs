//! `/p/{site}/log-out`: a page that asks, and the end of the session.

use http::{Response, header, request::Parts};

use super::cookies::Cookies;
use super::redirect;
use crate::domain::ids::SiteId;
use crate::http::problem::Code;
use crate::http::public::body::PublicBody;
use crate::http::public::refuse::Refusal;
use crate::http::public::{Public, page};

/// `GET`: asks. Opening an address ends nothing.
pub(in crate::http::public) fn ask_to_log_out(head: &Parts, site: &str) -> Result<Response<PublicBody>, Refusal> {
    super::id::<SiteId>(site)?;
    Ok(redirect::page(head, page::log_out()))
}

/// `POST`: takes the session away.
pub(in crate::http::public) fn log_out(
    public: &Public,
    head: &Parts,
    site: &str,
) -> Result<Response<PublicBody>, Refusal> {
    super::id::<SiteId>(site)?;
    let key = public.app.login.key.as_ref().ok_or(Refusal::new(Code::NotFound))?;
    let mut response = redirect::page(head, page::logged_out());
    if let Some(cookie) = (Cookies { key, settings: &public.app.settings }).end_session() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
