//! Flags that are none although there is a setting of that name.

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;
use crate::config;

/// Adds how the setting is set, where a flag was given that would be its name.
pub(super) fn explained(mut error: clap::Error) -> clap::Error {
    if let Some((key, variable)) = setting(&error) {
        let tip = format!("{key} has no flag; it is set by {variable}, or in the file of --config");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        // A flag that looks alike is another setting's; the usage shows it too then.
        if error.remove(ContextKind::SuggestedArg).is_some() {
            error.remove(ContextKind::Usage);
        }
    }
    error
}

/// The setting that was meant, by its key and its variable.
fn setting(error: &clap::Error) -> Option<(String, String)> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return None };
    let key = given.strip_prefix("--")?.replace('-', "_");
    let flag = key.replace('_', "-");
    // One that has a flag was only written with underscores, and clap says so.
    if Cli::command().get_arguments().any(|known| known.get_long() == Some(&*flag)) {
        return None;
    }
    let variable = config::variable_of(&key)?;
    Some((key, variable))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn told(line: &str) -> String {
        match Cli::try_parse_from(std::iter::once("attachlink").chain(line.split_whitespace())) {
            Ok(_) => panic!("accepted: {line}"),
            Err(error) => explained(error).to_string(),
        }
    }

    #[test]
    fn a_setting_without_a_flag_is_told_by_its_other_names() {
        for (line, key, variable) in [
            ("serve --max-connections 5", "max_connections", "ATTACHLINK_MAX_CONNECTIONS"),
            ("serve --max_connections=5", "max_connections", "ATTACHLINK_MAX_CONNECTIONS"),
            ("check-config --s3-region eu", "s3_region", "ATTACHLINK_S3_REGION"),
            ("--brand-name Acme serve", "brand_name", "ATTACHLINK_BRAND_NAME"),
            ("backup --database-pool-size 3 x.db", "database_pool_size", "ATTACHLINK_DATABASE_POOL_SIZE"),
            ("serve --database-url-file /run/url", "database_url_file", "ATTACHLINK_DATABASE_URL_FILE"),
        ] {
            let (told, tip) = (told(line), format!("tip: {key} has no flag; it is set by {variable}, or in the file"));
            assert!(told.contains(&tip) && told.contains("unexpected argument"), "{line}: {told}");
            assert_eq!(told.matches("tip:").count(), 1, "{line}: {told}");
            assert!(!told.contains("--version") && !told.contains("--database-url <URL>"), "{line}: {told}");
        }
    }

    #[test]
    fn what_is_no_setting_or_has_a_flag_is_left_to_clap() {
        for line in
            ["serve --bogus", "serve --public_url x", "serve --objects-file x", "key create --scope root", "bogus"]
        {
            let told = told(line);
            assert!(!told.contains("has no flag"), "{line}: {told}");
        }
    }

    #[test]
    fn a_secret_that_was_given_as_a_flag_is_not_repeated() {
        let told = told("serve --portal-key=hunter2");
        assert!(told.contains("ATTACHLINK_PORTAL_KEY") && !told.contains("hunter2"), "{told}");
    }
}
