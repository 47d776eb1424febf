//! Media types of what a browser, or what it starts, could run.

/// Words of a subtype that name markup, scripts and programs of browsers and of what they start.
const RUNNABLE_WORDS: [&str; 23] = [
    "html",
    "htm",
    "xhtml",
    "mhtml",
    "shtml",
    "hta",
    "xml",
    "xsl",
    "xslt",
    "svg",
    "javascript",
    "ecmascript",
    "jscript",
    "livescript",
    "vbscript",
    "scriptlet",
    "wasm",
    "flash",
    "silverlight",
    "java",
    "jnlp",
    "xbap",
    "xpinstall",
];

/// Subtypes that mean a program only as a whole.
const RUNNABLE_SUBTYPES: [&str; 6] = [
    "cache-manifest",
    "x-chrome-extension",
    "x-component",
    "x-mimearchive",
    "x-ms-application",
    "x-ns-proxy-autoconfig",
];

/// Whether a browser could run it. Whole words count: `vnd.openxmlformats-officedocument…` is no XML.
pub(super) fn could_run(essence: &str) -> bool {
    let (top, subtype) = essence.split_once('/').unwrap_or((essence, ""));
    let mut words = subtype.split(|c: char| !c.is_ascii_alphanumeric());
    matches!(top, "multipart" | "message")
        || RUNNABLE_SUBTYPES.contains(&subtype)
        // javascript1.5 is JavaScript too.
        || words.any(|word| RUNNABLE_WORDS.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit())))
}
