//! The service's password at a provider, as the database keeps it. It opens only for the site, issuer and client that it
//! was set for: a changed row sends it to nobody else.

use super::seal::{Kind, PortalKey};
use crate::domain::ids::SiteId;
use crate::domain::portal::{ClientId, ClientSecret, Issuer};

fn context(site: &SiteId, issuer: &Issuer, client_id: &ClientId) -> String {
    // Neither an id nor an issuer holds a line feed.
    [site.as_str(), issuer.as_str(), client_id.as_str()].join("\n")
}

/// Seals it.
#[must_use]
pub fn seal(key: &PortalKey, site: &SiteId, issuer: &Issuer, client_id: &ClientId, secret: &ClientSecret) -> String {
    key.seal(Kind::ClientSecret, &context(site, issuer, client_id), secret.reveal())
}

/// Opens it. `None` when it was sealed by another key, or for something else.
#[must_use]
pub fn open(
    key: &PortalKey,
    site: &SiteId,
    issuer: &Issuer,
    client_id: &ClientId,
    sealed: &str,
) -> Option<ClientSecret> {
    key.open(Kind::ClientSecret, &context(site, issuer, client_id), sealed)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_for_whom_it_was_set() {
        let key = PortalKey::of("k");
        let site: SiteId = "acme".parse().unwrap();
        let issuer = Issuer::parse("https://login.example").unwrap();
        let client = ClientId::try_from("c".to_owned()).unwrap();
        let secret = ClientSecret::try_from("s3cr3t".to_owned()).unwrap();
        let sealed = seal(&key, &site, &issuer, &client, &secret);
        assert!(!sealed.contains("s3cr3t"));
        assert_eq!(open(&key, &site, &issuer, &client, &sealed), Some(secret));
        let evil = Issuer::parse("https://evil.example").unwrap();
        assert_eq!(open(&key, &site, &evil, &client, &sealed), None);
        assert_eq!(open(&key, &"other".parse().unwrap(), &issuer, &client, &sealed), None);
    }
}
