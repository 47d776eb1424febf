//! `attachlink recover`.

use anyhow::Context as _;
use clap::Args;

use super::existing::{Expect, open_patiently};
use super::{blame, output};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::store::Migrate;
use crate::{audit, history, serve};

const EXAMPLES: &str = "\
A service whose database was restored from a backup serves and issues no link until this is run:
revocations since the backup are lost, and links that were dead would live again. This kills every
link that was issued so far, in every project, ends every login, forgets every sign-up token, and
lets the running services go on. It prints what nobody but you can redo. On a database that was not restored it changes nothing.

Examples:
  attachlink recover
  attachlink recover --data-dir /var/lib/attachlink";

/// Let a service go on after its database was restored from a backup
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Recover {}

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let store = open_patiently(config, Expect::Database, Migrate::No).await?;
    let objects = serve::open_objects(config, &store, SystemClock.now()).await;
    let objects = objects.map_err(|error| blame::named(error, config))?;
    let Some(newest) = history::lost_mark(&store, &objects).await? else {
        return output::print("the database was not restored from a backup: there is nothing to recover\n");
    };
    let (projects, mark) = store.recover(&newest).await?;
    // Before the object store is told: that may fail, and the links are dead.
    audit::recovered(projects);
    let projects = output::counted(projects, "project", "projects");
    history::keep(&objects, mark)
        .await
        .context("every link is dead, but the object store could not be told; run this again")?;
    output::deliver(&format!(
        "recovered: every link issued so far is dead, in {projects}, and every login and sign-up token too;\n\
         services go on within 10 seconds\n\
         \n\
         What was done after the backup is not known any more. Do again, as far as it applies:\n\
         - delete the comments that were deleted since then: their attachments can be linked to again until you do\n\
         - delete the attachments, projects and sites that were deleted since then\n\
         - take off requests, organizations, projects and comments whoever was taken off since then, and take away the\n\
         \x20 accounts that were: until you do, they may log in and download again\n\
         - set the login providers, customer access and customer permissions that were changed since then\n\
         - revoke the API keys that were revoked since then (attachlink key list), and make those that were made\n\
         - set the modes, plans and compliance switches that were changed since then\n\
         - register and upload what came since then; links in emails sent before now have to be sent again\n"
    ))
}
