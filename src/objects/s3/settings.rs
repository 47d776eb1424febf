//! What says where the bucket is, and who we are to it.

use std::fmt;
use std::time::Duration;

/// Silence of the store after which an answer, or the rest of one, is taken for lost.
pub const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a running download waits for a store that stays away.
pub const DEFAULT_MEND_LIMIT: Duration = Duration::from_secs(30);

/// A bucket of an S3-compatible store, and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket's name.
    pub bucket: String,
    /// The folder of the bucket that holds everything, without slashes around it; empty: all of the bucket.
    pub prefix: String,
    /// The server, for another than AWS; it is then asked in path style.
    pub endpoint: Option<url::Url>,
    /// The region; `None`: by the usual chain, and `us-east-1` where an endpoint is set.
    pub region: Option<String>,
    /// The key pair; `None`: by the usual chain (variables, profile, web identity, container, instance).
    pub key_pair: Option<KeyPair>,
    /// Silence after which an answer, or the rest of one, is taken for lost.
    pub read_timeout: Duration,
    /// How long a running download may stay without an octet while its transfer is mended.
    pub mend_limit: Duration,
}

/// An access key. Silent in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// `AWS_ACCESS_KEY_ID`.
    pub id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
    /// `AWS_SESSION_TOKEN`, of a key that was lent.
    pub session_token: Option<String>,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_pair_is_silent() {
        let pair = KeyPair { id: "AKIA".into(), secret: "s3cret".into(), session_token: Some("t0ken".into()) };
        assert_eq!(format!("{pair:?}"), "KeyPair(***)");
    }
}
