//! Numbers of attachments' rows that another process drew too.

use attachlink::domain::ids::CommentPath;
use attachlink::store::{RevokeTarget, Store};
use time::macros::datetime;

use crate::changes_by_hand::Hand;
use crate::postgres_server::Database;
use crate::store_contract::{NOW, attachment, in_place, open_comment, registered, sqlite};

/// Of those that may be drawn next, a quarter: one run in a million meets none, one in 70,000 cannot go on.
const TAKEN: i64 = 64;
const ROUNDS: usize = 24;

/// Uses up numbers after the last one that was drawn.
async fn take(hand: &mut Hand, last: i64, round: usize) {
    let taken = format!(
        "WITH RECURSIVE steps (step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM steps WHERE step < {TAKEN}) \
         INSERT INTO attachments SELECT attachment_id + step, project_id, comment, '{round}-' || step, registered_order, \
         filename, media_type, kind, object_key, object_version, size, modified_at, uploaded \
         FROM attachments CROSS JOIN steps WHERE attachment_id = {last}"
    );
    hand.does(&taken, 0).await;
}

/// Registers at one moment again and again, so that numbers are counted on.
async fn draw_taken_numbers(store: &Store, hand: &mut Hand) {
    let path: CommentPath = open_comment(store).await;
    let ahead = datetime!(2100-01-01 0:00 UTC);
    store.register(&attachment(&path, "first"), in_place("acme/file"), ahead).await.unwrap();
    for round in 0..ROUNDS {
        let before = registered(store, &path, &format!("a{round}")).await.row;
        take(hand, before, round).await;
        let after = registered(store, &path, &format!("b{round}")).await.row;
        assert!(after > before, "{round}");
        take(hand, after, ROUNDS + round).await;
        let target = RevokeTarget::Attachment(attachment(&path, &format!("b{round}")));
        assert_eq!(store.revoke_under(&target, NOW).await.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn a_number_that_is_taken_is_drawn_again_on_the_embedded_database() {
    let (store, directory) = sqlite().await;
    draw_taken_numbers(&store, &mut Hand::at_file_of(&directory).await).await;
}

#[tokio::test]
async fn a_number_that_is_taken_is_drawn_again_on_postgresql() {
    let database = Database::fresh().await;
    draw_taken_numbers(&database.store().await, &mut Hand::Postgres(database.admin().await)).await;
}
