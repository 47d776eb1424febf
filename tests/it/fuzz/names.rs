//! Texts that stand for things: ids, addresses, keys of objects.

use std::str::FromStr;

use attachlink::domain::attachment::{ObjectKey, ObjectPrefix};
use attachlink::domain::ids::{ProjectId, Recipient, RequestId, SiteId};
use attachlink::domain::portal::{Domain, EmailAddress, Issuer, PortalUrl};
use attachlink::store::DatabaseUrl;

/// One text, taken for each of them.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    id(&text);
    domain(&text);
    email(&text);
    portal_url(&text);
    issuer(&text);
    object_key(&text);
    database_url(&text);
    if let Ok(recipient) = Recipient::try_from(text.clone().into_owned()) {
        assert!(!recipient.as_str().contains(char::is_control) && !recipient.as_str().is_empty());
    }
}

/// What it is read as, whose text means the same thing.
fn read<T: FromStr + ToString + PartialEq>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let again: T = value.to_string().parse().ok().expect("its text is read again");
    assert!(again == value && again.to_string() == value.to_string(), "{text:?}: its text means something else");
    Some(value)
}

/// Ids stand for themselves in paths.
fn id(text: &str) {
    let Some(id) = read::<SiteId>(text) else { return };
    assert_eq!(id.to_string(), text);
    let url = url::Url::parse(&format!("https://a.example/x/{text}/y")).expect("an address");
    assert_eq!(url.path(), format!("/x/{text}/y"), "the address means another path");
}

fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || c.is_whitespace() || "<>()[]\\,;:\"".contains(c))
}

fn domain(text: &str) {
    let Some(domain) = read::<Domain>(text) else { return };
    let text = domain.as_str();
    assert!(
        text.is_ascii() && is_plain(text) && !text.contains(['@', '/']) && text == text.to_ascii_lowercase(),
        "{text}"
    );
}

/// It can stand in a header of an email, and case makes no difference.
fn email(text: &str) {
    let Some(address) = read::<EmailAddress>(text) else { return };
    assert!(is_plain(address.as_str()) && address.as_str().matches('@').count() == 1, "{address}");
    let (local, own) = address.as_str().split_once('@').expect("an @");
    assert_eq!(address.local_part(), local);
    assert!(address.is_on(&own.parse().expect("a domain")));
    let upper = address.as_str().to_ascii_uppercase().parse::<EmailAddress>();
    assert!(upper.is_ok_and(|upper| upper == address), "{address}");
}

/// Whatever is filled in, people are sent to the host that the template names, and not in the clear.
fn portal_url(text: &str) {
    let Ok(template) = PortalUrl::parse(text) else { return };
    assert_eq!(template.template(), text);
    let of = |project: &str, request: &str| {
        let project: ProjectId = project.parse().expect("an id");
        let request: RequestId = request.parse().expect("an id");
        let address = template.of(&project, &request);
        assert!(address.is_ascii() && !address.contains([' ', '"', '<', '>']), "{address}");
        url::Url::parse(&address).expect("an address")
    };
    let usual = of("SUP", "SUP-42");
    for odd in [of("...", "a:b~c"), of("p_.-~:", "...")] {
        assert_eq!((usual.scheme(), usual.host(), usual.port()), (odd.scheme(), odd.host(), odd.port()));
    }
    assert!(usual.username().is_empty() && usual.password().is_none());
    is_encrypted_or_loopback(&usual);
}

fn is_encrypted_or_loopback(url: &url::Url) {
    let here =
        url.host_str().is_some_and(|host| host.ends_with("localhost") || host.starts_with("127.") || host == "[::1]");
    assert!(url.scheme() == "https" || (url.scheme() == "http" && here), "{url}");
}

fn issuer(text: &str) {
    let Ok(issuer) = Issuer::parse(text) else { return };
    let url = url::Url::parse(issuer.as_str()).expect("an address");
    assert!(url.query().is_none() && url.fragment().is_none() && url.username().is_empty());
    is_encrypted_or_loopback(&url);
    assert_eq!(issuer.is_plain(), url.scheme() == "http");
}

/// A key stays in its place, and a prefix covers only what lies under it.
fn object_key(text: &str) {
    if let Ok(key) = ObjectKey::named(text) {
        assert_eq!(key.as_str(), text);
        let mut segments = text.split('/');
        assert!(segments.all(|segment| !matches!(segment, "" | "." | "..")) && !text.contains(['\\', '\0']));
    }
    let Ok(prefix) = ObjectPrefix::parse(text) else { return };
    let folder = text.trim_end_matches('/');
    for name in ["x", "x/y"] {
        let key = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        if let Ok(key) = ObjectKey::named(&key) {
            assert!(prefix.covers(&key), "{text:?} and {key:?}");
        }
    }
    if let (false, Ok(beside)) = (folder.is_empty(), ObjectKey::named(&format!("{folder}2/x"))) {
        assert!(!prefix.covers(&beside), "{text:?} and {beside:?}");
    }
}

/// It shows no password; its text is an address again.
fn database_url(text: &str) {
    const PASSWORD: &str = "hunter2hunter2";
    let Ok(url) = text.parse::<DatabaseUrl>() else { return };
    let shown = url.to_string();
    assert_eq!(format!("{url:?}"), shown);
    assert!(shown.parse::<DatabaseUrl>().is_ok(), "{shown}");
    if text.starts_with(&format!("postgres://al:{PASSWORD}@")) && text.matches(PASSWORD).count() == 1 {
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
}
