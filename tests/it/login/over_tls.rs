//! TLS to the provider, and where providers may be: the built service, oidc-provider behind a certificate of a throw-away
//! authority, and curl as the customer's browser.

use std::path::Path;

use serde_json::json;

use super::provider::Provider;
use super::{ANA, LOG};
use crate::authority::Authority;
use crate::binary::{Binary, Place, comment_path, curl, eventually};

const ANY: (&str, &str) = ("ATTACHLINK_LOGIN_PROVIDER_ADDRESSES", "any");

/// A service with a provider over TLS, and the link of an email to an attachment.
struct Desk {
    _place: Place,
    service: Binary,
    provider: Provider,
    link: String,
}

impl Desk {
    async fn open(presents: &Authority, trusts: &Path, more: &[(&str, &str)]) -> Self {
        let place = Place::new();
        let mut settings = vec![("SSL_CERT_FILE", trusts.to_str().expect("UTF-8"))];
        settings.extend_from_slice(more);
        let service = place.serve(&settings);
        let base = format!("http://{}", service.public);
        let options = json!({"key": presents.text("server.key"), "cert": presents.text("server.pem")});
        let provider = Provider::start_with(&format!("{base}/p/acme/logged-in"), &options).await;
        service.site();
        let body = json!({"issuer": provider.issuer, "client_id": "attachlink", "client_secret": provider.secret});
        service.put("/sites/acme/login-provider", &body).ok(200);
        service.attach("c1", "a1", "log.txt", "text/plain", LOG);
        let notification = json!({"request": "SUP-1", "message_size": 1});
        service.post(&format!("{}/notifications", comment_path("c1")), &notification).ok(200);
        let request = json!({"reporter": ANA, "channel": "portal"});
        service.put("/sites/acme/projects/SUP/requests/SUP-1", &request).ok(201);
        Self { _place: place, service, provider, link: format!("{base}/p/acme/SUP/c1/a1") }
    }

    /// What the customer is told who opens the link, and what the log says of it.
    fn refused(&self, why: &str) {
        let page = curl(&["-H", "Accept: text/html", &self.link]).ok(502);
        assert!(String::from_utf8_lossy(&page.body).contains("Logging in does not work here"));
        eventually(std::time::Duration::from_secs(10), why, || self.service.log().contains(why).then_some(()));
    }
}

/// A step of a browser that trusts the authority and keeps its cookies: what it shows at last, and where.
fn step(authority: &Authority, url: &str, form: Option<&str>) -> (Vec<u8>, String) {
    let [jar, ca, body] = ["cookies", "ca.pem", "body"].map(|name| authority.text(name));
    let mut arguments = vec!["-L", "--cacert", &ca, "-b", &jar, "-c", &jar, "-o", &body, "-w", "%{url_effective}", url];
    arguments.extend(form.iter().flat_map(|form| ["--data", *form]));
    let end = curl(&arguments).ok(200).body;
    (std::fs::read(body).expect("curl wrote it"), String::from_utf8(end).expect("an address"))
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_link_to_the_file_by_a_provider_behind_tls() {
    let authority = Authority::for_host("IP:127.0.0.1");
    let desk = Desk::open(&authority, &authority.path("ca.pem"), &[ANY]).await;
    let (_, at) = step(&authority, &desk.link, None);
    assert!(at.starts_with("https://127.0.0.1:") && at.starts_with(&desk.provider.issuer), "{at}");
    let (_, at) = step(&authority, &at, Some(&format!("prompt=login&login={ANA}&password=x")));
    let (file, at) = step(&authority, &at, Some("prompt=consent"));
    assert_eq!((&*file, &*at), (LOG, &*desk.link));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_its_own_is_refused() {
    let (trusted, other) = (Authority::for_host("IP:127.0.0.1"), Authority::for_host("DNS:login.example"));
    // Of an authority that nobody named, and for another host.
    for (presents, why) in [(&trusted, "invalid peer certificate"), (&other, "not valid for name")] {
        let desk = Desk::open(presents, &other.path("ca.pem"), &[ANY]).await;
        desk.refused(why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_at_an_internal_address_is_not_asked_unless_the_operator_says_so() {
    let authority = Authority::for_host("IP:127.0.0.1,DNS:localhost");
    let desk = Desk::open(&authority, &authority.path("ca.pem"), &[]).await;
    desk.refused("internal address");
    // Nor by a name that leads there.
    let issuer = desk.provider.issuer.replace("127.0.0.1", "localhost");
    let body = json!({"issuer": issuer, "client_id": "attachlink", "client_secret": "s"});
    desk.service.put("/sites/acme/login-provider", &body).ok(200);
    desk.refused("internal address: login_provider_addresses");
}
