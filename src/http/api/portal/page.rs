//! Lists in pages.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::domain::portal::EmailAddress;
use crate::http::problem::Problem;

/// How long a page is where nobody says.
const DEFAULT_LIMIT: u64 = 100;
/// How long a page may be.
const MAX_LIMIT: u64 = 1000;

/// Which page of a list is asked for: `?limit=…&after=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most as many.
    pub limit: u64,
    /// Those after this one.
    pub after: Option<EmailAddress>,
}

impl Page {
    fn read(query: &str) -> Result<Self, Problem> {
        let mut page = Self { limit: DEFAULT_LIMIT, after: None };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    page.limit = limit.ok_or_else(|| {
                        Problem::invalid("limit", format_args!("must be a whole number from 1 to {MAX_LIMIT}"))
                    })?;
                }
                "after" => page.after = Some(value.parse().map_err(|why| Problem::invalid("after", why))?),
                _ => {}
            }
        }
        Ok(page)
    }
}

impl<S: Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded() {
        let page = |limit, after: Option<&str>| Page { limit, after: after.map(|text| text.parse().unwrap()) };
        assert_eq!(Page::read(""), Ok(page(100, None)));
        assert_eq!(Page::read("limit=7&after=Ana%2Bx%40A.example&other=1"), Ok(page(7, Some("ana+x@a.example"))));
        for (bad, field) in [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("after=x", "after")]
        {
            assert_eq!(Page::read(bad).unwrap_err().field.as_deref(), Some(field), "{bad}");
        }
    }
}
