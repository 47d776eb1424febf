//! What all calls have in common: the body of a problem, the key, the tags.

use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{Components, OpenApi, RefOr, Schema};

use crate::http::problem::{Code, Problem};

const TAGS: &[(&str, &str)] = &[
    ("sites", "Tenants: plan, compliance switch, portal, object prefix."),
    ("projects", "Attachment security of projects."),
    ("attachments", "Objects that comments carry: registered in place, or uploaded."),
    ("comments", "Deleting a comment kills the links of all its attachments."),
    ("notifications", "The email decision: what to inline, what to link, with which URLs."),
    ("links", "Links without an email, and the state of single links."),
    ("portal", "The portal: who may get in, ask, share and download."),
    ("description", "This description."),
    (
        "public",
        "The public listener: downloads. Needs no key: the token in the path is the secret, or a customer logs in.",
    ),
    ("ops", "The operators' listener."),
];

/// The groups of calls, in the order to be read.
pub(super) fn tags() -> Vec<Tag> {
    let tag = |(name, about): &(&str, &str)| TagBuilder::new().name(*name).description(Some(*about)).build();
    TAGS.iter().map(tag).collect()
}

/// Adds the body of a problem, the key's scheme, and that calls need a key.
pub(super) fn describe(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert("Problem".to_owned(), problem());
    components.add_security_scheme("bearer", bearer());
    document.security = Some(vec![SecurityRequirement::new("bearer", [] as [&str; 0])]);
}

fn bearer() -> SecurityScheme {
    SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("alk1_ and 48 characters")
            .description(Some("An API key. `attachlink key create` prints one."))
            .build(),
    )
}

fn text(about: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(about))
}

fn problem() -> RefOr<Schema> {
    let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    names.sort_unstable();
    names.dedup();
    let kind = text("The problem's name as a URI.").format(Some(SchemaFormat::Custom("uri".to_owned())));
    let status = ObjectBuilder::new().schema_type(Type::Integer).description(Some("The HTTP status."));
    ObjectBuilder::new()
        .description(Some("Why a call was refused (RFC 9457). Branch on `code`; more members may come."))
        .property("type", kind)
        .property("title", text("The kind of problem, in words that do not change from case to case."))
        .property("status", status.minimum(Some(400)).maximum(Some(599)))
        .property("detail", text("What is wrong in this case, and what to do."))
        .property("code", text("The stable code.").enum_values(Some(names)))
        .property("field", text("The field of the body, the path's id or the parameter that is wrong."))
        .required("type")
        .required("title")
        .required("status")
        .required("detail")
        .required("code")
        .examples([json!(Problem::site_not_found().body())])
        .into()
}
