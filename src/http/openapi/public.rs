//! The public listener, described: downloads, and what they may answer.

use utoipa::PartialSchema as _;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathItemBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{HttpMethod, OpenApi, RefOr, Required, Response, ResponseBuilder, Server};

use super::{Octets, refusals};
use crate::http::problem::Code;

/// Where the public listener is unless told otherwise.
const SERVER: &str = "http://127.0.0.1:8080";
pub(super) const TAG: &str = "public";

const REFUSALS: &[Code] = &[
    Code::InvalidHost,
    Code::NotFound,
    Code::LinkExpired,
    Code::LinkWithdrawn,
    Code::PreconditionFailed,
    Code::RangeNotSatisfiable,
    Code::TooManyRequests,
    Code::Unavailable,
    Code::ObjectUnavailable,
];

const ABOUT: &str = "\
Single byte ranges and conditional requests go by RFC 9110; a malformed, multiple or unknown-unit `Range` is ignored. \
The link's liveness comes first: a dead link never answers 304, 412 or 416. Neither GET nor HEAD changes what the link \
may do. A browser (`Accept: text/html`) gets refusals as a page, in its language (`Accept-Language`: English, German, \
French, Spanish, Japanese, Arabic); problems are English. What a browser could run goes out as \
`application/octet-stream`, raster images under their own type, everything else under the attachment's type.";

/// Adds the listener's paths.
pub(super) fn describe(document: &mut OpenApi) {
    let paths = &mut document.paths.paths;
    paths.insert("/a/{token}".to_owned(), download("download", &[token()]));
    paths.insert("/a/{token}/{filename}".to_owned(), download("download_named", &[token(), filename()]));
    paths.insert("/robots.txt".to_owned(), robots());
}

fn download(id: &str, path: &[Parameter]) -> PathItem {
    let get = operation(id, "Download the file that a link opens.", path).responses(responses(true));
    let head =
        operation(&format!("{id}_head"), "Ask about the file that a link opens.", path).responses(responses(false));
    item().operation(HttpMethod::Get, get).operation(HttpMethod::Head, head).build()
}

pub(super) fn item() -> PathItemBuilder {
    let server = Server::builder().url(SERVER).description(Some("The public listener (`--public-url`).")).build();
    PathItemBuilder::new().servers(Some([server]))
}

fn operation(id: &str, summary: &str, path: &[Parameter]) -> OperationBuilder {
    OperationBuilder::new()
        .tag(TAG)
        .operation_id(Some(id))
        .summary(Some(summary))
        .description(Some(ABOUT))
        .parameters(Some(path.iter().cloned().chain([as_attachment(), range()])))
        .security(SecurityRequirement::default())
}

pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn token() -> Parameter {
    let schema = text().pattern(Some("^al1_[A-Za-z0-9_-]{48}$"));
    let about = "The link's token: `al1_` and 48 characters of base64url.";
    parameter("token", ParameterIn::Path, about, schema)
}

fn filename() -> Parameter {
    let about = "The file's name, for people. Any name opens the same file.";
    parameter("filename", ParameterIn::Path, about, text().examples([serde_json::json!("log.txt")]))
}

pub(super) fn as_attachment() -> Parameter {
    parameter("download", ParameterIn::Query, "Present, with or without a value: never shown inline.", text())
}

pub(super) fn range() -> Parameter {
    let schema = text().examples([serde_json::json!("bytes=0-1023")]);
    parameter("Range", ParameterIn::Header, "One range of bytes (RFC 9110 section 14.2). GET only.", schema)
}

pub(super) fn parameter(name: &str, place: ParameterIn, about: &str, schema: ObjectBuilder) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(about))
        .schema(Some(schema))
        .build()
}

fn responses(with_body: bool) -> utoipa::openapi::Responses {
    of_file(REFUSALS, with_body)
}

/// What a file is answered with, or refused with.
pub(super) fn of_file(refusals: &[Code], with_body: bool) -> utoipa::openapi::Responses {
    // A HEAD has no body and no range, and never opens the object.
    let only_of_bodies = |code: &Code| matches!(code, Code::RangeNotSatisfiable | Code::ObjectUnavailable);
    let refusals = refusals.iter().copied().filter(|code| with_body || !only_of_bodies(code));
    let mut refused = refusals::responses(refusals);
    let mut partial = None;
    if with_body {
        partial = Some(("206".to_owned(), RefOr::T(bytes("The bytes of the range.", true))));
        refused.values_mut().for_each(add_page);
    } else {
        refused.values_mut().for_each(drop_body);
    }
    let found = [
        ("200".to_owned(), RefOr::T(bytes("The whole file.", with_body))),
        ("304".to_owned(), RefOr::T(Response::new("The file is the one the client has."))),
    ];
    utoipa::openapi::ResponsesBuilder::new()
        .responses_from_iter(found.into_iter().chain(partial).chain(refused))
        .build()
}

fn bytes(about: &str, with_body: bool) -> Response {
    let header = |about: &str| {
        let mut header = Header::new(text());
        header.description = Some(about.to_owned());
        header
    };
    let response = ResponseBuilder::new()
        .description(about)
        .header("ETag", header("The strong entity tag of these bytes."))
        .header("Last-Modified", header("When these bytes came to be."))
        .header("Accept-Ranges", header("Always `bytes`."))
        .header("Content-Disposition", header("The file's name (RFC 6266, RFC 8187)."));
    if !with_body {
        return response.build();
    }
    let content = ContentBuilder::new().schema(Some(Octets::schema())).build();
    response.content("application/octet-stream", content).build()
}

pub(super) fn add_page(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response {
        let page = ContentBuilder::new().schema(Some(text())).build();
        response.content.insert("text/html".to_owned(), page.into());
    }
}

fn drop_body(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response {
        response.content.clear();
    }
}

fn robots() -> PathItem {
    let content = ContentBuilder::new().schema(Some(text())).build();
    let found =
        ResponseBuilder::new().description("Nothing here is for search engines.").content("text/plain", content);
    let get = OperationBuilder::new()
        .tag(TAG)
        .operation_id(Some("robots"))
        .summary(Some("What search engines may read: nothing."))
        .security(SecurityRequirement::default())
        .response("200", found);
    item().operation(HttpMethod::Get, get).build()
}
