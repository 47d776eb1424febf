//! `…/comments/{comment}/customers`: who is tagged in a comment.

use crate::domain::ids::CommentPath;
use crate::http::api::place::CommentParams;
use crate::http::api::portal::place::TaggedParams;

super::people_calls! {
    place: CommentPath, path: "/v1/sites/{site}/projects/{project}/comments/{comment}/customers", params: CommentParams,
    refusals: [SiteNotFound, ProjectNotFound, CommentDeleted],
    list: ("list_tagged_customers", "List the customers who are tagged in a comment."),
    put: (
        "/v1/sites/{site}/projects/{project}/comments/{comment}/customers/{email}", "put_tagged_customer",
        "Tag a customer in a comment: they may download its attachments in the portal. An address without an account on the \
         site gets one.",
        TaggedParams
    ),
    delete: ("delete_tagged_customer", "Take a tag off a comment."),
}
