//! How a call declares its refusals: the codes it may answer with, grouped by status, each with an example.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Response, ResponseBuilder};

use crate::http::problem::{Code, PROBLEM_JSON, Problem};

/// Declares the type `Refusals` of a call: `refusals!(SiteNotFound, PlanRequired)`, with `; json` for a call that reads
/// a JSON body. What any call with a key may answer is always among them.
macro_rules! refusals {
    ($($code:ident),+ $(,)? $(; $body:ident)?) => {
        /// The problems that this call may answer with.
        pub struct Refusals;

        impl utoipa::IntoResponses for Refusals {
            fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                use crate::http::openapi::refusals::{self, of_any_call};
                use crate::http::problem::Code;
                let lists: &[&[Code]] = &[of_any_call::CODES, $(refusals::$body::CODES,)? &[$(Code::$code),+]];
                refusals::responses(lists.iter().copied().flatten().copied())
            }
        }
    };
}
pub(crate) use refusals;

/// What any call with a key may answer.
pub mod of_any_call {
    use super::Code;

    /// The codes.
    pub const CODES: &[Code] =
        &[Code::Unauthorized, Code::MissingScope, Code::InvalidRequest, Code::Internal, Code::Unavailable];
}

/// What any call with a JSON body may answer.
pub mod json {
    use super::Code;

    /// The codes.
    pub const CODES: &[Code] = &[
        Code::MalformedJson,
        Code::IncompleteBody,
        Code::BodyTooLarge,
        Code::UnsupportedMediaType,
        Code::InvalidRequest,
    ];
}

/// The responses of these codes, one for each status.
#[must_use]
pub fn responses(codes: impl IntoIterator<Item = Code>) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let of_status = by_status.entry(code.status().as_u16()).or_default();
        if !of_status.contains(&code) {
            of_status.push(code);
        }
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(&codes).into())).collect()
}

fn response(codes: &[Code]) -> Response {
    let says: Vec<String> = codes.iter().map(|code| format!("`{}`: {}.", code.name(), code.title())).collect();
    let examples = codes.iter().map(|code| (code.name(), example(*code)));
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).examples_from_iter(examples);
    let response = ResponseBuilder::new().description(says.join(" ")).content(PROBLEM_JSON, content.build());
    if codes.iter().any(|code| matches!(code, Code::Unavailable | Code::TooManyRequests)) {
        response.header("Retry-After", retry_after()).build()
    } else {
        response.build()
    }
}

fn example(code: Code) -> RefOr<utoipa::openapi::example::Example> {
    let problem = match code {
        Code::InvalidRequest => Problem::invalid("site", "may contain only A-Z a-z 0-9 . _ : ~ - (in the path)"),
        Code::SiteNotFound => Problem::site_not_found(),
        other => Problem::new(other, format!("{}.", other.title())),
    };
    ExampleBuilder::new().value(Some(problem.body())).build().into()
}

fn retry_after() -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(Type::Integer).examples([json!(2)]));
    header.description =
        Some("After how many seconds to ask again; with `unavailable` and `too_many_requests` always.".to_owned());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_one_status_share_a_response() {
        let all = responses([Code::SiteNotFound, Code::LinkNotFound, Code::SiteNotFound, Code::PlanRequired]);
        assert_eq!(all.keys().collect::<Vec<_>>(), ["403", "404"]);
        let RefOr::T(not_found) = &all["404"] else { panic!("a response in place") };
        let RefOr::T(body) = &not_found.content[PROBLEM_JSON] else { panic!("a body in place") };
        assert_eq!(body.examples.len(), 2);
    }
}
