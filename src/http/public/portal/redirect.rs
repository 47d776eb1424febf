//! Sending a browser elsewhere.

use http::{HeaderValue, Response, StatusCode, header};

use crate::http::public::body::PublicBody;
use crate::http::public::refuse;

/// `303 See Other`, with a cookie. `None` for an address or a cookie that no header can carry.
pub(super) fn see_other(
    location: &str,
    cookies: impl IntoIterator<Item = HeaderValue>,
) -> Option<Response<PublicBody>> {
    let mut response = Response::new(PublicBody::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    refuse::security_headers(headers, refuse::FILE_POLICY);
    headers.insert(header::LOCATION, HeaderValue::from_str(location).ok()?);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
    Some(response)
}
