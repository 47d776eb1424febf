//! The calls about a site, as the service itself describes them.

use http::Method;
use serde_json::{Value, json};

use super::method;
use crate::harness::Service;

/// What is not about one site, or is on the public listener, and where it is shown that tenants do not meet there.
const ELSEWHERE: [(&str, &str); 14] = [
    ("/access/v1/evaluation", "this file's questions"),
    ("/access/v1/evaluations", "the same, many at once"),
    ("/.well-known/authzen-configuration", "knows no sites"),
    ("/openapi.yaml", "knows no sites"),
    ("/openapi.json", "knows no sites"),
    ("/a/{token}", "a token is the whole right, and tells no site"),
    ("/a/{token}/{filename}", "the same"),
    ("/robots.txt", "knows no sites"),
    ("/p/{site}/{project}/{comment}/{attachment}", "tests/it/login"),
    ("/p/{site}/logged-in", "tests/it/login"),
    ("/p/{site}/log-out", "tests/it/login"),
    ("/metrics", "knows no sites"),
    ("/livez", "knows no sites"),
    ("/readyz", "knows no sites"),
];

/// What is another text each time that it is made.
const MADE_ANEW: [&str; 6] = ["url", "link_id", "token", "token_id", "redirect_url", "etag"];

/// The names of things, for the paths and the bodies of calls.
#[derive(Debug, Clone)]
pub struct Ids {
    pub site: String,
    pub project: String,
    pub comment: String,
    pub attachment: String,
    pub request: String,
    pub organization: String,
    pub email: String,
    pub link_id: String,
    pub sign_up_token: String,
}

impl Ids {
    /// Those of nothing that ever was. The link's id and the token have the right form.
    pub fn of_nothing() -> Self {
        let minted = attachlink::domain::token::mint("als1_", crate::harness::START);
        Self {
            site: "nowhere".to_owned(),
            project: "NEVER".to_owned(),
            comment: "c-never".to_owned(),
            attachment: "a-never".to_owned(),
            request: "NEVER-1".to_owned(),
            organization: "nobodies".to_owned(),
            email: "never@nowhere.example".to_owned(),
            link_id: minted.id.to_string(),
            sign_up_token: minted.reveal().to_owned(),
        }
    }

    pub fn in_site(&self, site: &str) -> Self {
        Self { site: site.to_owned(), ..self.clone() }
    }

    /// The same in a project that never was, where no link was issued.
    pub fn in_no_project(&self) -> Self {
        let Self { project, link_id, .. } = Self::of_nothing();
        Self { project, link_id, ..self.clone() }
    }

    /// An answer without them, and without what is another text each time that it is made.
    pub fn forget_in(&self, answer: &mut Value) {
        match answer {
            Value::Array(items) => items.iter_mut().for_each(|item| self.forget_in(item)),
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| {
                if value.is_string() && MADE_ANEW.contains(&name.as_str()) {
                    *value = json!("…");
                } else {
                    self.forget_in(value);
                }
            }),
            Value::String(text) => {
                if self.named().contains(&&*text) {
                    "…".clone_into(text);
                }
                *text = text.replace(&format!("/{}/{}", self.project, self.request), "/…");
            }
            _ => {}
        }
    }

    fn named(&self) -> [&String; 8] {
        let Self { site, project, comment, attachment, request, organization, email, link_id, .. } = self;
        [site, project, comment, attachment, request, organization, email, link_id]
    }

    /// For each kind of resource an action on it, and its id.
    pub fn resources(&self) -> [(&'static str, &'static str, String); 5] {
        let Self { site, project, comment, attachment, request, .. } = self;
        [
            ("site", "view_help_center", site.clone()),
            ("portal", "view_portal", format!("{site}/{project}")),
            ("knowledge_base", "view_knowledge_base", format!("{site}/{project}")),
            ("request", "view_request", format!("{site}/{project}/{request}")),
            ("attachment", "download_attachment", format!("{site}/{project}/{comment}/{attachment}")),
        ]
    }
}

/// A call about a site.
#[derive(Debug)]
pub struct Route {
    pub method: Method,
    pub template: String,
    operation: String,
    has_body: bool,
}

impl Route {
    /// All that the service describes.
    pub async fn all(service: &Service) -> Vec<Self> {
        let description =
            service.open(&format!("http://{}/openapi.json", service.running.api_addr)).await.ok(200).json();
        let mut routes = Vec::new();
        for (template, item) in description["paths"].as_object().expect("paths") {
            if ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == template) {
                continue;
            }
            assert!(template.starts_with("/v1/sites/{site}"), "{template}: say how tenants are kept apart there");
            for (name, operation) in item.as_object().expect("operations") {
                let Some(id) = operation["operationId"].as_str() else { continue };
                routes.push(Self {
                    method: method(name),
                    template: template.clone(),
                    operation: id.to_owned(),
                    has_body: operation.get("requestBody").is_some(),
                });
            }
        }
        // Deletions come last: what is gone is told apart from nothing by nobody.
        routes.sort_by_key(|route| (route.method == Method::DELETE, route.template.clone()));
        routes
    }

    pub fn is_upload(&self) -> bool {
        self.template.ends_with("/content") && self.method == Method::PUT
    }

    /// Product, rule 4.
    pub fn needs_an_unbound_key(&self) -> bool {
        self.operation == "delete_site"
    }

    pub fn path(&self, ids: &Ids) -> String {
        let path = [
            ("{site}", &ids.site),
            ("{project}", &ids.project),
            ("{comment}", &ids.comment),
            ("{attachment}", &ids.attachment),
            ("{request}", &ids.request),
            ("{organization}", &ids.organization),
            ("{email}", &ids.email),
            ("{link_id}", &ids.link_id),
        ];
        let path = path.into_iter().fold(self.template.clone(), |path, (name, id)| path.replace(name, id));
        assert!(!path.contains('{'), "{path}: say what this names");
        path
    }

    /// A body that is right, where the call takes one.
    pub fn body(&self, ids: &Ids) -> Option<Value> {
        if !self.has_body {
            return None;
        }
        Some(match &*self.operation {
            "put_site" => json!({"safe_notifications": false}),
            "put_attachment_security" => json!({"mode": "secured_link"}),
            "register_attachment" => {
                json!({"object_key": "shared/report.txt", "filename": "r.txt", "media_type": "text/plain"})
            }
            "upload_attachment_content" => Value::Null,
            "issue_links" => json!({"recipients": ["r-1"]}),
            "notify" => json!({"request": ids.request, "message_size": 1}),
            "put_customer_access" | "put_customer_permissions" => json!({}),
            "put_login_provider" => {
                json!({"issuer": "https://login.example", "client_id": "c", "client_secret": "s"})
            }
            "portal_download_link" => json!({"customer": ids.email, "project": ids.project, "comment": ids.comment,
                "attachment": ids.attachment}),
            "put_request" => json!({"reporter": ids.email, "channel": "portal"}),
            "make_sign_up_token" => json!({"email": ids.email}),
            "redeem_sign_up_token" => json!({"token": ids.sign_up_token, "email": ids.email}),
            other => panic!("{other}: say what a right body is"),
        })
    }
}
