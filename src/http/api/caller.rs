//! Who calls: the API key, its scope, and whether its binding covers the call's place.
//!
//! The order is fixed, so that a stranger learns nothing: `401` without a valid key, `403` outside of its scopes, then
//! the ids of the path, then `404` outside of its site or project. Bodies are read after that.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use http::{HeaderMap, header};

use super::log::Notes;
use super::place::{PathIds, Place};
use crate::app::App;
use crate::domain::access::{ApiKey, Binding, Denied, Scope, Target};
use crate::domain::token::{self, API_KEY_PREFIX};
use crate::http::problem::{Code, Problem};

/// A scope as a type, so that a handler's signature says what it needs.
pub trait Needs: Send {
    /// The scope.
    const SCOPE: Scope;
}

/// Needs the scope `notify`.
pub struct Notify;
/// Needs the scope `admin`.
pub struct Admin;

impl Needs for Notify {
    const SCOPE: Scope = Scope::Notify;
}

impl Needs for Admin {
    const SCOPE: Scope = Scope::Admin;
}

/// A caller who may use a call of this scope at this place.
pub struct Caller<S, P> {
    /// The key, as the database knows it now.
    pub key: ApiKey,
    /// What the call is about.
    pub place: P,
    scope: PhantomData<S>,
}

impl<S: Needs, P: Place> FromRequestParts<Arc<App>> for Caller<S, P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let notes = parts.extensions.get::<Notes>().cloned().unwrap_or_default();
        let key = with_scope(app, parts, S::SCOPE).await?;
        let captured = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| Problem::new(Code::InvalidRequest, "The ids in the path must be UTF-8."))?;
        let place = P::read(&PathIds::new(captured))?;
        if let Some(link) = place.link() {
            notes.link(link);
        }
        key.may(S::SCOPE, place.target()).map_err(|why| denied(&key, why, Some(place.target())))?;
        Ok(Self { key, place, scope: PhantomData })
    }
}

/// A caller of a call whose places are in its body: whether the key covers them is for the call to ask.
pub struct Keyed<S> {
    /// The key, as the database knows it now.
    pub key: ApiKey,
    scope: PhantomData<S>,
}

impl<S: Needs> FromRequestParts<Arc<App>> for Keyed<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        with_scope(app, parts, S::SCOPE).await.map(|key| Self { key, scope: PhantomData })
    }
}

/// The key of a request, noted for its log line, if it has the scope.
async fn with_scope(app: &App, parts: &Parts, scope: Scope) -> Result<ApiKey, Problem> {
    let key = authenticate(app, &parts.headers).await?;
    if let Some(notes) = parts.extensions.get::<Notes>() {
        notes.key(key.id);
    }
    if has(&key, scope) { Ok(key) } else { Err(denied(&key, Denied::Scope(scope), None)) }
}

const fn has(key: &ApiKey, scope: Scope) -> bool {
    match scope {
        Scope::Notify => key.notify,
        Scope::Admin => key.admin,
    }
}

/// Looks the key up, at each call: a revoked key ends at once, and nothing is cached.
async fn authenticate(app: &App, headers: &HeaderMap) -> Result<ApiKey, Problem> {
    let presented =
        bearer(headers).and_then(|text| token::parse(API_KEY_PREFIX, text).ok()).ok_or_else(Problem::unauthorized)?;
    let (key, stored) = app.store.key(presented.id).await?.ok_or_else(Problem::unauthorized)?;
    if presented.hash.matches(&stored) { Ok(key) } else { Err(Problem::unauthorized()) }
}

/// The credentials of the one `Authorization` header, if its scheme is `Bearer` (RFC 6750; schemes ignore case).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return None };
    let (scheme, credentials) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim_matches(' '))
}

/// What a caller is told who may not do something.
#[must_use]
pub fn denied(key: &ApiKey, why: Denied, target: Option<Target<'_>>) -> Problem {
    match why {
        Denied::Scope(Scope::Notify) => {
            Problem::new(Code::MissingScope, "This call needs a key with the scope `notify`.")
        }
        Denied::Scope(Scope::Admin) => {
            Problem::new(Code::MissingScope, "This call needs a key with the scope `admin`.")
        }
        Denied::Elsewhere if is_other_project(key, target) => Problem::project_not_found(),
        Denied::Elsewhere => Problem::site_not_found(),
        Denied::NeedsUnbound => Problem::new(
            Code::UnboundKeyRequired,
            "A site's plan and object prefix, its creation and its deletion need an API key that is bound to no site.",
        ),
        Denied::NeedsSite => {
            Problem::new(Code::SiteKeyRequired, "Deleting a project needs a key of its site, not of the project.")
        }
    }
}

/// Whether what is missed is a project of the key's own site, and not the site.
fn is_other_project(key: &ApiKey, target: Option<Target<'_>>) -> bool {
    match (&key.binding, target) {
        (Binding::Project(own, _), Some(Target::Project(site, _))) => own == site,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn one_bearer_header_and_nothing_else() {
        for (values, expected) in [
            (vec!["Bearer abc"], Some("abc")),
            (vec!["bearer  abc "], Some("abc")),
            (vec!["Basic abc"], None),
            (vec!["Bearer"], None),
            (vec!["Bearer a", "Bearer a"], None),
            (vec![], None),
        ] {
            assert_eq!(bearer(&with(&values)), expected, "{values:?}");
        }
    }

    #[test]
    fn what_lies_elsewhere_looks_as_if_it_did_not_exist() {
        let id = token::mint(API_KEY_PREFIX, time::OffsetDateTime::UNIX_EPOCH).id;
        let (site, project) = ("s".parse().unwrap(), "p".parse().unwrap());
        let binding = Binding::Project("s".parse().unwrap(), "own".parse().unwrap());
        let key = ApiKey { id, notify: true, admin: true, binding };
        let of = |target| denied(&key, Denied::Elsewhere, Some(target)).code;
        assert_eq!(of(Target::Project(&site, &project)), Code::ProjectNotFound);
        assert_eq!(of(Target::Site(&site)), Code::SiteNotFound);
        let other = "t".parse().unwrap();
        assert_eq!(of(Target::Project(&other, &project)), Code::SiteNotFound);
    }
}
