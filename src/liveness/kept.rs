//! Rows about living links that are kept from an earlier read, and used only while nothing has changed.
//!
//! This is no cache of authority: the database is asked after each request arrived, by a statement or, where it is the
//! embedded one, by looking whether anything was committed since. It is asked for the change numbers of the sites instead of
//! every link's row. Whatever changes what would be read
//! about a living link replaces its site's number in the same transaction. So while the number read *now* is the one
//! that came with the row, the row is what would be read now. Nothing else decides, no time and no message.

use std::sync::Arc;

use parking_lot::RwLock;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{LivenessRows, Map};
use crate::domain::ids::SiteId;
use crate::domain::token::LinkId;
use crate::metrics::Metrics;
use crate::store::{DatabaseState, LivenessRow, SiteChange, Store, StoreError};

/// What is kept at most.
const KEPT_OCTETS: u64 = 64 * 1024 * 1024;
/// What a row costs beside its texts, with its place among the others and the head of an answer that is kept with it: 40,000
/// rows of row *scale* of the benchmark took 39 MB, with 148 octets of texts each. Where a second head is kept, as for whatever
/// looks at links before their readers do, it comes on top: about 300 octets.
const ROW_OCTETS: usize = 850;
/// A file's name is in the row, and in the head twice, once with up to three octets for each of its own.
const NAMES_IN_ROW: usize = 5;
/// About how many rows that are.
const KEPT_ROWS: usize = 64 * 1024;

/// The rows that a process keeps, for all of its threads. Only such of links that are alive: of others the database is
/// asked each time.
pub struct Kept {
    rows: Cache<LinkId, Arc<LivenessRow>, Octets>,
    /// The last that were read while the embedded database did not change.
    numbers: RwLock<Option<Numbers>>,
    store: Store,
    metrics: Arc<Metrics>,
}

impl Kept {
    /// Nothing is kept yet of what `store` knows.
    #[must_use]
    pub fn new(store: Store, metrics: Arc<Metrics>) -> Self {
        Self { rows: Cache::with_weighter(KEPT_ROWS, KEPT_OCTETS, Octets), numbers: RwLock::new(None), store, metrics }
    }

    /// Those of these links that can be told about without a statement: their rows are kept, and the embedded database is
    /// in a state, read now, in which their sites' numbers are known to be the same.
    #[must_use]
    pub fn rows_at_once(&self, links: &[LinkId]) -> LivenessRows {
        let mut kept: LivenessRows = links.iter().filter_map(|link| self.rows.get(link)).collect();
        if kept.is_empty() {
            return kept;
        }
        let state = self.store.state();
        match &*self.numbers.read() {
            Some(numbers) if Some(numbers.state) == state => kept.retain(|row| is_proved(&numbers.of, row)),
            _ => kept.clear(),
        }
        self.metrics.liveness_rows_kept.increment(kept.len() as u64);
        kept
    }

    /// What the database knows about these links, in any order, as [`Store::liveness`] says it: by the rows that are
    /// kept where their sites' numbers are still the same, by reading them anew where not.
    ///
    /// # Errors
    /// As [`Store::liveness`].
    pub async fn rows(&self, links: Vec<LinkId>) -> Result<Vec<Arc<LivenessRow>>, StoreError> {
        let (mut kept, mut unknown) = (Vec::with_capacity(links.len()), Vec::new());
        for link in links {
            match self.rows.get(&link) {
                Some(row) => kept.push(row),
                None => unknown.push(link),
            }
        }
        // At once, so that a link that is new here keeps no other one waiting.
        let (proved, read) = tokio::join!(self.proved(kept), self.read(&unknown));
        let ((mut proved, stale), mut rows) = (proved?, read?);
        self.metrics.liveness_rows_kept.increment(proved.len() as u64);
        rows.append(&mut proved);
        let stale: Vec<LinkId> = stale.iter().map(|row| row.id).collect();
        rows.append(&mut self.read(&stale).await?);
        Ok(rows)
    }

    /// Parts the rows into those whose site's number is now what it was, and the others.
    async fn proved(&self, kept: Rows) -> Result<(Rows, Rows), StoreError> {
        if kept.is_empty() {
            return Ok((kept, Vec::new()));
        }
        let state = self.store.state();
        if let Some(numbers) = &*self.numbers.read()
            && Some(numbers.state) == state
            && kept.iter().all(|row| numbers.of.contains_key(&row.site))
        {
            return Ok(part(&numbers.of, kept));
        }
        let mut sites: Vec<&SiteId> = kept.iter().map(|row| &row.site).collect();
        sites.sort_unstable();
        sites.dedup();
        let of = self.store.site_changes(&sites).await?.into_iter().collect();
        // Where the state is the same before and after, the statement read in it.
        match state.filter(|state| self.store.state() == Some(*state)) {
            Some(state) => Ok(self.remember(Numbers { state, of }, kept)),
            None => Ok(part(&of, kept)),
        }
    }

    /// Keeps what was read, beside what else was read in the same state.
    fn remember(&self, read: Numbers, kept: Rows) -> (Rows, Rows) {
        let mut numbers = self.numbers.write();
        match &mut *numbers {
            Some(numbers) if numbers.state == read.state => numbers.of.extend(read.of),
            other => *other = Some(read),
        }
        part(numbers.as_ref().map_or(&Map::default(), |numbers| &numbers.of), kept)
    }

    /// Reads rows, and keeps those of living links.
    async fn read(&self, links: &[LinkId]) -> Result<Vec<Arc<LivenessRow>>, StoreError> {
        if links.is_empty() {
            return Ok(Vec::new());
        }
        self.metrics.liveness_rows_read.increment(links.len() as u64);
        let rows: Vec<_> = self.store.liveness(links).await?.into_iter().map(Arc::new).collect();
        for row in &rows {
            if row.withdrawn {
                self.rows.remove(&row.id);
            } else {
                self.rows.insert(row.id, Arc::clone(row));
            }
        }
        Ok(rows)
    }
}

type Rows = Vec<Arc<LivenessRow>>;

/// What the sites' numbers are in a state of the embedded database.
struct Numbers {
    state: DatabaseState,
    of: Map<SiteId, SiteChange>,
}

fn is_proved(numbers: &Map<SiteId, SiteChange>, row: &LivenessRow) -> bool {
    numbers.get(&row.site) == Some(&row.change)
}

fn part(numbers: &Map<SiteId, SiteChange>, kept: Rows) -> (Rows, Rows) {
    kept.into_iter().partition(|row| is_proved(numbers, row))
}

/// Weighs rows in octets.
#[derive(Clone)]
struct Octets;

impl Weighter<LinkId, Arc<LivenessRow>> for Octets {
    fn weight(&self, _: &LinkId, row: &Arc<LivenessRow>) -> u64 {
        let texts = row.served.as_ref().map_or(0, |served| {
            let object = &served.object;
            served.filename.len() * NAMES_IN_ROW
                + served.media_type.len()
                + object.key.as_str().len()
                + object.version.len()
        });
        let names = row.site.as_str().len() + row.recipient.as_ref().map_or(0, |recipient| recipient.as_str().len());
        (ROW_OCTETS + texts + names) as u64
    }
}
