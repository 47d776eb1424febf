//! JSON bodies: which field is wrong, why, and what to do.

use std::error::Error;
use std::time::Duration;

use axum::body::{self, Body};
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use crate::http::problem::{Code, Problem};

mod strict;

pub use strict::Strict;

/// The longest JSON body where nothing else is said, in octets.
pub const SMALL_BODY_OCTETS: usize = 1024 * 1024;
/// The longest JSON body of calls that carry lists of recipients, in octets.
pub const LIST_BODY_OCTETS: usize = 4 * 1024 * 1024;

/// A body that a call accepts.
pub trait Accepted: DeserializeOwned {
    /// How long it may be, in octets.
    const MAX_OCTETS: usize = SMALL_BODY_OCTETS;
}

/// A body that was read. Refusals: `415`, `413 body_too_large`, `400 malformed_json`, `422 invalid_request`.
pub struct JsonBody<T>(pub T);

impl<S: Sync, T: Accepted> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        must_be_json(request.headers())?;
        let octets = read(request.into_body(), T::MAX_OCTETS).await?;
        parse(&octets).map(Self)
    }
}

/// No body, or an empty JSON object. Refusals: as of [`JsonBody`].
pub struct NoBody;

/// What [`NoBody`] takes for nothing.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<S: Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let octets = read(body, SMALL_BODY_OCTETS).await?;
        if octets.is_empty() {
            return Ok(Self);
        }
        must_be_json(&head.headers)?;
        parse::<Nothing>(&octets).map(|_| Self)
    }
}

/// A body of JSON that has not arrived after this is taken for cut.
const BODY_DEADLINE: Duration = Duration::from_mins(1);

fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let claimed = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let claimed = claimed.and_then(|value| value.parse::<mime::Mime>().ok());
    let is_json = |mime: mime::Mime| {
        mime.type_() == mime::APPLICATION && (mime.subtype() == mime::JSON || mime.suffix() == Some(mime::JSON))
    };
    if claimed.is_some_and(is_json) {
        Ok(())
    } else {
        Err(Problem::new(Code::UnsupportedMediaType, "Send the body with `Content-Type: application/json`."))
    }
}

async fn read(body: Body, max_octets: usize) -> Result<bytes::Bytes, Problem> {
    let too_large =
        || Problem::new(Code::BodyTooLarge, format!("The body of this call may be at most {max_octets} octets long."));
    if body.size_hint().lower() > max_octets as u64 {
        return Err(too_large());
    }
    let whole = tokio::time::timeout(BODY_DEADLINE, body::to_bytes(body, max_octets)).await;
    let whole = whole.map_err(|_| Problem::new(Code::IncompleteBody, "The body took too long to arrive."))?;
    whole.map_err(|error| {
        let source = error.source();
        if source.is_some_and(<dyn Error>::is::<LengthLimitError>) {
            too_large()
        } else {
            Problem::new(Code::IncompleteBody, "The body did not arrive whole. Send the request again.")
        }
    })
}

fn parse<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    // What is no JSON at all is told apart first: else a wrong field before the fault would hide it. JSON is UTF-8 (RFC 8259
    // section 8.1), which serde looks at only in what it reads.
    let malformed = |why: String| Problem::new(Code::MalformedJson, format!("The body is not JSON: {why}."));
    let text = std::str::from_utf8(octets).map_err(|error| malformed(error.to_string()))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| malformed(error.to_string()))?;
    // What goes wrong from here on is wrong in a field, whatever serde calls it.
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(Strict(&mut json)).map_err(|error| {
        let field = error.path().to_string();
        invalid(&field, &error.into_inner().to_string())
    })
}

fn invalid(field: &str, why: &str) -> Problem {
    let why = why.split(" at line ").next().unwrap_or_default();
    match (missing(why), field) {
        (Some(name), ".") => Problem::invalid(name, "is missing"),
        (Some(name), field) => Problem::invalid(format!("{field}.{name}"), "is missing"),
        (None, ".") => Problem::invalid("body", why),
        (None, field) => Problem::invalid(field, why),
    }
}

/// The field that serde misses, which its path does not name.
fn missing(why: &str) -> Option<&str> {
    why.strip_prefix("missing field `")?.strip_suffix('`')
}

/// A whole number, however it is written: `1000`, `1e3` and `1000.0` are one number in JSON (RFC 8259 section 6).
///
/// # Errors
/// For what is no whole number from 0 on.
pub fn whole_number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    use serde::{Deserialize as _, de::Error as _};
    let number = serde_json::Number::deserialize(from)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and in the range just checked")]
    let from_float =
        |float: f64| (float.fract() == 0.0 && (0.0..=MAX_EXACT_FLOAT).contains(&float)).then_some(float as u64);
    number
        .as_u64()
        .or_else(|| number.as_f64().and_then(from_float))
        .ok_or_else(|| D::Error::custom("must be a whole number, not less than 0"))
}

/// 2^53: whole numbers beyond it are not told apart by a float.
const MAX_EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

/// For fields where leaving out and `null` differ: `null` is handed on to `T`.
///
/// # Errors
/// What `T` says.
pub fn present<'de, T: serde::Deserialize<'de>, D: serde::Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{AttachmentId, Recipient};
    use crate::domain::security::Mode;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        id: AttachmentId,
        #[serde(default)]
        recipients: Vec<Recipient>,
        #[serde(default)]
        size: u64,
        #[serde(default)]
        mode: Option<Mode>,
        #[serde(default)]
        more: Vec<Self>,
    }

    fn refused(body: &str) -> (Code, Option<String>, String) {
        let problem = parse::<Sample>(body.as_bytes()).unwrap_err();
        (problem.code, problem.field, problem.detail.into_owned())
    }

    #[test]
    fn reads_what_is_right() {
        let sample: Sample = parse(br#" {"id":"a1","recipients":["r"],"size":9,"more":[{"id":"a2"}]} "#).unwrap();
        assert_eq!((sample.id.as_str(), sample.recipients.len(), sample.size), ("a1", 1, 9));
        assert_eq!((sample.more[0].id.as_str(), sample.more[0].mode), ("a2", None));
        for (written, mode) in [("null", None), (r#""secured_link""#, Some(Mode::SecuredLink))] {
            let body = format!(r#"{{"id":"a","mode":{written}}}"#);
            assert_eq!(parse::<Sample>(body.as_bytes()).unwrap().mode, mode);
        }
    }

    #[test]
    fn malformed_json_is_400() {
        for bad in ["", "{", "{\"id\":", "nope", "{\"id\":\"a\"} x", "{\"id\":\"a\",}", "{\"id\":\"\u{1}\"}", "[1,"] {
            assert_eq!(refused(bad).0, Code::MalformedJson, "{bad:?}");
        }
        // A wrong field before the fault does not hide it.
        for bad in ["{\"id\":5,", "{\"x\":1", "{\"id\":[[["] {
            assert_eq!(refused(bad).0, Code::MalformedJson, "{bad:?}");
        }
        // Nor does one before what is not UTF-8, wherever that stands.
        for bad in [&b"{\"id\":\"\xff\"}"[..], b"{\"x\":1,\"id\xff\":1}", b"{\"id\":\"a\",\"x\":\"\xe1\"}"] {
            assert_eq!(parse::<Sample>(bad).unwrap_err().code, Code::MalformedJson);
        }
    }

    #[test]
    fn a_wrong_field_is_named_with_its_place() {
        for (bad, field, why) in [
            (r#"{"id":"a b"}"#, "id", "may contain only A-Z a-z 0-9 . _ : ~ -"),
            (r#"{"id":"a","recipients":["x",""]}"#, "recipients[1]", "must be 1 to 256 characters long"),
            (r#"{"id":"a","size":-1}"#, "size", "invalid value: integer `-1`, expected u64"),
            (r#"{"id":"a","size":1e999}"#, "size", "number out of range"),
            (r#"{"id":"a","size":"1"}"#, "size", "invalid type: string \"1\", expected u64"),
            (r#"{"size":1}"#, "id", "is missing"),
            (r#"{"id":"\udc00"}"#, "id", "lone leading surrogate in hex escape"),
            (r#"{"id":"a","mode":5}"#, "mode", "invalid type: integer `5`, expected a string"),
            (r#"{"id":"a","mode":["portal_login"]}"#, "mode", "invalid type: sequence, expected a string"),
            (r#"{"id":"a","mode":{"portal_login":null}}"#, "mode", "invalid type: map, expected a string"),
            (r#"{"id":"a","more":[["b"]]}"#, "more[0]", "invalid type: sequence, expected a JSON object"),
            (r#" ["a"] "#, "body", "invalid type: sequence, expected a JSON object"),
            ("5", "body", "invalid type: integer `5`, expected a JSON object"),
        ] {
            let (code, named, detail) = refused(bad);
            assert_eq!((code, named.as_deref()), (Code::InvalidRequest, Some(field)), "{bad}: {detail}");
            assert_eq!(detail, format!("{field}: {why}"), "{bad}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let (code, field, detail) = refused(r#"{"id":"a","colour":"red"}"#);
        assert_eq!((code, field.as_deref()), (Code::InvalidRequest, Some("colour")), "{detail}");
        assert!(detail.contains("colour") && detail.contains("expected one of"), "{detail}");
    }

    #[tokio::test]
    async fn limits_hold_with_and_without_a_stated_length() {
        let stated = read(Body::from("12345"), 4).await.unwrap_err();
        assert_eq!(stated.code, Code::BodyTooLarge);
        let frames = futures_util::stream::iter(["123", "45"].map(Ok::<_, std::io::Error>));
        let chunked = read(Body::from_stream(frames), 4).await.unwrap_err();
        assert_eq!(chunked.code, Code::BodyTooLarge);
        assert_eq!(read(Body::from("1234"), 4).await.unwrap(), "1234");
        let cut = futures_util::stream::iter([Ok("12"), Err(std::io::Error::other("gone"))]);
        assert_eq!(read(Body::from_stream(cut), 4).await.unwrap_err().code, Code::IncompleteBody);
    }

    #[test]
    fn only_json_is_json() {
        for (value, good) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("Application/JSON", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("nonsense", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
            assert_eq!(must_be_json(&headers).is_ok(), good, "{value}");
        }
        assert!(must_be_json(&HeaderMap::new()).is_err());
    }
}
