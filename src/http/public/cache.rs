//! Small hot objects, in memory or as open files. Versions of objects never change, so nothing is ever invalidated; and
//! nothing here says that a link is alive: it is asked only after the database said so, and served only while the store
//! has it.

use std::sync::Arc;

use bytes::Bytes;
use compact_str::CompactString;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::metrics::Metrics;
use crate::objects::Small;

/// Objects up to this size are kept. Larger ones stream.
pub(super) const LARGEST_OBJECT_OCTETS: u64 = 256 * 1024;

/// What an entry costs beside its bytes: key, counters, and the cache's own tables, generously.
const ENTRY_OVERHEAD_OCTETS: u64 = 256;
/// Of which size objects are thought to be, to make room for the right number of them.
const USUAL_OBJECT_OCTETS: u64 = 16 * 1024;

/// The most files that are kept open: what they and the kernel's structures for them take is little, but not nothing.
const MOST_FILES: u64 = 8 * 1024;
/// Of the descriptors that the process may have, the part that kept files may take.
const PART_OF_DESCRIPTORS: u64 = 4;

/// Object versions by entity tag, bounded by octets. A file counts as many of them as bound the number of files.
#[derive(Clone)]
pub struct ObjectCache {
    versions: Arc<Cache<CompactString, Small, Weights>>,
}

#[derive(Clone)]
struct Weights {
    file: u64,
}

impl Weighter<CompactString, Small> for Weights {
    fn weight(&self, etag: &CompactString, small: &Small) -> u64 {
        match small {
            Small::Octets(octets) => (etag.len() + octets.len()) as u64 + ENTRY_OVERHEAD_OCTETS,
            Small::File(_) => self.file,
        }
    }
}

impl ObjectCache {
    /// A cache of at most `octets` octets, in a process that may open `descriptors`; 0 octets keep nothing.
    #[must_use]
    pub fn new(octets: u64, descriptors: u64) -> Self {
        let objects = usize::try_from(octets / USUAL_OBJECT_OCTETS).unwrap_or(usize::MAX);
        let files = MOST_FILES.min(descriptors / PART_OF_DESCRIPTORS).max(1);
        let weights = Weights { file: octets.div_ceil(files).max(ENTRY_OVERHEAD_OCTETS) };
        Self { versions: Arc::new(Cache::with_weighter(objects, octets, weights)) }
    }

    /// A version, if it is here.
    #[must_use]
    pub fn get(&self, etag: &str, metrics: &Metrics) -> Option<Small> {
        let found = self.versions.get(etag);
        if found.is_some() {
            metrics.cache_hits.increment(1);
        } else {
            metrics.cache_misses.increment(1);
        }
        found
    }

    /// Keeps a version. Octets are copied: they may be a part of more memory than they need.
    pub fn put(&self, etag: &str, small: &Small) {
        if self.versions.capacity() == 0 {
            return;
        }
        let small = match small {
            Small::Octets(octets) => Small::Octets(Bytes::copy_from_slice(octets)),
            Small::File(_) => small.clone(),
        };
        self.versions.insert(etag.into(), small);
    }

    /// Closes the files that were taken out of the store, so that their room on the disk is free again.
    pub fn forget_deleted(&self) {
        // Looking takes system calls: not under the cache's locks.
        let files: Vec<(CompactString, Small)> =
            self.versions.iter().filter(|(_, small)| matches!(small, Small::File(_))).collect();
        for (etag, _) in files.iter().filter(|(_, small)| !small.is_had()) {
            self.versions.remove(etag);
        }
    }

    /// Tells the operator's metrics how much is kept.
    pub fn report(&self, metrics: &Metrics) {
        metrics.cache_holds(self.versions.len() as u64, self.versions.weight());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attachment::ObjectKey;
    use crate::objects::ObjectStore;
    use time::OffsetDateTime;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-21 10:00 UTC);

    fn named(number: u8) -> ObjectKey {
        ObjectKey::for_upload([number; 16])
    }

    async fn kept(store: &ObjectStore, number: u8) -> Small {
        let mut upload = store.begin_upload(&named(number), None).await.unwrap();
        upload.write("x".into()).await.unwrap();
        store.small(&upload.finish(NOW).await.unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn keeps_a_part_of_the_descriptors_and_closes_what_was_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let store = ObjectStore::local(directory.path(), false).unwrap();
        let mut files = Vec::new();
        for number in 0..100 {
            files.push(kept(&store, number).await);
        }
        // On some file systems octets are kept instead (`objects::small`).
        if matches!(files[0], Small::Octets(_)) {
            return;
        }
        for (octets, descriptors, most) in [(1_000_000, 64, 16), (10_000, 1_000_000, 39), (0, 64, 0)] {
            let cache = ObjectCache::new(octets, descriptors);
            for (number, file) in files.iter().enumerate() {
                cache.put(&format!("v{number}"), file);
            }
            assert!(cache.versions.len() <= most, "{}", cache.versions.len());
            assert!(cache.versions.len() * 2 >= most, "{}", cache.versions.len());
        }
        let cache = ObjectCache::new(1_000_000, 1024);
        for (number, file) in files.iter().enumerate() {
            cache.put(&format!("v{number}"), file);
        }
        store.delete(&named(0)).await.unwrap();
        cache.forget_deleted();
        let metrics = Metrics::new(&[]).unwrap();
        assert!(cache.get("v0", &metrics).is_none() && cache.get("v1", &metrics).is_some());
    }

    #[test]
    fn is_bounded_by_octets() {
        let cache = ObjectCache::new(10_000, 1024);
        for n in 0..100 {
            cache.put(&format!("v{n}"), &Small::Octets(vec![0; 1000].into()));
        }
        assert!(cache.versions.weight() <= 10_000, "{}", cache.versions.weight());
        assert!(cache.versions.len() > 5, "{}", cache.versions.len());
        let metrics = Metrics::new(&[]).unwrap();
        let empty = ObjectCache::new(0, 1024);
        empty.put("v", &Small::Octets("x".into()));
        assert!(empty.get("v", &metrics).is_none());
    }
}
