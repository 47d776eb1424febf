//! Lists in pages.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::http::problem::Problem;

/// How long a page is where nobody says.
const DEFAULT_LIMIT: u64 = 100;
/// How long a page of people may be.
pub const MOST_PEOPLE: u64 = 1000;
/// How long a page of requests may be: each may name a thousand people.
pub const MOST_REQUESTS: u64 = 100;

/// Which page of a list is asked for: `?limit=…&after=…`. In its order each `T` is its own place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, const MOST: u64> {
    /// At most as many.
    pub limit: u64,
    /// Those after this one.
    pub after: Option<T>,
}

impl<T, const MOST: u64> Page<T, MOST> {
    /// How many to ask the store for: one more than the page has says whether another page follows.
    #[must_use]
    pub const fn one_more(&self) -> u64 {
        self.limit.saturating_add(1)
    }

    /// Cuts a list that was asked for with [`one_more`](Self::one_more) to the page. Says where the next one begins.
    pub fn cut<I>(&self, list: &mut Vec<I>, place: impl Fn(&I) -> T) -> Option<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let is_last = list.len() <= limit;
        list.truncate(limit);
        if is_last { None } else { list.last().map(place) }
    }
}

impl<T: FromStr<Err: Display>, const MOST: u64> Page<T, MOST> {
    fn read(query: &str) -> Result<Self, Problem> {
        let mut page = Self { limit: DEFAULT_LIMIT, after: None };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    page.limit = limit.ok_or_else(|| {
                        Problem::invalid("limit", format_args!("must be a whole number from 1 to {MOST}"))
                    })?;
                }
                "after" => page.after = Some(value.parse().map_err(|why| Problem::invalid("after", why))?),
                _ => {}
            }
        }
        Ok(page)
    }
}

impl<S: Sync, T: FromStr<Err: Display>, const MOST: u64> FromRequestParts<S> for Page<T, MOST> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::portal::EmailAddress;

    type Page = super::Page<EmailAddress, MOST_PEOPLE>;

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
    #[test]
    fn the_next_page_begins_where_this_one_ends() {
        let page = super::Page::<u32, MOST_PEOPLE> { limit: 2, after: None };
        for (found, shown, next) in
            [(vec![], vec![], None), (vec![1, 2], vec![1, 2], None), (vec![1, 2, 3], vec![1, 2], Some(2))]
        {
            assert_eq!(page.one_more(), 3);
            let mut list = found;
            assert_eq!((page.cut(&mut list, |it| *it), list), (next, shown));
        }
    }
}
