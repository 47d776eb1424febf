//! Small hot objects in memory. Versions of objects never change, so nothing is ever invalidated; and nothing here
//! says that a link is alive: it is asked only after the database said so, and served only while the store has it.

use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::metrics::Metrics;

/// Objects up to this size are kept. Larger ones stream.
pub(super) const LARGEST_OBJECT_OCTETS: u64 = 256 * 1024;

/// What an entry costs beside its bytes: key, counters, and the cache's own tables, generously.
const ENTRY_OVERHEAD_OCTETS: u64 = 256;
/// Of which size objects are thought to be, to make room for the right number of them.
const USUAL_OBJECT_OCTETS: u64 = 16 * 1024;

/// Object versions by entity tag, bounded by octets.
#[derive(Clone)]
pub struct ObjectCache {
    versions: Arc<Cache<String, Bytes, Octets>>,
}

#[derive(Clone)]
struct Octets;

impl Weighter<String, Bytes> for Octets {
    fn weight(&self, etag: &String, bytes: &Bytes) -> u64 {
        (etag.len() + bytes.len()) as u64 + ENTRY_OVERHEAD_OCTETS
    }
}

impl ObjectCache {
    /// A cache of at most `octets` octets; 0 keeps nothing.
    #[must_use]
    pub fn new(octets: u64) -> Self {
        let objects = usize::try_from(octets / USUAL_OBJECT_OCTETS).unwrap_or(usize::MAX);
        Self { versions: Arc::new(Cache::with_weighter(objects, octets, Octets)) }
    }

    /// The bytes of a version, if they are here.
    #[must_use]
    pub fn get(&self, etag: &str, metrics: &Metrics) -> Option<Bytes> {
        let found = self.versions.get(etag);
        if found.is_some() { &metrics.cache_hits } else { &metrics.cache_misses }.increment(1);
        found
    }

    /// Keeps the bytes of a version.
    pub fn put(&self, etag: String, bytes: Bytes) {
        self.versions.insert(etag, bytes);
    }

    /// Tells the operator's metrics how much is kept.
    pub fn report(&self, metrics: &Metrics) {
        metrics.cache_holds(self.versions.len() as u64, self.versions.weight());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_by_octets() {
        let cache = ObjectCache::new(10_000);
        for n in 0..100 {
            cache.put(format!("v{n}"), Bytes::from(vec![0; 1000]));
        }
        assert!(cache.versions.weight() <= 10_000, "{}", cache.versions.weight());
        assert!(cache.versions.len() > 5, "{}", cache.versions.len());
        let metrics = Metrics::new(&[]).unwrap();
        let empty = ObjectCache::new(0);
        empty.put("v".to_owned(), Bytes::from_static(b"x"));
        assert_eq!(empty.get("v", &metrics), None);
    }
}
