//! Sending a browser elsewhere, and pages that are no refusals.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header, request::Parts};

use crate::http::public::body::PublicBody;
use crate::http::public::{page, refuse};

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

/// A page.
pub(super) fn page(head: &Parts, text: String) -> Response<PublicBody> {
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(PublicBody::whole_unless_head(&head.method, Bytes::from(text)));
    let headers = response.headers_mut();
    refuse::security_headers(headers, page::POLICY.clone());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, length);
    response
}
