//! The help desk and the recipient, as the service sees them: over HTTP only.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const JSON: &str = "application/json";

/// The site and project that the demo makes.
pub(super) const SITE: &str = "acme";
pub(super) const PROJECT: &str = "SUP";
pub(super) const REQUEST: &str = "SUP-42";

/// What a notification's answer says.
#[derive(Debug, Deserialize)]
pub(super) struct Decision {
    pub(super) images: String,
    pub(super) size: Size,
    pub(super) emails: Vec<Email>,
}

/// Octets.
#[derive(Debug, Deserialize)]
pub(super) struct Size {
    pub(super) message: u64,
    pub(super) images: u64,
    pub(super) total: u64,
    pub(super) limit: u64,
}

/// One recipient's email.
#[derive(Debug, Deserialize)]
pub(super) struct Email {
    pub(super) recipient: Option<String>,
    pub(super) attachments: Vec<Shown>,
}

/// How one attachment appears in it.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    pub(super) filename: String,
    pub(super) rendering: String,
    pub(super) url: Option<String>,
    pub(super) expires_at: Option<String>,
}

/// What the recipient gets for a click.
pub(super) struct Fetched {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A caller of the API, with its key; and a browser.
pub(super) struct Desk {
    client: Client<HttpConnector, Full<Bytes>>,
    api: String,
    key: String,
}

impl Desk {
    pub(super) fn new(api: String, key: &str) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), api, key: key.to_owned() }
    }

    /// The address of the API.
    pub(super) fn api(&self) -> &str {
        &self.api
    }

    /// Where a comment is, under the API's address.
    pub(super) fn comment_path(comment: &str) -> String {
        format!("/v1/sites/{SITE}/projects/{PROJECT}/comments/{comment}")
    }

    /// Makes the site, and puts the project in `secured_link`.
    pub(super) async fn open_shop(&self) -> anyhow::Result<()> {
        let site = serde_json::json!({
            "plan": "standard", "safe_notifications": false, "object_prefix": null,
            "portal_url": "https://help.acme.example/portal/{project}/{request}",
        });
        self.send("making the site", Method::PUT, &format!("/v1/sites/{SITE}"), &site, StatusCode::OK).await?;
        let path = format!("/v1/sites/{SITE}/projects/{PROJECT}/attachment-security");
        let mode = serde_json::json!({ "mode": "secured_link" });
        self.send("turning secured links on", Method::PUT, &path, &mode, StatusCode::OK).await?;
        Ok(())
    }

    /// Uploads a comment's attachment. The filename is one that a URL carries as it is.
    pub(super) async fn upload(
        &self,
        comment: &str,
        id: &str,
        filename: &str,
        media_type: &str,
        octets: &'static [u8],
    ) -> anyhow::Result<()> {
        let path = format!("{}/attachments/{id}/content?filename={filename}", Self::comment_path(comment));
        let request = self.request(Method::PUT, &path, media_type, Bytes::from_static(octets))?;
        self.expect(&format!("the upload of {filename}"), request, StatusCode::CREATED).await?;
        Ok(())
    }

    /// Asks how a notification of `message_octets` besides its images should look.
    pub(super) async fn notify(&self, comment: &str, message_octets: u64, to: &str) -> anyhow::Result<Decision> {
        let path = format!("{}/notifications", Self::comment_path(comment));
        let body = serde_json::json!({ "request": REQUEST, "message_size": message_octets, "recipients": [to] });
        let answer = self.send("the notification", Method::POST, &path, &body, StatusCode::OK).await?;
        serde_json::from_slice(&answer).context("the notification's answer has not the form that it should have")
    }

    /// Deletes a comment.
    pub(super) async fn delete_comment(&self, comment: &str) -> anyhow::Result<()> {
        let request = self.request(Method::DELETE, &Self::comment_path(comment), JSON, Bytes::new())?;
        self.expect("deleting the comment", request, StatusCode::NO_CONTENT).await?;
        Ok(())
    }

    /// Follows a link, as someone without a key.
    pub(super) async fn follow(&self, url: &str) -> anyhow::Result<Fetched> {
        self.fetch(Request::get(url).body(Full::default())?).await.context("a click on a link got no answer")
    }

    async fn send(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: &Value,
        expected: StatusCode,
    ) -> anyhow::Result<Bytes> {
        let request = self.request(method, path, JSON, Bytes::from(body.to_string()))?;
        self.expect(what, request, expected).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Bytes,
    ) -> anyhow::Result<Request<Full<Bytes>>> {
        Ok(Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.api))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, media_type)
            .body(Full::new(body))?)
    }

    async fn expect(&self, what: &str, request: Request<Full<Bytes>>, expected: StatusCode) -> anyhow::Result<Bytes> {
        let answer = self.fetch(request).await.with_context(|| format!("{what} got no answer"))?;
        ensure!(answer.status == expected, "{what} was answered {}: {}", answer.status, answer.problem());
        Ok(answer.body)
    }

    async fn fetch(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Fetched> {
        let answered = async {
            let (parts, body) = self.client.request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            anyhow::Ok(Fetched { status: parts.status, headers: parts.headers, body })
        };
        tokio::time::timeout(PATIENCE, answered).await.context("no answer in time")?
    }
}

impl Fetched {
    /// A problem's words (RFC 9457), or as much of the body as one line shows.
    pub(super) fn problem(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let words: Vec<&str> = ["title", "detail"].iter().filter_map(|member| problem[member].as_str()).collect();
        if words.is_empty() { String::from_utf8_lossy(&self.body).chars().take(80).collect() } else { words.join(": ") }
    }

    /// A member of the problem, when it is one.
    pub(super) fn member(&self, name: &str) -> Option<String> {
        let problem: Value = serde_json::from_slice(&self.body).ok()?;
        problem[name].as_str().map(str::to_owned)
    }
}
