//! Every page that a person may meet, and how to get to it on a real service.

use std::collections::BTreeSet;
use std::sync::Arc;

use attachlink::domain::portal::{Attempt, LOGIN_LIFETIME, SESSION_LIFETIME, Session, SessionId, Target};
use attachlink::liveness::LivenessQuery;
use attachlink::login::Kind;
use attachlink::store::StoreError;
use http::Method;
use parking_lot::Mutex;
use serde_json::json;
use time::Duration;

use crate::harness::{Reply, Service, comment_path};

const ANA: &str = "ana@customer.example";
const BEN: &str = "ben@customer.example";
/// The key of an object that will be gone.
const GONE: &str = "acme/gone.txt";
/// The state of a login that goes on; its first character is the cookie's place.
const STATE: &str = "3-a-state-of-the-test";

/// A neighbour behind the same proxy guesses; other misses are the proxy's own, and far fewer.
const GUESSING: [(&str, &str); 3] = [
    ("ATTACHLINK_TRUSTED_PROXIES", "127.0.0.1"),
    ("ATTACHLINK_NOT_FOUND_PER_MINUTE", "1"),
    ("ATTACHLINK_NOT_FOUND_BURST", "200"),
];
const GUESSES: usize = 250;

/// A page, and the request that leads to it.
pub struct Exhibit {
    pub name: &'static str,
    pub status: u16,
    pub method: Method,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
}

/// A service in which all of them can be met at once.
pub struct Gallery {
    pub service: Service,
    pub exhibits: Vec<Exhibit>,
}

impl Gallery {
    pub async fn open(settings: &[(&str, &str)]) -> Self {
        let silent: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let service = Service::start_with(&[settings, &GUESSING].concat(), failing_for(&silent)).await;
        let mut gallery = Self { service, exhibits: Vec::new() };
        gallery.make_a_desk().await;
        gallery.hang_links(&silent).await;
        gallery.hang_logins().await;
        gallery
    }

    /// Asks for a page as a browser would, in a language.
    pub async fn visit(&self, exhibit: &Exhibit, method: Method, language: &str) -> Reply {
        let mut headers = vec![("accept", "text/html,*/*;q=0.8"), ("accept-language", language)];
        headers.extend(exhibit.headers.iter().map(|(name, value)| (*name, value.as_str())));
        self.service.open_with(method, &exhibit.url, &headers).await
    }

    /// Sites with login providers: one that is never asked, one that is away, one that answers nonsense.
    async fn make_a_desk(&self) {
        let service = &self.service;
        service.acme().await;
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("a port");
        let wrong = service.running.ops_addr;
        for (site, issuer) in [
            ("acme", "https://login.acme.example".to_owned()),
            ("away", format!("http://{closed}")),
            ("wrong", format!("http://{wrong}")),
        ] {
            if site != "acme" {
                service.site(site).await;
            }
            let body = json!({"issuer": issuer, "client_id": "c", "client_secret": "s"});
            service.put(&format!("/sites/{site}/login-provider"), body).await.ok(200);
        }
        service.place(GONE, b"what will be gone").await;
        let registered = json!({"object_key": GONE, "filename": "gone.txt", "media_type": "text/plain"});
        service.put(&format!("{}/attachments/a1", comment_path("c3")), registered).await.ok(201);
        for (comment, attachment) in [("c1", "a1"), ("c1", "a2"), ("c2", "a1"), ("c4", "a1")] {
            service.attach(comment, attachment, "log.txt", "text/plain", vec![b'x'; 1000]).await;
        }
        for comment in ["c1", "c2", "c3", "c4"] {
            let body = json!({"request": "SUP-42", "message_size": 1});
            service.post(&format!("{}/notifications", comment_path(comment)), body).await.ok(200);
        }
        let request = json!({"reporter": ANA, "channel": "portal"});
        service.put("/sites/acme/projects/SUP/requests/SUP-42", request).await.ok(201);
        service.put(&format!("/sites/acme/projects/SUP/customers/{BEN}"), json!({})).await.ok(201);
    }

    fn hang(&mut self, name: &'static str, status: u16, url: String, headers: Vec<(&'static str, String)>) {
        self.exhibits.push(Exhibit { name, status, method: Method::GET, url, headers });
    }

    async fn hang_links(&mut self, silent: &Mutex<BTreeSet<String>>) {
        let (expired, _) = self.service.link("c1", "a1").await;
        let body = json!({"customer": ANA, "project": "SUP", "comment": "c1", "attachment": "a1"});
        let portal = self.service.post("/sites/acme/portal-downloads", body).await.ok(201).json();
        self.service.clock.advance(Duration::days(28));
        let (live, _) = self.service.link("c1", "a2").await;
        let (withdrawn, _) = self.service.link("c2", "a1").await;
        let (gone, _) = self.service.link("c3", "a1").await;
        let (unknown, id) = self.service.link("c4", "a1").await;
        silent.lock().insert(id);
        self.service.delete(&comment_path("c2")).await.ok(204);
        std::fs::remove_file(self.service.dir.path().join("data/objects").join(GONE)).expect("a file");
        let nowhere = format!("{}/a/nothing-here", self.service.running.public_url);
        self.hang("link-expired", 410, expired, vec![]);
        self.hang("portal-link-expired", 410, portal["url"].as_str().expect("a link").to_owned(), vec![]);
        self.hang("link-withdrawn", 410, withdrawn, vec![]);
        self.hang("file-unavailable", 503, gone, vec![]);
        self.hang("unavailable", 503, unknown, vec![]);
        self.hang("file-changed", 412, live.clone(), vec![("if-match", "\"another\"".to_owned())]);
        self.hang("file-shorter", 416, live.clone(), vec![("range", "bytes=5000-".to_owned())]);
        let neighbour = ("x-forwarded-for", "198.51.100.9");
        for _ in 0..GUESSES {
            self.service.open_with(Method::GET, &nowhere, &[neighbour]).await;
        }
        let guessing = vec![(neighbour.0, neighbour.1.to_owned())];
        self.hang("too-many-requests", 429, nowhere.clone(), guessing);
        self.hang("not-found", 404, nowhere, vec![]);
        self.hang("not-possible", 405, live, vec![]);
        self.exhibits.last_mut().expect("just hung").method = Method::POST;
    }

    async fn hang_logins(&mut self) {
        let base = format!("{}/p", self.service.running.public_url);
        let (ana, ben) = (self.session(ANA).await, self.session(BEN).await);
        self.hang("not-shared", 403, format!("{base}/acme/SUP/c1/a1"), vec![("cookie", ben)]);
        self.hang("file-removed", 404, format!("{base}/acme/SUP/c2/a1"), vec![("cookie", ana.clone())]);
        self.hang("login-failed", 400, format!("{base}/acme/logged-in?state=1"), vec![]);
        let begun = self.begun_login().await;
        let refused = format!("{base}/acme/logged-in?state={STATE}&error=access_denied");
        self.hang("login-refused", 403, refused, vec![("cookie", begun)]);
        self.hang("login-provider-unavailable", 503, format!("{base}/away/SUP/c1/a1"), vec![]);
        self.hang("login-provider-failed", 502, format!("{base}/wrong/SUP/c1/a1"), vec![]);
        self.hang("log-out", 200, format!("{base}/acme/log-out"), vec![("cookie", ana)]);
        self.hang("logged-out", 200, format!("{base}/acme/log-out"), vec![]);
        self.exhibits.last_mut().expect("just hung").method = Method::POST;
    }

    async fn provider(&self) -> i64 {
        let app = self.service.running.app();
        let stored = app.store.login_provider(&"acme".parse().expect("an id")).await.expect("a database");
        stored.flatten().expect("a provider").number
    }

    fn seal(&self, kind: Kind, about: &str, text: &str) -> String {
        self.service.running.app().login.key.as_ref().expect("a key").seal(kind, about, text)
    }

    /// The cookie of somebody who logged in just now.
    async fn session(&self, customer: &str) -> String {
        let (id, over_at) = (SessionId::named(format!("session-of-{customer}")), self.now() + SESSION_LIFETIME);
        let over_at = over_at.unix_timestamp();
        self.service.running.app().store.begin_session(&id, over_at).await.expect("a database");
        let (site, provider) = ("acme".to_owned(), self.provider().await);
        let session = Session { id, site, provider, customer: customer.parse().expect("an address"), over_at };
        let text = serde_json::to_string(&session).expect("JSON");
        format!("attachlink-session={}", self.seal(Kind::Session, "", &text))
    }

    /// The cookie of somebody whose login goes on.
    async fn begun_login(&self) -> String {
        let target = serde_json::from_value::<Target>(
            json!({"site": "acme", "project": "SUP", "comment": "c1", "attachment": "a1"}),
        );
        let attempt = Attempt {
            target: target.expect("a target"),
            provider: self.provider().await,
            state: STATE.to_owned(),
            nonce: "n".to_owned(),
            verifier: "v".to_owned(),
            over_at: (self.now() + LOGIN_LIFETIME).unix_timestamp(),
        };
        let text = serde_json::to_string(&attempt).expect("JSON");
        format!("attachlink-login-3={}", self.seal(Kind::Attempt, "acme", &text))
    }

    fn now(&self) -> time::OffsetDateTime {
        self.service.running.app().clock.now()
    }
}

/// Liveness statements that fail when one of these links is among those asked about.
fn failing_for(silent: &Arc<Mutex<BTreeSet<String>>>) -> impl FnOnce(LivenessQuery) -> LivenessQuery + use<> {
    let silent = Arc::clone(silent);
    move |query| {
        Arc::new(move |asked| {
            let fails = asked.links.iter().any(|link| silent.lock().contains(&link.to_string()));
            let answer = query(asked);
            Box::pin(async move { if fails { Err(StoreError::Full) } else { answer.await } })
        })
    }
}
