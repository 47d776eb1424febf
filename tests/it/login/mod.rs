//! Logging in to download, with oidc-provider from npm as the provider: a real one, in a process of its own.

pub mod browser;
mod by_program;
mod calls;
mod in_chromium;
mod logging_out;
mod over_tls;
mod provider;
mod running;
mod secrets;
mod short_links;
mod signatures;
mod without_provider;

use serde_json::{Value, json};

use crate::harness::{Service, comment_path};
use provider::Provider;

/// Whose the request is.
const ANA: &str = "ana@customer.example";
/// A customer who is not on it.
const BEN: &str = "ben@customer.example";
const LOG: &[u8] = b"what the log says\n";

/// A service whose site `acme` has a provider; request `SUP-1` is Ana's, and its comment `c1` has the attachment `a1`.
struct Desk {
    service: Service,
    provider: Provider,
}

impl Desk {
    async fn open() -> Self {
        Self::around(Service::start().await).await
    }

    async fn around(service: Service) -> Self {
        Self::with_provider(service, &json!({})).await
    }

    /// With options of the provider.
    async fn with_provider(service: Service, options: &Value) -> Self {
        service.site("acme").await;
        let redirect = format!("{}/p/acme/logged-in", service.running.public_url);
        let provider = Provider::start_with(&redirect, options).await;
        let body = json!({"issuer": provider.issuer, "client_id": "attachlink", "client_secret": provider.secret});
        let shown = service.put("/sites/acme/login-provider", body).await.ok(200).json();
        assert_eq!(shown["redirect_url"], redirect);
        service.attach("c1", "a1", "log.txt", "text/plain", LOG).await;
        let request = json!({"reporter": ANA, "channel": "portal"});
        service.put("/sites/acme/projects/SUP/requests/SUP-1", request).await.ok(201);
        service.put(&format!("/sites/acme/projects/SUP/customers/{BEN}"), json!({})).await.ok(201);
        Self { service, provider }
    }

    /// The link to the attachment in an email about the comment.
    async fn link_of_an_email(&self) -> String {
        let path = format!("{}/notifications", comment_path("c1"));
        let email = self.service.post(&path, json!({"request": "SUP-1", "message_size": 1})).await.ok(200).json();
        let link = &email["emails"][0]["attachments"][0];
        assert_eq!(link["access"], "portal_login");
        assert_eq!(email["portal_url"], "https://help.acme.example/portal/SUP/SUP-1");
        let url = link["url"].as_str().expect("a link").to_owned();
        assert_eq!(url, format!("{}/p/acme/SUP/c1/a1", self.service.running.public_url));
        url
    }
}
