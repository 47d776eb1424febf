//! The description of the whole service, made from the code: `OpenAPI` 3.1.
//!
//! Handlers of the api listener describe themselves (`#[utoipa::path]`); what is common is added here. The other two
//! listeners are described in `public` and `ops`, with servers of their own.

mod common;
mod login;
mod ops;
mod public;
pub mod refusals;

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, Schema, Server};
use utoipa_axum::router::OpenApiRouter;

pub(crate) use refusals::refusals;

use super::api;

/// Where the api listener is unless told otherwise. Its paths carry `/v1`.
const API_SERVER: &str = "http://127.0.0.1:8081";

const ABOUT: &str = "\
attachlink decides how a comment's attachments appear in the emails that a help desk sends, issues download links \
that die after 28 days or the moment they must, and streams the files.

Errors are `application/problem+json` (RFC 9457) with a stable `code`. Times are RFC 3339 in UTC, in whole seconds. \
Unknown fields in a body are refused.";

/// The bytes of a file.
pub struct Octets;

impl utoipa::PartialSchema for Octets {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .into()
    }
}

impl utoipa::ToSchema for Octets {}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let calls = api::calls().fold(OpenApiRouter::default(), OpenApiRouter::routes).into_openapi();
    let mut document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("attachlink")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()))
                .build(),
        )
        .servers(Some([Server::new(API_SERVER)]))
        .tags(Some(common::tags()))
        .build();
    document.merge(calls);
    common::describe(&mut document);
    public::describe(&mut document);
    login::describe(&mut document);
    ops::describe(&mut document);
    document
}

/// The document as `openapi.yaml` holds it.
///
/// # Panics
/// Never: the document is plain data.
#[must_use]
pub fn yaml() -> String {
    #[expect(clippy::expect_used, reason = "plain data with text keys has a YAML form; a test makes it")]
    document().to_yaml().expect("the document is plain data")
}

/// The document as JSON.
///
/// # Panics
/// Never: the document is plain data.
#[must_use]
pub fn json() -> String {
    #[expect(clippy::expect_used, reason = "plain data with text keys has a JSON form; a test makes it")]
    document().to_pretty_json().expect("the document is plain data")
}

/// A method, a route template and a status that it may be answered with.
pub type Declared = (String, String, u16);

/// What these calls declare: a metric's labels, known from the start.
pub fn declared(calls: Paths) -> impl Iterator<Item = Declared> {
    calls.paths.into_iter().flat_map(|(path, item)| {
        let operations = [("GET", item.get), ("PUT", item.put), ("POST", item.post), ("DELETE", item.delete)];
        operations.into_iter().flat_map(move |(method, operation)| {
            let statuses = operation.into_iter().flat_map(|operation| operation.responses.responses.into_keys());
            let statuses: Vec<u16> = statuses.filter_map(|status| status.parse().ok()).collect();
            let path = path.clone();
            statuses.into_iter().map(move |status| (method.to_owned(), path.clone(), status))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn operations() -> Vec<(String, String, serde_json::Value)> {
        let document: serde_json::Value = serde_json::from_str(&json()).unwrap();
        let paths = document["paths"].as_object().unwrap().clone();
        let methods = ["get", "head", "put", "post", "delete"];
        paths
            .iter()
            .flat_map(|(path, item)| {
                methods.iter().filter_map(|method| {
                    item.get(*method).map(|operation| (path.clone(), (*method).to_owned(), operation.clone()))
                })
            })
            .collect()
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_a_tag_and_a_summary() {
        let mut seen = BTreeSet::new();
        for (path, method, operation) in operations() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(seen.insert(id.clone()), "{id} twice");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        }
        assert!(seen.len() >= 20, "{seen:?}");
    }

    #[test]
    fn every_call_with_a_key_declares_what_any_of_them_may_answer() {
        for (path, method, operation) in operations().into_iter().filter(|(path, ..)| path.starts_with("/v1/")) {
            for status in ["401", "403", "404", "422", "500", "503"] {
                let content = &operation["responses"][status]["content"]["application/problem+json"];
                assert!(content["schema"].is_object(), "{method} {path} {status}");
                assert!(content["examples"].as_object().is_some_and(|all| !all.is_empty()), "{method} {path} {status}");
            }
        }
    }

    fn is_of_api(path: &str) -> bool {
        ["/v1/", "/access/", "/.well-known/", "/openapi"].iter().any(|start| path.starts_with(start))
    }

    #[test]
    fn the_labels_of_metrics_are_the_declared_answers() {
        let (_, routes) = api::answering();
        let has = |method: &str, route: &str, status| routes.contains(&(method.to_owned(), route.to_owned(), status));
        assert!(has("PUT", "/v1/sites/{site}", 200) && has("PUT", "/v1/sites/{site}", 422));
        assert!(has("DELETE", "/v1/sites/{site}/links/{link_id}", 204));
        assert!(!has("POST", "/v1/sites/{site}", 200));
        let operations = operations().into_iter().filter(|(path, ..)| is_of_api(path));
        let declared: usize = operations.map(|(_, _, it)| it["responses"].as_object().unwrap().len()).sum();
        assert_eq!(routes.len(), declared);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(node: &serde_json::Value, document: &serde_json::Value) {
            if let Some(reference) = node.get("$ref").and_then(|it| it.as_str()) {
                let pointer = reference.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            match node {
                serde_json::Value::Object(members) => members.values().for_each(|member| check(member, document)),
                serde_json::Value::Array(items) => items.iter().for_each(|item| check(item, document)),
                _ => {}
            }
        }
        let document: serde_json::Value = serde_json::from_str(&json()).unwrap();
        check(&document, &document);
    }

    #[test]
    fn each_listener_is_reached_where_it_listens() {
        let document = document();
        for (path, port) in [
            ("/a/{token}", ":8080"),
            ("/p/{site}/log-out", ":8080"),
            ("/robots.txt", ":8080"),
            ("/metrics", ":9090"),
            ("/livez", ":9090"),
        ] {
            let servers = document.paths.paths[path].servers.as_ref().unwrap();
            assert!(servers.iter().all(|server| server.url.ends_with(port)), "{path}");
        }
        assert_eq!(document.servers.unwrap()[0].url, API_SERVER);
        assert!(document.paths.paths["/v1/sites/{site}"].servers.is_none());
    }
}
