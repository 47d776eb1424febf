//! What no browser does: answers that are replayed, put together, or carried to another browser.

use std::collections::BTreeMap;

use http::{Method, Request, header};
use http_body_util::Full;
use serde_json::json;

use super::{ANA, Desk, LOG};
use crate::harness::{Reply, Service};

/// A browser that shows its cookies and goes one step at a time.
#[derive(Default, Clone)]
pub struct Steps {
    pub cookies: BTreeMap<String, String>,
}

impl Steps {
    pub async fn send(&mut self, service: &Service, method: Method, url: &str, form: &str) -> Reply {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, cookies.join("; "))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let reply = service.send(request.body(Full::new(form.to_owned().into())).unwrap()).await;
        for cookie in reply.headers.get_all(header::SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    pub async fn open(&mut self, service: &Service, url: &str) -> Reply {
        self.send(service, Method::GET, url, "").await
    }

    /// Begins a login, and goes all of its way at the provider: gives the address that leads back.
    pub async fn way_back(&mut self, desk: &Desk, link: &str, email: &str) -> String {
        let service = &desk.service;
        let begun = self.open(service, link).await.ok(303);
        let mut next = begun.header("location").to_owned();
        let login = format!("prompt=login&login={email}&password=x");
        for form in [&*login, "prompt=consent"] {
            let page = self.follow(desk, &next).await;
            let on = self.send(service, Method::POST, &page, form).await.ok(303);
            next = String::from(on.header("location"));
        }
        self.follow(desk, &next).await
    }

    /// Follows the provider's redirects up to a page of its own, or to the address that leads back.
    async fn follow(&mut self, desk: &Desk, url: &str) -> String {
        let issuer = &desk.provider.issuer;
        let mut url = absolute(issuer, url);
        while url.starts_with(issuer) {
            let reply = self.open(&desk.service, &url).await;
            if reply.status == 200 {
                break;
            }
            url = absolute(issuer, reply.ok(303).header("location"));
        }
        url
    }
}

fn absolute(issuer: &str, url: &str) -> String {
    if url.starts_with('/') { format!("{issuer}{url}") } else { url.to_owned() }
}

fn page(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_is_one_browsers_and_works_once() {
    let desk = Desk::open().await;
    let link = desk.link_of_an_email().await;
    let mut ana = Steps::default();
    let back = ana.way_back(&desk, &link, ANA).await;
    assert!(back.contains("/p/acme/logged-in?"), "{back}");
    let before = ana.clone();

    // Another browser, with a login of its own, and none.
    let mut other = Steps::default();
    other.open(&desk.service, &link).await.ok(303);
    for steps in [&mut other, &mut Steps::default()] {
        let refused = steps.open(&desk.service, &back).await.ok(400);
        assert!(page(&refused).contains("The login did not work"));
    }
    // A state that was changed, one that is missing, and another site's way back.
    let (changed, no_state) = (back.replace("state=", "state=x"), back.replace("state=", "xstate="));
    for bad in [changed, no_state, back.replace("/p/acme/", "/p/other/"), format!("{back}&state=x")] {
        ana.clone().open(&desk.service, &bad).await.ok(400);
    }

    // Asking for the headers ends no login, as no address that is only looked at may.
    let looked_at = ana.send(&desk.service, Method::HEAD, &back, "").await.ok(405);
    assert_eq!(looked_at.header("allow"), "GET, OPTIONS");

    let done = ana.open(&desk.service, &back).await.ok(303);
    assert_eq!(done.header("location"), link);
    assert_eq!(ana.open(&desk.service, &link).await.ok(200).body, LOG);
    // Once more: the browser has forgotten it, and with what was kept aside the provider refuses the code.
    ana.open(&desk.service, &back).await.ok(400);
    let refused = before.clone().open(&desk.service, &back).await.ok(400);
    assert!(page(&refused).contains("The login did not work"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_login_is_of_no_use() {
    let desk = Desk::open().await;
    let link = desk.link_of_an_email().await;
    let (mut ana, mut thief) = (Steps::default(), Steps::default());
    let hers = ana.way_back(&desk, &link, ANA).await;
    let theirs = thief.way_back(&desk, &link, "thief@customer.example").await;
    let part = |url: &str, name: &str| {
        let url = url::Url::parse(url).unwrap();
        url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
    };
    // Her code in the thief's login: what began it does not fit.
    let mixed = theirs.replace(&part(&theirs, "code"), &part(&hers, "code"));
    thief.open(&desk.service, &mixed).await.ok(400);
    assert!(!thief.cookies.contains_key("attachlink-session"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_nobody_verified_is_nobodys() {
    let desk = Desk::open().await;
    let link = desk.link_of_an_email().await;
    for nobody in ["unverified@customer.example", "unverified-by-text@customer.example"] {
        let mut steps = Steps::default();
        let back = steps.way_back(&desk, &link, nobody).await;
        let refused = steps.open(&desk.service, &back).await.ok(403);
        assert!(page(&refused).contains("your email address is not verified"), "{}", page(&refused));
        assert!(!steps.cookies.contains_key("attachlink-session"));
    }
}

/// Not as `OpenID` Connect has it, but as several large providers do.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_may_say_in_words_that_an_address_is_verified() {
    let desk = Desk::open().await;
    let link = desk.link_of_an_email().await;
    let mut steps = Steps::default();
    let back = steps.way_back(&desk, &link, "by-text@customer.example").await;
    steps.open(&desk.service, &back).await.ok(303);
    assert!(steps.cookies.contains_key("attachlink-session"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_no_at_the_provider_is_not_logged_in() {
    let desk = Desk::open().await;
    let link = desk.link_of_an_email().await;
    let mut steps = Steps::default();
    let begun = steps.open(&desk.service, &link).await.ok(303);
    let begun = url::Url::parse(begun.header("location")).unwrap();
    let state = begun.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let back = format!("{}/p/acme/logged-in", desk.service.running.public_url);
    let refused = steps.open(&desk.service, &format!("{back}?error=access_denied&state={state}")).await.ok(403);
    assert!(page(&refused).contains("You are not logged in"));
    // That login is over.
    steps.open(&desk.service, &format!("{back}?code=x&state={state}")).await.ok(400);
    // A proof of another issuer is none.
    let begun = steps.open(&desk.service, &link).await.ok(303);
    let begun = url::Url::parse(begun.header("location")).unwrap();
    let state = begun.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    steps.open(&desk.service, &format!("{back}?code=x&state={state}&iss=https://evil.example")).await.ok(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_over_after_an_hour_and_with_other_settings_of_the_provider() {
    let desk = Desk::open().await;
    let link = desk.link_of_an_email().await;
    let mut ana = Steps::default();
    let back = ana.way_back(&desk, &link, ANA).await;
    ana.open(&desk.service, &back).await.ok(303);
    let ranged = ana.open(&desk.service, &format!("{link}?download")).await.ok(200);
    assert!(ranged.header("content-disposition").starts_with("attachment"));
    desk.service.clock.advance(time::Duration::HOUR);
    ana.open(&desk.service, &link).await.ok(303);
    desk.service.clock.advance(-time::Duration::HOUR);
    ana.open(&desk.service, &link).await.ok(200);

    let (issuer, secret) = (&desk.provider.issuer, &desk.provider.secret);
    let body = serde_json::json!({"issuer": issuer, "client_id": "attachlink", "client_secret": secret});
    desk.service.put("/sites/acme/login-provider", body).await.ok(200);
    ana.open(&desk.service, &link).await.ok(303);
    // What is left of the way back is of the old settings.
    desk.service.delete("/sites/acme/login-provider").await.ok(204);
    ana.open(&desk.service, &link).await.ok(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_counts_for_its_own_site_only() {
    let desk = Desk::open().await;
    let (service, link) = (&desk.service, desk.link_of_an_email().await);
    // Another site with the same provider, where the same customer is on a request of the same name.
    service.site("other").await;
    let body =
        json!({"issuer": desk.provider.issuer, "client_id": "attachlink", "client_secret": desk.provider.secret});
    service.put("/sites/other/login-provider", body).await.ok(200);
    let content = "/sites/other/projects/SUP/comments/c1/attachments/a1/content?filename=log.txt";
    service.upload(content, "text/plain", "of the other site").await.ok(201);
    let asked = json!({"request": "SUP-1", "message_size": 1});
    service.post("/sites/other/projects/SUP/comments/c1/notifications", asked).await.ok(200);
    let request = json!({"reporter": ANA, "channel": "portal"});
    service.put("/sites/other/projects/SUP/requests/SUP-1", request).await.ok(201);

    let mut ana = Steps::default();
    let back = ana.way_back(&desk, &link, ANA).await;
    ana.open(service, &back).await.ok(303);
    ana.open(service, &link).await.ok(200);
    let theirs = link.replace("/p/acme/", "/p/other/");
    let sent = ana.open(service, &theirs).await.ok(303);
    assert!(sent.header("location").starts_with(&desk.provider.issuer), "{}", sent.header("location"));
    // Neither does its cookie under the name of the other site's.
    for (name, value) in ana.cookies.clone() {
        ana.cookies.insert(name.replace("acme", "other"), value);
    }
    ana.open(service, &theirs).await.ok(303);
    ana.open(service, &link).await.ok(200);
}
