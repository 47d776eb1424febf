//! The key that logins are sealed with.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::private_file;
use crate::config::{Config, MIN_PORTAL_KEY_OCTETS};
use crate::login::{PortalKey, random};

/// Its file in the data directory.
const FILE_NAME: &str = "portal-key";
/// As many random octets as the key that is made from them has.
const OCTETS: usize = 32;

/// The key of the settings. With an embedded database, which has one `serve` only, a key of its own stands in for it:
/// made at the first start, beside the database and not in it, so that a copy of the database opens nothing.
pub(super) fn of(config: &Config) -> anyhow::Result<Option<PortalKey>> {
    if let Some(secret) = &config.portal.key {
        return Ok(Some(PortalKey::of(secret.reveal())));
    }
    if config.database.url.file().is_none() {
        return Ok(None);
    }
    let path = config.data_dir.join(FILE_NAME);
    let text = own(&config.data_dir, &path).with_context(|| format!("cannot use {} (portal_key)", path.display()))?;
    Ok(Some(PortalKey::of(text.trim_end())))
}

fn own(data_dir: &Path, path: &Path) -> std::io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Ok(text) if text.trim_end().len() < MIN_PORTAL_KEY_OCTETS => {
            return Err(std::io::Error::other(format!(
                "it holds less than {MIN_PORTAL_KEY_OCTETS} characters: put back the one of the last backup; without one, \
                 delete it, and set each login provider anew"
            )));
        }
        read => return read,
    }
    crate::store::make_private_dir(data_dir)?;
    let text = STANDARD.encode(random::<OCTETS>());
    private_file::write(path, &text)?;
    Ok(text)
}
