//! A service, and what the product says must be true of it now.

use http::Method;
use serde_json::{Value, json};

use super::settings::{Access, Security};
use crate::harness::{PNG, Service, comment_path};
use crate::keeps::Keeps;

const PROJECT: &str = "/sites/acme/projects/SUP";
/// Far below the limit, and from it on.
const MESSAGE_OCTETS: [u64; 2] = [1000, 6_291_456];
/// How many links of earlier emails are looked at again.
const REMEMBERED: usize = 4;

/// Who may download `c1/a1` in the portal (product: *Who may download in the portal*).
const CUSTOMERS: [(&str, &str, bool); 8] = [
    ("customer", "reporter@a.example", true),
    ("customer", "participant@a.example", true),
    ("customer", "member@a.example", true),
    ("customer", "tagged@a.example", true),
    ("customer", "added@a.example", false),
    ("customer", "account@a.example", false),
    ("customer", "unknown@a.example", false),
    ("visitor", "reporter@a.example", false),
];

/// A link that an email carried, and how often the mode had changed by then.
struct Sent {
    url: String,
    changes: u32,
}

pub struct World {
    service: Service,
    security: Security,
    /// Whether the site has a login provider.
    has_provider: bool,
    /// The mode that is in force, and how often it changed.
    mode: &'static str,
    changes: u32,
    sent: Vec<Sent>,
    /// A link of five minutes.
    portal_link: String,
}

impl World {
    /// A site on its defaults, with a request and an attachment of each kind in a comment of it.
    pub async fn on(on: Keeps) -> Self {
        let sealed_with = [("ATTACHLINK_PORTAL_KEY", "a key that both kinds of database are given, long enough")];
        let service = on.service_around(&sealed_with, |query| query).await;
        let security = Security { plan: "free", safe_notifications: false, mode: "portal_login" };
        service.put("/sites/acme", security.site()).await.ok(200);
        service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
        service.attach("c1", "a2", "x.png", "image/png", PNG).await;
        let request = json!({"reporter": CUSTOMERS[0].1, "participants": [CUSTOMERS[1].1],
            "organizations": ["globex"], "channel": "portal"});
        service.put(&format!("{PROJECT}/requests/SUP-1"), request).await.ok(201);
        for path in [
            "/sites/acme/organizations/globex/members/member@a.example",
            &format!("{}/customers/tagged@a.example", comment_path("c1")),
            &format!("{PROJECT}/customers/added@a.example"),
            "/sites/acme/accounts/account@a.example",
        ] {
            service.call_as(&service.key, Method::PUT, path, None).await.ok(201);
        }
        let mut world = Self {
            service,
            security,
            has_provider: false,
            mode: security.mode,
            changes: 0,
            sent: Vec::new(),
            portal_link: String::new(),
        };
        world.emails().await;
        let download = json!({"customer": CUSTOMERS[0].1, "project": "SUP", "comment": "c1", "attachment": "a1"});
        let link = world.service.post("/sites/acme/portal-downloads", download).await.ok(201).json();
        link["url"].as_str().unwrap().clone_into(&mut world.portal_link);
        world
    }

    /// Sets it all, as the administrators would; each time the site's portal logs in the other way than before.
    pub async fn change_to(&mut self, security: Security, access: &Access) {
        let service = &self.service;
        service.put("/sites/acme", security.site()).await.ok(200);
        // A plan that goes down puts the mode back.
        let mut mode = if security.plan == "free" { "portal_login" } else { self.mode };
        self.changes += u32::from(mode != self.mode);
        let reply = service.mode("acme", "SUP", security.mode).await;
        if security.is_refused() {
            reply.refused(403, "plan_required");
        } else {
            assert_eq!(reply.ok(200).json()["changed"], security.mode != mode, "{security:?} after {}", self.mode);
            self.changes += u32::from(security.mode != mode);
            mode = security.mode;
        }
        service.put("/sites/acme/customer-access", access.customer_access.clone()).await.ok(200);
        let permissions = format!("{PROJECT}/customer-permissions");
        service.put(&permissions, access.customer_permissions.clone()).await.ok(200);
        let provider = "/sites/acme/login-provider";
        if self.has_provider {
            service.delete(provider).await.ok(204);
        } else {
            let body = json!({"issuer": "https://login.acme.example", "client_id": "attachlink", "client_secret": "s"});
            service.put(provider, body).await.ok(200);
        }
        (self.security, self.mode, self.has_provider) = (security, mode, !self.has_provider);
    }

    /// What an email shows now (product: rules 1 and 5, *The email decision*). Its links are remembered.
    pub async fn emails(&mut self) {
        for message in MESSAGE_OCTETS {
            let asked = json!({"request": "SUP-1", "message_size": message, "recipients": ["r-1"]});
            let answer =
                self.service.post(&format!("{}/notifications", comment_path("c1")), asked).await.ok(200).json();
            let images = match (self.security.safe_notifications, message == MESSAGE_OCTETS[0]) {
                (true, _) => "omit",
                (false, true) => "inline",
                (false, false) => "link",
            };
            let (file, image) = (&answer["emails"][0]["attachments"][0], &answer["emails"][0]["attachments"][1]);
            assert_eq!(
                (&answer["images"], &answer["mode"]),
                (&json!(images), &json!(self.mode)),
                "{:?}",
                self.security
            );
            assert_eq!(image["rendering"], images);
            for shown in [file, image] {
                self.shown(shown);
            }
            self.sent.extend(
                file["link_id"]
                    .is_string()
                    .then(|| Sent { url: file["url"].as_str().unwrap().to_owned(), changes: self.changes }),
            );
        }
        let excess = self.sent.len().saturating_sub(REMEMBERED);
        self.sent.drain(..excess);
    }

    /// Where an attachment of an email leads, if anywhere.
    #[track_caller]
    fn shown(&self, shown: &Value) {
        let leads_to = match shown["rendering"].as_str().unwrap() {
            "link" if self.mode == "secured_link" => "anyone_with_link",
            "link" => "portal_login",
            _ => {
                assert_eq!((shown.get("url"), shown.get("access")), (None, None), "{shown}");
                return;
            }
        };
        assert!(!self.security.safe_notifications, "{shown}");
        assert_eq!(shown["access"], leads_to);
        assert_eq!(shown.get("link_id").is_some(), leads_to == "anyone_with_link", "{shown}");
        let url = shown["url"].as_str().unwrap();
        if leads_to == "portal_login" {
            let login = format!("{}/p/acme/SUP/c1/{}", self.service.running.public_url, shown["id"].as_str().unwrap());
            let plain = "https://help.acme.example/portal/SUP/SUP-1";
            assert_eq!(url, if self.has_provider { login.as_str() } else { plain });
        }
    }

    /// Whether links can be issued now, and which of those sent before still work (product, rules 1 to 3 and 5).
    pub async fn links(&self) {
        let path = format!("{}/attachments/a1/links", comment_path("c1"));
        let reply = self.service.post(&path, json!({"recipients": ["r-2"]})).await;
        if self.mode == "secured_link" && !self.security.safe_notifications {
            let link = reply.ok(201).json();
            self.service.open(link["links"][0]["url"].as_str().unwrap()).await.ok(200);
        } else {
            reply.refused(409, "secured_links_off");
        }
        for sent in &self.sent {
            let opened = self.service.open(&sent.url).await;
            if sent.changes == self.changes {
                assert_eq!(opened.ok(200).body, "hello");
            } else {
                opened.refused(410, "link_withdrawn");
            }
        }
    }

    /// Who may download in the portal: whoever is on the request, under whatever settings.
    pub async fn portal(&self) {
        let evaluations: Vec<Value> =
            CUSTOMERS.iter().map(|(kind, id, _)| json!({"subject": {"type": kind, "id": id}})).collect();
        let asked = json!({"action": {"name": "download_attachment"},
            "resource": {"type": "attachment", "id": "acme/SUP/c1/a1"}, "evaluations": evaluations});
        let answer = crate::authzen::post(&self.service, "/access/v1/evaluations", &asked).await.ok(200).json();
        for (index, (kind, id, may)) in CUSTOMERS.iter().enumerate() {
            let decided = &answer["evaluations"][index]["decision"];
            assert_eq!(*decided, *may, "{kind} {id} under {:?}", self.security);
        }
        // Their links of five minutes follow neither modes nor plans nor the compliance switch.
        self.service.open(&self.portal_link).await.ok(200);
    }
}
