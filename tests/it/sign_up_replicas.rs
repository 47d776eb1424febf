//! Sign-up tokens that two replicas redeem at the same instant: two processes on one PostgreSQL.

use std::sync::Barrier;

use serde_json::json;

use crate::binary::{Binary, Place};
use crate::postgres_server::Database;

const ROUNDS: usize = 60;
const TOKENS: &str = "/sites/acme/sign-up-tokens";
const ANA: &str = "ana@customer.example";

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_that_redeem_at_the_same_instant_one_does() {
    let database = Database::fresh().await;
    let url = database.url();
    let settings = [("ATTACHLINK_DATABASE_URL", &*url), ("ATTACHLINK_LOG", "off,attachlink=info")];
    let (first, second) = (Place::new(), Place::new());
    let one = first.serve(&settings);
    // The first key is made once, on whatever replica starts first.
    std::fs::create_dir_all(second.data()).unwrap();
    std::fs::copy(first.data().join("first-api-key"), second.data().join("first-api-key")).unwrap();
    let two = second.serve(&settings);
    one.site();

    let mut wins = [0; 2];
    for round in 0..ROUNDS {
        let token = one.post(TOKENS, &json!({"email": ANA})).ok(201).json()["token"].clone();
        let body = json!({"token": token, "email": ANA});
        let together = Barrier::new(4);
        let redeem = |replica: &Binary| {
            together.wait();
            replica.post(&format!("{TOKENS}/redemptions"), &body).status
        };
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let tries: Vec<_> = [&one, &two, &one, &two].map(|replica| scope.spawn(|| redeem(replica))).into();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let mut sorted = statuses.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [200, 409, 409, 409], "round {round}");
        wins[statuses.iter().position(|status| *status == 200).unwrap() % 2] += 1;
    }
    // Each was first at times: they did meet.
    assert!(wins.iter().all(|won| *won > 0), "{wins:?}");
}
