//! Who may call what: scopes and bindings of API keys (product, rule 4; API: *API keys*).

use super::ids::{ProjectId, SiteId};
use super::token::ApiKeyId;

/// What a key may do. Neither scope includes the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The help desk's daily work: attachments, comments, notifications, links.
    Notify,
    /// Settings: sites, projects, attachment security.
    Admin,
}

/// What a key is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// Nothing: every site.
    Unbound,
    /// One site and everything in it.
    Site(SiteId),
    /// One project.
    Project(SiteId, ProjectId),
}

/// An API key as the database knows it.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its public name.
    pub id: ApiKeyId,
    /// May it use the `notify` scope's calls?
    pub notify: bool,
    /// May it use the `admin` scope's calls?
    pub admin: bool,
    /// Where.
    pub binding: Binding,
}

/// What a call is about.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// A site as a whole.
    Site(&'a SiteId),
    /// A project.
    Project(&'a SiteId, &'a ProjectId),
    /// A link of a site, whose project the answer must still be checked against.
    LinkOf(&'a SiteId),
}

/// Why a key may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The key lacks the scope: `403`.
    Scope(Scope),
    /// The target is outside of what the key is bound to: `404`, as if it did not exist.
    Elsewhere,
    /// Needs a key bound to no site: `403`.
    NeedsUnbound,
    /// Needs a key of the site, not of one project: `403`.
    NeedsSite,
}

impl ApiKey {
    /// Whether the key has `scope` and its binding covers `target`.
    ///
    /// # Errors
    /// The scope is checked first, so that a key without it learns nothing about what exists.
    pub fn may(&self, scope: Scope, target: Target<'_>) -> Result<(), Denied> {
        let has = match scope {
            Scope::Notify => self.notify,
            Scope::Admin => self.admin,
        };
        if !has {
            return Err(Denied::Scope(scope));
        }
        let covered = match (&self.binding, target) {
            (Binding::Unbound, _) => true,
            (Binding::Site(own), Target::Site(site) | Target::Project(site, _) | Target::LinkOf(site))
            | (Binding::Project(own, _), Target::LinkOf(site)) => own == site,
            (Binding::Project(own_site, own), Target::Project(site, project)) => own_site == site && own == project,
            (Binding::Project(..), Target::Site(_)) => false,
        };
        if covered { Ok(()) } else { Err(Denied::Elsewhere) }
    }

    /// Whether the key may see something of `project` in a site that it may ask about.
    #[must_use]
    pub fn covers_project(&self, site: &SiteId, project: &ProjectId) -> bool {
        match &self.binding {
            Binding::Unbound => true,
            Binding::Site(own) => own == site,
            Binding::Project(own_site, own) => own_site == site && own == project,
        }
    }

    /// Whether the key is bound to nothing: plan, object prefix, creating and deleting a site need that.
    ///
    /// # Errors
    /// [`Denied::NeedsUnbound`].
    pub fn must_be_unbound(&self) -> Result<(), Denied> {
        if self.binding == Binding::Unbound { Ok(()) } else { Err(Denied::NeedsUnbound) }
    }

    /// Whether the key is more than one project's: deleting a project needs that.
    ///
    /// # Errors
    /// [`Denied::NeedsSite`].
    pub fn must_be_wider_than_a_project(&self) -> Result<(), Denied> {
        if matches!(self.binding, Binding::Project(..)) { Err(Denied::NeedsSite) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(notify: bool, admin: bool, binding: Binding) -> ApiKey {
        let id = super::super::token::mint("alk1_", time::OffsetDateTime::UNIX_EPOCH).id;
        ApiKey { id, notify, admin, binding }
    }

    #[test]
    fn scopes_do_not_include_each_other() {
        let site: SiteId = "s".parse().unwrap();
        let notify = key(true, false, Binding::Unbound);
        let admin = key(false, true, Binding::Unbound);
        assert_eq!(notify.may(Scope::Notify, Target::Site(&site)), Ok(()));
        assert_eq!(notify.may(Scope::Admin, Target::Site(&site)), Err(Denied::Scope(Scope::Admin)));
        assert_eq!(admin.may(Scope::Notify, Target::Site(&site)), Err(Denied::Scope(Scope::Notify)));
    }

    #[test]
    fn bindings_cover_what_is_under_them() {
        let (s, t): (SiteId, SiteId) = ("s".parse().unwrap(), "t".parse().unwrap());
        let (p, q): (ProjectId, ProjectId) = ("p".parse().unwrap(), "q".parse().unwrap());
        let all = key(true, true, Binding::Unbound);
        let site = key(true, true, Binding::Site(s.clone()));
        let project = key(true, true, Binding::Project(s.clone(), p.clone()));
        for (target, expected) in [
            (Target::Site(&s), [true, true, false]),
            (Target::Site(&t), [true, false, false]),
            (Target::Project(&s, &p), [true, true, true]),
            (Target::Project(&s, &q), [true, true, false]),
            (Target::Project(&t, &p), [true, false, false]),
            (Target::LinkOf(&s), [true, true, true]),
            (Target::LinkOf(&t), [true, false, false]),
        ] {
            for (key, expected) in [&all, &site, &project].into_iter().zip(expected) {
                assert_eq!(key.may(Scope::Admin, target).is_ok(), expected, "{target:?} {key:?}");
            }
        }
        assert!(all.must_be_unbound().is_ok() && site.must_be_unbound().is_err());
        assert!(site.must_be_wider_than_a_project().is_ok() && project.must_be_wider_than_a_project().is_err());
    }
}
