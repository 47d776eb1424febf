//! The purge: what can no longer matter goes, what must stay stays.

use std::path::Path;

use time::Duration;

use crate::harness::{Service, comment_path};

fn uploaded_files(dir: &Path) -> usize {
    fn count(dir: &Path) -> usize {
        let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
        entries.flatten().map(|e| if e.path().is_dir() { count(&e.path()) } else { 1 }).sum()
    }
    count(&dir.join("data/objects/attachlink-uploads"))
}

#[tokio::test(flavor = "multi_thread")]
async fn uploaded_bytes_go_with_their_attachment_and_replaced_ones_a_while_later() {
    let service = Service::start().await;
    service.acme().await;
    service.attach("c1", "a1", "x.txt", "text/plain", "one").await;
    service.attach("c1", "a1", "x.txt", "text/plain", "two").await;
    service.attach("c1", "a2", "x.txt", "text/plain", "three").await;
    assert_eq!(uploaded_files(service.dir.path()), 3);
    service.purge().await;
    assert_eq!(uploaded_files(service.dir.path()), 3, "a download elsewhere may still read the replaced bytes");
    service.clock.advance(Duration::days(1));
    service.purge().await;
    assert_eq!(uploaded_files(service.dir.path()), 2);
    service.delete(&format!("{}/attachments/a1", comment_path("c1"))).await.ok(204);
    service.purge().await;
    assert_eq!(uploaded_files(service.dir.path()), 1);
    service.delete("/sites/acme").await.ok(204);
    service.purge().await;
    assert_eq!(uploaded_files(service.dir.path()), 0);
}

/// What a copy of the database takes for left over may have been registered after it was made.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_deletes_no_bytes_before_it_is_recovered() {
    let service = Service::start().await;
    service.acme().await;
    service.attach("c1", "a1", "x.txt", "text/plain", "one").await;
    service.delete(&format!("{}/attachments/a1", comment_path("c1"))).await.ok(204);
    let store = &service.running.app().store;
    store.set_restored(true);
    service.purge().await;
    assert_eq!(uploaded_files(service.dir.path()), 1);
    store.set_restored(false);
    service.purge().await;
    assert_eq!(uploaded_files(service.dir.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_links_go_60_days_after_their_expiry_and_tombstones_stay() {
    let service = Service::start().await;
    service.acme().await;
    service.attach("c1", "a1", "x.txt", "text/plain", "x").await;
    let (url, id) = service.link("c1", "a1").await;
    let link = format!("/sites/acme/links/{id}");
    service.clock.advance(Duration::days(88) - Duration::SECOND);
    service.purge().await;
    service.open(&url).await.refused(410, "link_expired");
    service.get(&link).await.ok(200);
    service.delete(&comment_path("c1")).await.ok(204);
    service.clock.advance(Duration::days(400));
    service.purge().await;
    service.open(&url).await.refused(404, "not_found");
    service.get(&link).await.refused(404, "link_not_found");
    let path = format!("{}/attachments/a1/content?filename=x", comment_path("c1"));
    service.upload(&path, "text/plain", "late").await.refused(409, "comment_deleted");
}
