//! Logging in to download, on the public listener, described.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{HttpMethod, OpenApi, RefOr, Response, ResponseBuilder, Responses, ResponsesBuilder};

use super::public::{TAG, add_page, as_attachment, item, of_file, parameter, range, text};
use super::refusals;
use crate::http::problem::Code;

const DOWNLOAD_REFUSALS: &[Code] = &[
    Code::InvalidHost,
    Code::DownloadNotAllowed,
    Code::NotFound,
    Code::TooManyRequests,
    Code::AttachmentNotFound,
    Code::PreconditionFailed,
    Code::RangeNotSatisfiable,
    Code::LoginProviderFailed,
    Code::Unavailable,
    Code::LoginProviderUnavailable,
    Code::ObjectUnavailable,
];
const LOGIN_REFUSALS: &[Code] = &[
    Code::InvalidHost,
    Code::LoginFailed,
    Code::LoginRefused,
    Code::NotFound,
    Code::TooManyRequests,
    Code::LoginProviderFailed,
    Code::Unavailable,
    Code::LoginProviderUnavailable,
];
const ASK_TO_LOG_OUT_REFUSALS: &[Code] = &[Code::InvalidHost, Code::NotFound];
const LOG_OUT_REFUSALS: &[Code] = &[Code::InvalidHost, Code::NotFound, Code::Unavailable];

const DOWNLOAD: &str = "\
For a site with a login provider. Whoever is not logged in is sent to that provider, and comes back here; nothing is \
told before that. Then the rules decide for the verified address, for each request and while the file runs: who is not \
on the request learns nothing of what there is. Served like a link: ranges, conditions, names and types. Neither the \
project's mode nor 28 days matter.";

/// Adds the paths.
pub(super) fn describe(document: &mut OpenApi) {
    let paths = &mut document.paths.paths;
    paths.insert("/p/{site}/{project}/{comment}/{attachment}".to_owned(), download());
    paths.insert("/p/{site}/logged-in".to_owned(), logged_in());
    paths.insert("/p/{site}/log-out".to_owned(), log_out());
}

fn id(name: &str) -> Parameter {
    parameter(name, ParameterIn::Path, "The help desk's id.", text())
}

fn operation(id: &str, summary: &str, about: &str, parameters: Vec<Parameter>) -> OperationBuilder {
    OperationBuilder::new()
        .tag(TAG)
        .operation_id(Some(id))
        .summary(Some(summary))
        .description(Some(about))
        .parameters(Some(parameters))
        .security(SecurityRequirement::default())
}

fn download() -> PathItem {
    let of = |name: &str, with_body| {
        let anew = "`anew`: log in again, with whatever account.";
        let mut parameters: Vec<Parameter> = ["site", "project", "comment", "attachment"].map(id).into();
        parameters.extend([as_attachment(), range(), parameter("login", ParameterIn::Query, anew, text())]);
        let summary = "Download an attachment by logging in.";
        operation(name, summary, DOWNLOAD, parameters)
            .responses(of_file(DOWNLOAD_REFUSALS, with_body))
            .response("303", see_other("To the login provider."))
    };
    item()
        .operation(HttpMethod::Get, of("portal_download", true))
        .operation(HttpMethod::Head, of("portal_download_head", false))
        .build()
}

fn see_other(about: &str) -> Response {
    let mut location = Header::new(text());
    location.description = Some("Where to go on.".to_owned());
    ResponseBuilder::new().description(about).header("Location", location).build()
}

fn page(about: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(text())).build();
    ResponseBuilder::new().description(about).content("text/html", content).build().into()
}

/// One good answer, and the refusals, each also as a page.
fn or_refused(status: &str, good: RefOr<Response>, codes: &[Code]) -> Responses {
    let mut refused = refusals::responses(codes.iter().copied());
    refused.values_mut().for_each(add_page);
    ResponsesBuilder::new().responses_from_iter([(status.to_owned(), good)].into_iter().chain(refused)).build()
}

fn logged_in() -> PathItem {
    let about = "The redirect URL to register at the provider. It ends a login that the same browser began here.";
    let query = |name: &str, about: &str| parameter(name, ParameterIn::Query, about, text());
    let parameters = vec![
        id("site"),
        query("state", "What the login was begun with."),
        query("code", "The provider's code."),
        query("iss", "The provider (RFC 9207)."),
    ];
    let get = operation("logged_in", "Come back from the login provider.", about, parameters).responses(or_refused(
        "303",
        see_other("To the attachment.").into(),
        LOGIN_REFUSALS,
    ));
    item().operation(HttpMethod::Get, get).build()
}

fn log_out() -> PathItem {
    let about =
        "Ends the session of this browser, and what is being downloaded in it. The provider's own session goes on.";
    let of = |name: &str, summary: &str, answer: &str, refused: &[Code]| {
        operation(name, summary, about, vec![id("site")]).responses(or_refused("200", page(answer), refused))
    };
    let ask = of("ask_to_log_out", "Ask whether to log out.", "A page that asks.", ASK_TO_LOG_OUT_REFUSALS);
    let end = of("log_out", "Log out.", "A page that says so.", LOG_OUT_REFUSALS);
    item().operation(HttpMethod::Get, ask).operation(HttpMethod::Post, end).build()
}
