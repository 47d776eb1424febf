//! Many small calls for links at once, which share statements and commits.

use attachlink::domain::token::{LINK_PREFIX, mint};
use attachlink::store::{IssueContext, NewLink, Store, StoreError, Wanted};
use futures_util::future::join_all;

use super::*;

on_each_database!(
    each_call_gets_its_own_answer,
    one_that_the_database_refuses_fails_alone,
    deletions_beside_them_leave_no_link_alive,
);

/// At once; many more than goes may be under way.
const CALLS: usize = 60;

fn fresh() -> NewLink {
    let minted = mint(LINK_PREFIX, NOW);
    NewLink { id: minted.id, hash: minted.hash, attachment: 0, recipient: None }
}

/// A call for one link to a comment's first attachment, which also names a request.
async fn call(store: &Store, path: &CommentPath, link: &NewLink) -> Result<Issued<(), &'static str>, StoreError> {
    let request = format!("SUP-{}", path.comment).parse().unwrap();
    let build = |context: &IssueContext| match context.attachments.len() {
        0 => Err("nothing to link to"),
        _ => Ok(((), vec![link.clone()])),
    };
    store.issue(path, Wanted { request: Some(&request), attachments: None }, NOW, build).await
}

fn comments() -> Vec<CommentPath> {
    (0..CALLS).map(|number| comment("acme", "SUP", &format!("c{number}"))).collect()
}

/// Comments by their number: of five, one is deleted, one has no attachment, and one's site does not exist.
async fn each_call_gets_its_own_answer(store: Store) {
    open_comment(&store).await;
    let mut paths = comments();
    for (number, path) in paths.iter_mut().enumerate() {
        match number % 5 {
            2 => *path = comment("nowhere", "SUP", path.comment.as_str()),
            3 => {}
            _ => drop(registered(&store, path, &format!("a{number}")).await),
        }
        if number % 5 == 1 {
            store.delete_comment(path, NOW).await.unwrap();
        }
    }
    let links: Vec<NewLink> = paths.iter().map(|_| fresh()).collect();
    let answers = join_all(paths.iter().zip(&links).map(|(path, link)| call(&store, path, link))).await;
    for (number, answer) in answers.into_iter().enumerate() {
        let as_it_should = match (number % 5, answer.unwrap()) {
            (0 | 4, Issued::Done(())) => {
                let record = store.link(&paths[number].site, links[number].id).await.unwrap().unwrap();
                assert_eq!(record.attachment, attachment(&paths[number], &format!("a{number}")));
                assert_eq!(&row(&store, links[number].id).await.hash, links[number].hash.octets());
                alive(&store, links[number].id).await
            }
            (1, Issued::CommentDeleted) | (2, Issued::SiteNotFound) | (3, Issued::Refused(_)) => {
                store.liveness(&[links[number].id]).await.unwrap().is_empty()
            }
            _ => false,
        };
        assert!(as_it_should, "call {number}");
    }
}

/// Every tenth call brings a link whose id the database holds already.
async fn one_that_the_database_refuses_fails_alone(store: Store) {
    let taken = fresh();
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    call(&store, &path, &taken).await.unwrap();
    let is_planted = |number: usize| number % 10 == 7;
    let links: Vec<NewLink> = (0..CALLS)
        .map(|number| NewLink { id: if is_planted(number) { taken.id } else { fresh().id }, ..fresh() })
        .collect();
    let answers = join_all(links.iter().map(|link| call(&store, &path, link))).await;
    for (number, (answer, link)) in answers.into_iter().zip(&links).enumerate() {
        if is_planted(number) {
            assert!(matches!(answer, Err(StoreError::Unavailable(_))), "call {number}");
        } else {
            assert!(matches!(answer, Ok(Issued::Done(()))), "call {number}");
            assert!(alive(&store, link.id).await, "call {number}");
        }
    }
    let good = (0..CALLS).filter(|number| !is_planted(*number)).count() as u64;
    assert_eq!(store.live_links(&path.site, &path.project, NOW, 100).await.unwrap().links, good + 1);
}

/// Whatever order the database gives them: what was answered before the deletion dies with it, what comes later is
/// refused.
async fn deletions_beside_them_leave_no_link_alive(store: Store) {
    open_comment(&store).await;
    let paths = comments();
    for path in &paths {
        registered(&store, path, "a1").await;
    }
    let links: Vec<NewLink> = paths.iter().map(|_| fresh()).collect();
    let calls = join_all(paths.iter().zip(&links).map(|(path, link)| call(&store, path, link)));
    let deletions = join_all(paths.iter().map(|path| store.delete_comment(path, NOW)));
    let (calls, deletions) = tokio::join!(calls, deletions);
    assert!(deletions.into_iter().all(|deleted| deleted.is_ok()));
    for (answer, link) in calls.into_iter().zip(&links) {
        let answered = matches!(answer, Ok(Issued::Done(()) | Issued::CommentDeleted | Issued::Refused(_)));
        assert!(answered, "{answer:?}");
        let known = store.liveness(&[link.id]).await.unwrap();
        assert!(known.iter().all(|row| row.withdrawn));
    }
}
