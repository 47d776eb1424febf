//! `PUT /v1/sites/{site}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::Site;
use crate::app::App;
use crate::audit;
use crate::domain::access::{ApiKey, Denied};
use crate::domain::attachment::{InvalidKey, ObjectPrefix};
use crate::domain::ids::SiteId;
use crate::domain::portal::{InvalidPortalUrl, PortalUrl};
use crate::domain::security::{Plan, SiteSettings};
use crate::http::api::caller::{Admin, Caller, denied};
use crate::http::api::json::{Accepted, JsonBody, present};
use crate::http::api::place::SiteParams;
use crate::http::api::revoked::{self, Under};
use crate::http::openapi::refusals;
use crate::http::problem::Problem;
use crate::metrics::RevocationReason;

/// A portal template as a field of a body.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct PortalTemplate(PortalUrl);

impl TryFrom<String> for PortalTemplate {
    type Error = InvalidPortalUrl;
    fn try_from(text: String) -> Result<Self, InvalidPortalUrl> {
        PortalUrl::parse(&text).map(Self)
    }
}

/// An object prefix as a field of a body.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Prefix(ObjectPrefix);

impl TryFrom<String> for Prefix {
    type Error = InvalidKey;
    fn try_from(text: String) -> Result<Self, InvalidKey> {
        ObjectPrefix::parse(&text).map(Self)
    }
}

/// The settings of a site, as they are to be.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SitePut {
    /// May repeat the site of the path.
    #[serde(default)]
    site: Option<SiteId>,
    /// Left out: stays as it is (`free` for a new site). Changes only with a key that is bound to no site.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Plan, required = false)]
    plan: Option<Plan>,
    /// The compliance switch. Left out: off.
    #[serde(default)]
    safe_notifications: bool,
    /// An `https` template (`http` for a loopback host) with `{project}` and `{request}`. Left out: none.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, example = "https://help.acme.example/portal/{project}/{request}")]
    portal_url: Option<PortalTemplate>,
    /// The folder of the object store that objects may be registered from; empty for all of it, `null` for none. Left
    /// out: stays as it is. Changes only with a key that is bound to no site.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 1024, example = "acme/")]
    #[expect(clippy::option_option, reason = "left out and null mean different things here")]
    object_prefix: Option<Option<Prefix>>,
}

impl Accepted for SitePut {}

impl SitePut {
    /// The settings after this call, if `key` may make them so (product, rule 4).
    fn applied(&self, old: Option<&SiteSettings>, key: &ApiKey) -> Result<SiteSettings, Denied> {
        let kept_prefix = old.and_then(|old| old.object_prefix.clone());
        let given_prefix = self.object_prefix.as_ref();
        let kept_plan = old.map(|old| old.plan).unwrap_or_default();
        let new = SiteSettings {
            plan: self.plan.unwrap_or(kept_plan),
            safe_notifications: self.safe_notifications,
            portal_url: self.portal_url.as_ref().map(|template| template.0.clone()),
            object_prefix: given_prefix.map_or(kept_prefix, |given| given.as_ref().map(|prefix| prefix.0.clone())),
        };
        let is_site_admins = old.is_some_and(|old| old.plan == new.plan && old.object_prefix == new.object_prefix);
        if !is_site_admins {
            key.must_be_unbound()?;
        }
        Ok(new)
    }
}

refusals!(SiteNotFound, UnboundKeyRequired; json);

/// Create or replace a site's settings.
///
/// A site that goes down to the plan `free` puts its projects back to `portal_login`, which kills their links.
#[utoipa::path(
    put, path = "/v1/sites/{site}", operation_id = "put_site", tag = "sites",
    params(SiteParams),
    request_body(content = SitePut, example = json!({
        "plan": "standard", "safe_notifications": false,
        "portal_url": "https://help.acme.example/portal/{project}/{request}", "object_prefix": "acme/",
    })),
    responses((status = 200, description = "The site as it is now.", body = Site), Refusals),
)]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller<Admin, SiteId>,
    JsonBody(body): JsonBody<SitePut>,
) -> Result<Json<Site>, Problem> {
    let (site, key) = (caller.place, caller.key);
    if body.site.as_ref().is_some_and(|named| *named != site) {
        return Err(Problem::invalid("site", "must be the site of the path, or left out"));
    }
    let mut before = None;
    let change = |old: Option<&SiteSettings>| {
        before = old.cloned();
        body.applied(old, &key).map_err(|why| denied(&key, why, None))
    };
    let update = app.store.update_site(&site, app.clock.now(), change).await??;
    audit_changes(&key, &site, before.as_ref(), &update.settings);
    for project in &update.switched_off {
        revoked::record(&app, &key, RevocationReason::Plan, Under::project(&site, project));
    }
    Ok(Json(Site::of(site, &update.settings)))
}

fn audit_changes(key: &ApiKey, site: &SiteId, before: Option<&SiteSettings>, after: &SiteSettings) {
    let changed = |setting: &'static str, value: &str| audit::setting_changed(key.id, site, None, setting, value);
    if before.is_none_or(|before| before.plan != after.plan) {
        changed("plan", after.plan.name());
    }
    if before.map(|before| before.safe_notifications) != Some(after.safe_notifications) {
        changed("safe_notifications", if after.safe_notifications { "true" } else { "false" });
    }
    if before.and_then(|before| before.portal_url.as_ref()) != after.portal_url.as_ref() {
        changed("portal_url", after.portal_url.as_ref().map_or("none", PortalUrl::template));
    }
    if before.and_then(|before| before.object_prefix.as_ref()) != after.object_prefix.as_ref() {
        changed("object_prefix", after.object_prefix.as_ref().map_or("none", ObjectPrefix::as_str));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::Binding;
    use crate::domain::token::{self, API_KEY_PREFIX};

    fn key(binding: Binding) -> ApiKey {
        let id = token::mint(API_KEY_PREFIX, time::OffsetDateTime::UNIX_EPOCH).id;
        ApiKey { id, notify: false, admin: true, binding }
    }

    fn body(json: &str) -> SitePut {
        serde_json::from_str(json).unwrap()
    }

    fn old() -> SiteSettings {
        SiteSettings {
            plan: Plan::Premium,
            safe_notifications: true,
            portal_url: Some(PortalUrl::parse("https://a.example/{request}").unwrap()),
            object_prefix: Some(ObjectPrefix::parse("acme/").unwrap()),
        }
    }

    #[test]
    fn plan_and_prefix_stay_when_left_out_and_the_rest_does_not() {
        let new = body("{}").applied(Some(&old()), &key(Binding::Unbound)).unwrap();
        assert_eq!((new.plan, new.object_prefix), (Plan::Premium, old().object_prefix));
        assert_eq!((new.safe_notifications, new.portal_url), (false, None));
        let fresh = body("{}").applied(None, &key(Binding::Unbound)).unwrap();
        assert_eq!((fresh.plan, fresh.object_prefix), (Plan::Free, None));
        let none = body(r#"{"object_prefix":null}"#).applied(Some(&old()), &key(Binding::Unbound)).unwrap();
        assert_eq!(none.object_prefix, None);
    }

    #[test]
    fn a_site_administrator_changes_neither_plan_nor_prefix_and_makes_no_site() {
        let bound = key(Binding::Site("acme".parse().unwrap()));
        for (json, old, expected) in [
            (r#"{"plan":"premium","object_prefix":"acme/"}"#, Some(old()), Ok(())),
            (r#"{"safe_notifications":true}"#, Some(old()), Ok(())),
            (r#"{"plan":"enterprise"}"#, Some(old()), Err(Denied::NeedsUnbound)),
            (r#"{"object_prefix":""}"#, Some(old()), Err(Denied::NeedsUnbound)),
            (r#"{"object_prefix":null}"#, Some(old()), Err(Denied::NeedsUnbound)),
            ("{}", None, Err(Denied::NeedsUnbound)),
        ] {
            assert_eq!(body(json).applied(old.as_ref(), &bound).map(|_| ()), expected, "{json}");
        }
    }

    #[test]
    fn null_is_no_plan() {
        assert!(serde_json::from_str::<SitePut>(r#"{"plan":null}"#).is_err());
        assert!(serde_json::from_str::<SitePut>(r#"{"safe_notifications":null}"#).is_err());
    }
}
