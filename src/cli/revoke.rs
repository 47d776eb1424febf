//! `attachlink revoke`.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::time::timeout;

use super::existing::{Expect, open_patiently};
use super::key::not_an_id;
use super::output;
use crate::audit::{self, Revoked};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::domain::ids::{AttachmentId, AttachmentPath, CommentId, CommentPath, ProjectId, SiteId};
use crate::domain::token::LinkId;
use crate::metrics::RevocationReason;
use crate::store::{self, RevokeTarget, Store};
use crate::{history, serve};

/// How long the object store may take.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
const NOT_KEPT: &str = "the links are dead, but the object store could not be told: until a service has run on this database, \
                        a backup that is put in its place is not found out";

const EXAMPLES: &str = "\
Examples:
  attachlink revoke --site acme                                 every link of the site
  attachlink revoke --site acme --project SUP                   of a project
  attachlink revoke --site acme --project SUP --comment 10017   of a comment
  attachlink revoke --site acme --project SUP --comment 10017 --attachment a1
  attachlink revoke --site acme --link 019abd3e-0c5f-7d3c-9a53-2f0e6c1b7a11

Links issued so far die at once, in every running service on this database. Attachments,
comments and modes stay, and new links can be issued. It cannot be undone.

The object store is told of it too, by which a backup of the database is found out that does
not know of it: give this the settings of the service.";

/// Kill links: all of a site, project, comment or attachment, or one
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Revoke {
    /// The site
    #[arg(long)]
    site: SiteId,
    /// Only this project's links
    #[arg(long)]
    project: Option<ProjectId>,
    /// Only this comment's links
    #[arg(long, requires = "project")]
    comment: Option<CommentId>,
    /// Only this attachment's links
    #[arg(long, requires = "comment")]
    attachment: Option<AttachmentId>,
    /// Only this link, by its public id
    #[arg(long, value_name = "ID", conflicts_with_all = ["project", "comment", "attachment"])]
    link: Option<String>,
}

impl Revoke {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        let link = self.link.as_deref().map(str::parse::<LinkId>).transpose();
        let link = link.map_err(|_| not_an_id("link", "the API or the log"))?;
        let store = open_patiently(config, Expect::Database, store::Migrate::No).await?;
        let done = match link {
            Some(link) => revoke_link(&store, &self.site, link).await?,
            None => revoke_under(&store, &self.site.clone(), &self.target()).await?,
        };
        if let Err(error) = leave_mark(config, &store).await {
            tracing::warn!(error = format!("{error:#}"), "{NOT_KEPT}");
        }
        output::print(&done)
    }

    fn target(self) -> RevokeTarget {
        let Some(project) = self.project else { return RevokeTarget::Site(self.site) };
        let Some(comment) = self.comment else { return RevokeTarget::Project(self.site, project) };
        let comment = CommentPath { site: self.site, project, comment };
        match self.attachment {
            None => RevokeTarget::Comment(comment),
            Some(attachment) => RevokeTarget::Attachment(AttachmentPath { comment, attachment }),
        }
    }
}

/// Has the object store know of it, so that a backup that is put in the database's place is found out. A service that runs
/// does so by itself.
async fn leave_mark(config: &Config, store: &Store) -> anyhow::Result<()> {
    let brought = async {
        let objects = serve::known_objects(config).await?;
        history::bring(store, &objects).await?;
        anyhow::Ok(())
    };
    timeout(STORE_TIMEOUT, brought).await.context("it does not answer")?
}

async fn revoke_link(store: &Store, site: &SiteId, link: LinkId) -> anyhow::Result<String> {
    let found = store.revoke_link(site, link, SystemClock.now()).await?;
    anyhow::ensure!(found, "there is no link {link} in site {site}");
    audit::revoked(None, RevocationReason::Link, site, Revoked { link: Some(link), ..Revoked::default() });
    Ok(format!("revoked link {link} of site {site}\n"))
}

async fn revoke_under(store: &Store, site: &SiteId, target: &RevokeTarget) -> anyhow::Result<String> {
    let place = place_of(target);
    let Some(places) = store.revoke_under(target, SystemClock.now()).await? else {
        anyhow::bail!("there is no site {site}");
    };
    // A site may have no projects yet. Anything smaller is known by what is under it.
    let is_site = matches!(target, RevokeTarget::Site(_));
    anyhow::ensure!(places > 0 || is_site, "there is no {place}, or nothing in it that could have links");
    audited(target);
    Ok(format!("revoked every link issued so far for {place}\n"))
}

fn audited(target: &RevokeTarget) {
    let of_comment = |path: &CommentPath, attachment: Option<&AttachmentId>, reason| {
        let (project, comment) = (Some(&path.project), Some(path.comment.as_str()));
        let attachment = attachment.map(AttachmentId::as_str);
        audit::revoked(None, reason, &path.site, Revoked { project, comment, attachment, link: None });
    };
    match target {
        RevokeTarget::Site(site) => audit::revoked(None, RevocationReason::Site, site, Revoked::default()),
        RevokeTarget::Project(site, project) => {
            let what = Revoked { project: Some(project), ..Revoked::default() };
            audit::revoked(None, RevocationReason::Project, site, what);
        }
        RevokeTarget::Comment(path) => of_comment(path, None, RevocationReason::Comment),
        RevokeTarget::Attachment(path) => {
            of_comment(&path.comment, Some(&path.attachment), RevocationReason::Attachment);
        }
    }
}

fn place_of(target: &RevokeTarget) -> String {
    let comment_of =
        |path: &CommentPath| format!("comment {} of project {} of site {}", path.comment, path.project, path.site);
    match target {
        RevokeTarget::Site(site) => format!("site {site}"),
        RevokeTarget::Project(site, project) => format!("project {project} of site {site}"),
        RevokeTarget::Comment(path) => comment_of(path),
        RevokeTarget::Attachment(path) => format!("attachment {} of {}", path.attachment, comment_of(&path.comment)),
    }
}
