//! The operators' listener, described: metrics and health.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{OperationBuilder, PathItem, PathItemBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{HttpMethod, OpenApi, Response, ResponseBuilder, Server};

/// Where the operators' listener is unless told otherwise.
const SERVER: &str = "http://127.0.0.1:9090";
const TAG: &str = "ops";

/// Adds the listener's paths.
pub(super) fn describe(document: &mut OpenApi) {
    let metrics = operation("metrics", "All metrics, as Prometheus text.").response("200", text("The metrics."));
    let livez = operation("livez", "Whether the process runs.").response("200", text("It runs."));
    let readyz = operation("readyz", "Whether database and store answer.")
        .response("200", readiness("They do."))
        .response("503", readiness("One does not; it says which and why."));
    for (path, operation) in [("/metrics", metrics), ("/livez", livez), ("/readyz", readyz)] {
        document.paths.paths.insert(path.to_owned(), item(operation));
    }
}

fn item(operation: OperationBuilder) -> PathItem {
    let server = Server::builder().url(SERVER).description(Some("The operators' listener (`--ops-listen`).")).build();
    PathItemBuilder::new().servers(Some([server])).operation(HttpMethod::Get, operation).build()
}

fn operation(id: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new()
        .tag(TAG)
        .operation_id(Some(id))
        .summary(Some(summary))
        .security(SecurityRequirement::default())
}

fn readiness(about: &str) -> Response {
    let part = |about: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(about));
    let schema = ObjectBuilder::new()
        .property("ready", ObjectBuilder::new().schema_type(Type::Boolean))
        .property("database", part("`ok`, or why it is not ready."))
        .property("objects", part("`ok`, or why they are not ready."))
        .required("ready")
        .required("database")
        .required("objects")
        .examples([serde_json::json!({"ready": true, "database": "ok", "objects": "ok"})]);
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(about).content("application/json", content).build()
}

fn text(about: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    ResponseBuilder::new().description(about).content("text/plain", content).build()
}
