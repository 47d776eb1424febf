//! A site with one of everything.

use http::Method;
use serde_json::json;

use super::routes::{Ids, Route};
use crate::harness::Service;

/// What logins are sealed with, where no file of the data directory holds it.
pub const SEALED: [(&str, &str); 1] = [("ATTACHLINK_PORTAL_KEY", "a key of more than thirty-two characters, for both")];

pub struct Tenant {
    pub ids: Ids,
    link: String,
    portal_link: String,
}

impl Tenant {
    pub async fn settled(service: &Service, site: &str) -> Self {
        let mut ids = Ids {
            site: site.to_owned(),
            project: "SUP".to_owned(),
            comment: "c1".to_owned(),
            attachment: "a1".to_owned(),
            request: "SUP-1".to_owned(),
            organization: "globex".to_owned(),
            email: "ana@customer.example".to_owned(),
            ..Ids::of_nothing()
        };
        let (site, email) = (format!("/sites/{site}"), ids.email.clone());
        let project = format!("{site}/projects/SUP");
        let comment = format!("{project}/comments/c1");
        service.place("shared/report.txt", b"in place").await;
        let settings = json!({"plan": "standard", "safe_notifications": false, "object_prefix": "shared",
            "portal_url": "https://help.acme.example/portal/{project}/{request}"});
        service.put(&site, settings).await.ok(200);
        service.put(&format!("{project}/attachment-security"), json!({"mode": "secured_link"})).await.ok(200);
        service
            .upload(&format!("{comment}/attachments/a1/content?filename=x.txt"), "text/plain", "hello")
            .await
            .ok(201);
        let asked = json!({"request": "SUP-1", "message_size": 1});
        service.post(&format!("{comment}/notifications"), asked).await.ok(200);
        let request = json!({"reporter": email, "organizations": ["globex"], "channel": "portal"});
        service.put(&format!("{project}/requests/SUP-1"), request).await.ok(201);
        for list in ["organizations/globex/members", "projects/SUP/customers", "projects/SUP/comments/c1/customers"] {
            let path = format!("{site}/{list}/{email}");
            service.call_as(&service.key, Method::PUT, &path, None).await.ok(201);
        }
        let provider = json!({"issuer": "https://login.example", "client_id": "c", "client_secret": "s"});
        service.put(&format!("{site}/login-provider"), provider).await.ok(200);
        let token = service.post(&format!("{site}/sign-up-tokens"), json!({"email": email})).await.ok(201).json();
        token["token"].as_str().expect("a token").clone_into(&mut ids.sign_up_token);
        let links = json!({"recipients": ["r-1"]});
        let link = service.post(&format!("{comment}/attachments/a1/links"), links).await.ok(201).json();
        let text = |name: &str| link["links"][0][name].as_str().expect("a text").to_owned();
        ids.link_id = text("link_id");
        let asked = json!({"customer": email, "project": "SUP", "comment": "c1", "attachment": "a1"});
        let portal_link = service.post(&format!("{site}/portal-downloads"), asked).await.ok(201).json();
        let portal_link = portal_link["url"].as_str().expect("a link").to_owned();
        Self { ids, link: text("url"), portal_link }
    }

    /// Everything that the site's own administrators and recipients see of it.
    pub async fn all(&self, service: &Service) -> Vec<(String, u16, String)> {
        let mut seen = Vec::new();
        for route in Route::all(service).await.into_iter().filter(|route| route.method == Method::GET) {
            let reply = super::ask(service, &service.key, &route, &self.ids).await;
            seen.push((route.template, reply.status.as_u16(), String::from_utf8_lossy(&reply.body).into_owned()));
        }
        for (name, url) in [("link", &self.link), ("portal link", &self.portal_link)] {
            let reply = service.open(url).await.ok(200);
            seen.push((name.to_owned(), 200, String::from_utf8_lossy(&reply.body).into_owned()));
        }
        seen
    }
}
