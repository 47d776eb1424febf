//! Why a call of the S3 server failed, in words that lead to the setting to change. No text names a key.

use std::error::Error;
use std::fmt;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use http::StatusCode;

use crate::objects::ObjectError;

/// An error code longer than this is none of S3's.
const MAX_CODE_OCTETS: usize = 64;

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server answered, and refused.
    Refused {
        /// The HTTP status.
        status: u16,
        /// S3's error code, where the answer has one.
        code: Option<String>,
    },
    /// There was no answer.
    NoAnswer(String),
    /// Nobody says who we are.
    NoCredentials(String),
    /// The answer is not one to the question.
    Lie(&'static str),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, code } => {
                write!(f, "the S3 server answered {status}")?;
                if let Some(code) = code {
                    write!(f, " {code}")?;
                }
                match advice(*status, code.as_deref()) {
                    Some(advice) => write!(f, ": {advice}"),
                    None => Ok(()),
                }
            }
            Self::NoAnswer(cause) => {
                write!(f, "the S3 server does not answer ({cause}): {}", advice_on_silence(cause))
            }
            Self::NoCredentials(cause) => write!(
                f,
                "no credentials for S3 were found ({cause}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                 AWS_ACCESS_KEY_ID_FILE and AWS_SECRET_ACCESS_KEY_FILE"
            ),
            Self::Lie(what) => write!(f, "the S3 server's answer is not one to the question: {what}"),
        }
    }
}

impl Error for Failure {}

/// Which setting to look at.
fn advice(status: u16, code: Option<&str>) -> Option<&'static str> {
    Some(match (status, code) {
        (_, Some("NoSuchBucket")) => "there is no such bucket; check ATTACHLINK_OBJECTS, or make the bucket",
        (_, Some("RequestTimeTooSkewed")) => "set this machine's clock",
        (_, Some("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException"))
        | (300..=399, _) => "check ATTACHLINK_S3_REGION and ATTACHLINK_S3_ENDPOINT",
        (_, Some("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken")) | (401, _) => {
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the files that their _FILE forms name"
        }
        (403, _) => {
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or their _FILE forms), and that the key may list, \
             read, write and delete in the bucket of ATTACHLINK_OBJECTS"
        }
        (404, _) => "check the bucket in ATTACHLINK_OBJECTS, and ATTACHLINK_S3_ENDPOINT",
        _ => return None,
    })
}

/// What to look at where the server gave no answer. The causes are rustls' own words.
fn advice_on_silence(cause: &str) -> &'static str {
    if cause.starts_with("invalid peer certificate") {
        "check that ATTACHLINK_S3_ENDPOINT has the name that its certificate is for; an authority that this machine does \
         not know is trusted when SSL_CERT_FILE names a file with it"
    } else if cause.starts_with("received corrupt message") {
        "it speaks no TLS there; check whether ATTACHLINK_S3_ENDPOINT should begin with http://"
    } else {
        "check ATTACHLINK_S3_ENDPOINT, and that it runs"
    }
}

/// Whether such a refusal may pass, whatever its document says.
pub(super) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// Only what S3 would write as a code: the text may come from anyone who answers at that address.
pub(super) fn clean_code(code: &str) -> Option<String> {
    let clean = !code.is_empty() && code.len() <= MAX_CODE_OCTETS && code.bytes().all(|b| b.is_ascii_alphanumeric());
    clean.then(|| code.to_owned())
}

/// The code in an error document.
pub(super) fn code_in(document: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(document);
    let (_, rest) = text.split_once("<Code>")?;
    clean_code(rest.split_once("</Code>")?.0.trim())
}

/// What an error that a failure was put into means in short.
pub(in crate::objects) fn in_short(error: &io::Error) -> Option<&'static str> {
    error.get_ref()?.downcast_ref::<Failure>().map(Failure::in_short)
}

/// An error and what caused it, from the outside in.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The innermost cause: `Connection refused (os error 111)` rather than the layers around it.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

impl Failure {
    pub(super) fn refused(status: StatusCode, document: &[u8]) -> Self {
        Self::Refused { status: status.as_u16(), code: code_in(document) }
    }

    /// Reads an error of the SDK.
    pub(super) fn of_sdk<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(refused) => Self::Refused {
                status: refused.raw().status().as_u16(),
                code: refused.err().code().and_then(clean_code),
            },
            SdkError::ResponseError(odd) => Self::Refused { status: odd.raw().status().as_u16(), code: None },
            other => {
                let cause = innermost(other);
                let signing = matches!(other, SdkError::ConstructionFailure(_))
                    || causes(other).any(<dyn Error>::is::<CredentialsError>);
                if signing { Self::NoCredentials(cause) } else { Self::NoAnswer(cause) }
            }
        }
    }

    /// Whether asking again may help: the server is busy or away, rather than sure.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Refused { status, code } => may_pass(*status) || code.as_deref() == Some("RequestTimeout"),
            Self::NoAnswer(_) => true,
            Self::NoCredentials(_) | Self::Lie(_) => false,
        }
    }

    /// In a few fixed words, for whoever asks whether the store is ready.
    fn in_short(&self) -> &'static str {
        match self {
            Self::Refused { code: Some(code), .. } if code == "NoSuchBucket" => "there is no such bucket",
            Self::Refused { status: 401 | 403, .. } => "it refuses our credentials",
            Self::Refused { .. } | Self::Lie(_) => crate::objects::FAILS,
            Self::NoAnswer(_) => "it does not answer",
            Self::NoCredentials(_) => "there are no credentials for it",
        }
    }

    /// What it means for a call that looked for an object, or for a version of it.
    pub(super) fn looking(self) -> ObjectError {
        match &self {
            Self::Refused { status, code } => match (*status, code.as_deref()) {
                (404, Some("NoSuchBucket")) => ObjectError::Unavailable(io::Error::other(self)),
                // A version id that the store does not know, or whose delete marker it is, is no object either.
                (404, _) | (405, Some("MethodNotAllowed")) | (400, Some("NoSuchVersion" | "KeyTooLongError")) => {
                    ObjectError::NotFound
                }
                (304 | 412 | 416, _) => ObjectError::Changed,
                _ => ObjectError::Unavailable(io::Error::other(self)),
            },
            _ => ObjectError::Unavailable(io::Error::other(self)),
        }
    }

    /// What it means for a call that wrote.
    pub(super) fn writing(self) -> ObjectError {
        match &self {
            Self::Refused { status, code } => match (*status, code.as_deref()) {
                (507, _)
                | (_, Some("QuotaExceeded" | "EntityTooLarge" | "XMinioStorageFull" | "InsufficientStorage")) => {
                    ObjectError::Full
                }
                _ => ObjectError::Unavailable(io::Error::other(self)),
            },
            _ => ObjectError::Unavailable(io::Error::other(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Failure {
        Failure::Refused { status, code: clean_code(code) }
    }

    #[test]
    fn what_is_gone_is_told_from_what_does_not_answer() {
        for (status, code, expected) in [
            (404, "NoSuchKey", "not_found"),
            (404, "", "not_found"),
            (404, "NoSuchVersion", "not_found"),
            (405, "MethodNotAllowed", "not_found"),
            (404, "NoSuchBucket", "unavailable"),
            (412, "PreconditionFailed", "changed"),
            (416, "InvalidRange", "changed"),
            (403, "AccessDenied", "unavailable"),
            (503, "SlowDown", "unavailable"),
        ] {
            assert_eq!(refused(status, code).looking().name(), expected, "{status} {code}");
        }
        assert_eq!(refused(507, "").writing().name(), "full");
        assert_eq!(refused(403, "QuotaExceeded").writing().name(), "full");
        assert_eq!(refused(500, "InternalError").writing().name(), "unavailable");
    }

    #[test]
    fn a_text_names_the_setting_and_nothing_that_was_sent() {
        for (failure, setting) in [
            (refused(404, "NoSuchBucket"), "ATTACHLINK_OBJECTS"),
            (refused(403, "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
            (refused(403, "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
            (refused(301, "PermanentRedirect"), "ATTACHLINK_S3_REGION"),
            (Failure::NoAnswer("refused".into()), "ATTACHLINK_S3_ENDPOINT"),
            (Failure::NoAnswer("invalid peer certificate: UnknownIssuer".into()), "SSL_CERT_FILE"),
            (Failure::NoCredentials("none".into()), "AWS_ACCESS_KEY_ID_FILE"),
        ] {
            assert!(failure.to_string().contains(setting), "{failure}");
        }
        assert_eq!(code_in(b"<Error><Code>NoSuchKey</Code><Key>secret</Key></Error>").as_deref(), Some("NoSuchKey"));
        for odd in ["<Code>a b</Code>", "<Code></Code>", "<Code>x", "", &format!("<Code>{}</Code>", "x".repeat(65))] {
            assert_eq!(code_in(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [408, 429, 500, 503, 599] {
            assert!(refused(status, "").may_pass(), "{status}");
        }
        for status in [301, 400, 403, 404, 412, 416] {
            assert!(!refused(status, "").may_pass(), "{status}");
        }
        assert!(refused(400, "RequestTimeout").may_pass());
        assert!(Failure::NoAnswer(String::new()).may_pass());
        assert!(!Failure::Lie("x").may_pass());
    }
}
