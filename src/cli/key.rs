//! `attachlink key create`, `list` and `revoke`.

use clap::{Args, Subcommand};
use time::format_description::well_known::Rfc3339;

use super::existing::{Expect, has_database, open};
use super::{Usage, output};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::domain::access::{ApiKey, Binding, Scope};
use crate::domain::ids::{ProjectId, SiteId};
use crate::domain::token::{self, API_KEY_PREFIX, ApiKeyId};
use crate::store::{self, KeyListed, NewKey, Store};

const EXAMPLES: &str = "\
Examples:
  attachlink key create --scope notify --site acme
  attachlink key list
  attachlink key revoke 019abd3e-0c5f-7d3c-9a53-2f0e6c1b7a11";

const CREATE_EXAMPLES: &str = "\
Examples:
  attachlink key create --scope notify --scope admin > key        bound to nothing
  attachlink key create --scope notify --site acme                one site's help desk
  attachlink key create --scope admin --site acme --project SUP   a project's administrator

The key's text is shown once, alone, on standard output. The database keeps only its hash.
Where there is no database yet, it is made: the first key may be made before the first start. The
other commands refuse then. Name the data directory of a service that is there with --data-dir.";

const LIST_EXAMPLES: &str = "\
Examples:
  attachlink key list
  attachlink key list --json | jq -r '.[] | select(.revoked_at == null) | .id'";

const REVOKE_EXAMPLES: &str = "\
Examples:
  attachlink key revoke 019abd3e-0c5f-7d3c-9a53-2f0e6c1b7a11

ID is the key's public id, as key list shows it, and not its text. Later requests are refused.";

/// Make, list and revoke API keys
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Subcommand)]
enum KeyCommand {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make an API key and print its text, alone, on standard output
#[derive(Args)]
#[command(after_help = CREATE_EXAMPLES)]
struct Create {
    /// What the key may do; give it twice for both, as neither includes the other
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<Scope>,
    /// Bind it to this site
    #[arg(long)]
    site: Option<SiteId>,
    /// Bind it to this project of the site
    #[arg(long, requires = "site")]
    project: Option<ProjectId>,
}

/// List all API keys: ids, scopes, bindings, times, never a secret
#[derive(Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {
    /// As a JSON array
    #[arg(long)]
    json: bool,
}

/// Revoke an API key, by its public id
#[derive(Args)]
#[command(after_help = REVOKE_EXAMPLES)]
struct Revoke {
    /// The key's public id
    id: String,
}

impl Key {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self.command {
            KeyCommand::Create(create) => create.run(config).await,
            KeyCommand::List(list) => list.run(config).await,
            KeyCommand::Revoke(revoke) => revoke.run(config).await,
        }
    }
}

impl Create {
    async fn run(self, config: &Config) -> anyhow::Result<()> {
        output::must_be_open()?;
        // The first key may be made before the first start. An existing database is `serve`'s to migrate.
        let is_there = has_database(config);
        let migrate = if is_there { store::Migrate::No } else { store::Migrate::Yes };
        let store = open(config, Expect::Nothing, migrate).await?;
        if let Some(file) = config.database.url.file().filter(|_| !is_there) {
            output::note(&format!(
                "there was no database {}: made a new one, and the key is for it alone; for a service that runs already, \
                 name its data directory with --data-dir",
                file.display()
            ));
        }
        let now = SystemClock.now();
        let minted = token::mint(API_KEY_PREFIX, now);
        if let Some(site) = &self.site
            && store.site(site).await?.is_none()
        {
            output::note(&format!("there is no site {site} yet; the key works once it is there"));
        }
        let scopes = &self.scopes;
        let (notify, admin) = (scopes.contains(&Scope::Notify), scopes.contains(&Scope::Admin));
        let binding = binding_of(self.site, self.project);
        let text = describe(notify, admin, &binding);
        store.create_key(&NewKey { id: minted.id, hash: minted.hash, notify, admin, binding }, now).await?;
        if let Err(error) = output::deliver(&format!("{}\n", minted.reveal())) {
            // A key that nobody has must not stay.
            store.revoke_key(minted.id, now).await?;
            return Err(error.context("the key was revoked again"));
        }
        output::note(&format!("key {} ({text}) is shown this once", minted.id));
        Ok(())
    }
}

fn binding_of(site: Option<SiteId>, project: Option<ProjectId>) -> Binding {
    match (site, project) {
        (Some(site), Some(project)) => Binding::Project(site, project),
        (Some(site), None) => Binding::Site(site),
        (None, _) => Binding::Unbound,
    }
}

fn scopes_of(notify: bool, admin: bool) -> Vec<&'static str> {
    [(notify, "notify"), (admin, "admin")].into_iter().filter_map(|(has, name)| has.then_some(name)).collect()
}

fn describe(notify: bool, admin: bool, binding: &Binding) -> String {
    format!("{}, {}", scopes_of(notify, admin).join(" and "), place_of(binding))
}

fn place_of(binding: &Binding) -> String {
    match binding {
        Binding::Unbound => "every site".to_owned(),
        Binding::Site(site) => format!("site {site}"),
        Binding::Project(site, project) => format!("site {site}, project {project}"),
    }
}

impl List {
    async fn run(self, config: &Config) -> anyhow::Result<()> {
        let keys = open(config, Expect::Database, store::Migrate::No).await?.keys().await?;
        if self.json { output::print(&json(&keys)?) } else { output::print(&table(&keys)?) }
    }
}

fn json(keys: &[KeyListed]) -> anyhow::Result<String> {
    let rows = keys.iter().map(|listed| {
        let ApiKey { id, notify, admin, binding } = &listed.key;
        let (site, project) = match binding {
            Binding::Unbound => (None, None),
            Binding::Site(site) => (Some(site), None),
            Binding::Project(site, project) => (Some(site), Some(project)),
        };
        Ok(serde_json::json!({
            "id": id, "scopes": scopes_of(*notify, *admin), "site": site, "project": project,
            "created_at": listed.created_at.format(&Rfc3339)?,
            "revoked_at": listed.revoked_at.map(|at| at.format(&Rfc3339)).transpose()?,
        }))
    });
    let rows: Vec<serde_json::Value> = rows.collect::<anyhow::Result<_>>()?;
    Ok(format!("{:#}\n", serde_json::Value::Array(rows)))
}

fn table(keys: &[KeyListed]) -> anyhow::Result<String> {
    let mut rows = vec![["ID", "SCOPES", "BOUND TO", "CREATED", "REVOKED"].map(str::to_owned)];
    for listed in keys {
        let ApiKey { id, notify, admin, binding } = &listed.key;
        let revoked = listed.revoked_at.map(|at| at.format(&Rfc3339)).transpose()?;
        rows.push([
            id.to_string(),
            scopes_of(*notify, *admin).join(","),
            place_of(binding),
            listed.created_at.format(&Rfc3339)?,
            revoked.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    Ok(aligned(&rows))
}

fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

impl Revoke {
    async fn run(self, config: &Config) -> anyhow::Result<()> {
        let id = self.id.parse::<ApiKeyId>().map_err(|_| not_an_id("key", "attachlink key list"))?;
        let store = open(config, Expect::Database, store::Migrate::No).await?;
        anyhow::ensure!(revoke(&store, id).await?, "there is no key {id}; attachlink key list shows them");
        output::print(&format!("revoked key {id}: requests with it are refused from now on\n"))
    }
}

async fn revoke(store: &Store, id: ApiKeyId) -> anyhow::Result<bool> {
    Ok(store.revoke_key(id, SystemClock.now()).await?)
}

/// An id was expected. What was given is not repeated: it may well be the secret itself, pasted here by mistake.
pub(super) fn not_an_id(what: &str, shown_by: &str) -> Usage {
    Usage(format!("this is no {what} id; give the public id that {shown_by} shows, such as 019abd3e-0c5f-7d3c-9a53-…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(notify: bool, admin: bool, binding: Binding, revoked: bool) -> KeyListed {
        let at = time::macros::datetime!(2026-11-21 10:00:00 UTC);
        let id = token::mint(API_KEY_PREFIX, at).id;
        KeyListed {
            key: ApiKey { id, notify, admin, binding },
            created_at: at,
            revoked_at: revoked.then_some(at + time::Duration::HOUR),
        }
    }

    #[test]
    fn keys_are_listed_for_people_and_for_programs() {
        let (site, project) = ("acme".parse::<SiteId>().unwrap(), "SUP".parse::<ProjectId>().unwrap());
        let keys = [
            listed(true, true, Binding::Unbound, false),
            listed(true, false, Binding::Site(site.clone()), true),
            listed(false, true, Binding::Project(site, project), false),
        ];
        let text = table(&keys).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        for (line, words) in lines[1..].iter().zip([
            ["notify,admin", "every site", "2026-11-21T10:00:00Z", "  -"],
            ["notify  ", "site acme  ", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"],
            ["admin", "site acme, project SUP", "2026-11-21T10:00:00Z", "  -"],
        ]) {
            assert!(words.iter().all(|word| line.contains(word)), "{line}");
            assert_eq!(line.find("2026"), lines[0].find("CREATED"), "aligned");
        }
        let rows: serde_json::Value = serde_json::from_str(&json(&keys).unwrap()).unwrap();
        assert_eq!(rows[0]["scopes"], serde_json::json!(["notify", "admin"]));
        assert_eq!(rows[1]["revoked_at"], "2026-11-21T11:00:00Z");
        assert_eq!((&rows[2]["site"], &rows[2]["project"]), (&"acme".into(), &"SUP".into()));
        assert_eq!(rows[0]["site"], serde_json::Value::Null);
    }
}
