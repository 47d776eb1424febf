//! The flags that every command knows: settings, the highest layer of the configuration.

use clap::Args;

use crate::config::Flags;

const HEADING: &str = "Settings (also as variables and in the TOML file, where there are more: see check-config)";

/// One field for each setting that has a flag. They are read as text here and checked with all other layers.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "these texts are the help on a terminal")]
pub(super) struct Options {
    /// The TOML file [ATTACHLINK_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING, hide_short_help = true)]
    config: Option<String>,
    /// Where the embedded database, the objects and the first key live [ATTACHLINK_DATA_DIR, default ./data]
    #[arg(long, global = true, value_name = "DIR", help_heading = HEADING, hide_short_help = true)]
    data_dir: Option<String>,
    /// Where recipients download [ATTACHLINK_PUBLIC_LISTEN, default 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS:PORT", help_heading = HEADING, hide_short_help = true)]
    public_listen: Option<String>,
    /// Where the help desk calls /v1 [ATTACHLINK_API_LISTEN, default 127.0.0.1:8081]
    #[arg(long, global = true, value_name = "ADDRESS:PORT", help_heading = HEADING, hide_short_help = true)]
    api_listen: Option<String>,
    /// Where metrics and health are [ATTACHLINK_OPS_LISTEN, default 127.0.0.1:9090]
    #[arg(long, global = true, value_name = "ADDRESS:PORT", help_heading = HEADING, hide_short_help = true)]
    ops_listen: Option<String>,
    /// The base of links, as people reach it [ATTACHLINK_PUBLIC_URL]
    #[arg(long, global = true, value_name = "URL", help_heading = HEADING, hide_short_help = true)]
    public_url: Option<String>,
    /// sqlite:FILE, or postgres://USER:PASSWORD@HOST/NAME for several replicas. Other users of the machine see flags:
    /// give a secret as a variable, or in the file that ATTACHLINK_DATABASE_URL_FILE names [ATTACHLINK_DATABASE_URL,
    /// default sqlite:DATA_DIR/attachlink.db]
    #[arg(long, global = true, value_name = "URL", help_heading = HEADING, hide_short_help = true)]
    database_url: Option<String>,
    /// Where bytes live: file:DIR, or s3://BUCKET/PREFIX [ATTACHLINK_OBJECTS, default file:DATA_DIR/objects]
    #[arg(long, global = true, value_name = "WHERE", help_heading = HEADING, hide_short_help = true)]
    objects: Option<String>,
    /// An email is inline while it is smaller than this [ATTACHLINK_INLINE_LIMIT, default 6291456]
    // A negative number is the setting's to refuse: it says what to write.
    #[arg(
        long,
        global = true,
        value_name = "OCTETS",
        help_heading = HEADING,
        hide_short_help = true,
        allow_negative_numbers = true
    )]
    inline_limit: Option<String>,
    /// A tracing filter, such as info,attachlink=debug [ATTACHLINK_LOG]
    #[arg(long, global = true, value_name = "FILTER", help_heading = HEADING, hide_short_help = true)]
    log: Option<String>,
    /// json or text [ATTACHLINK_LOG_FORMAT, default text]
    #[arg(long, global = true, value_name = "FORMAT", help_heading = HEADING, hide_short_help = true)]
    log_format: Option<String>,
}

impl Options {
    /// What was given, under the settings' keys.
    pub(super) fn flags(&self) -> Flags {
        [
            ("config", &self.config),
            ("data_dir", &self.data_dir),
            ("public_listen", &self.public_listen),
            ("api_listen", &self.api_listen),
            ("ops_listen", &self.ops_listen),
            ("public_url", &self.public_url),
            ("database_url", &self.database_url),
            ("objects", &self.objects),
            ("inline_limit", &self.inline_limit),
            ("log", &self.log),
            ("log_format", &self.log_format),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.clone().map(|value| (key, value)))
        .collect()
    }
}
