//! Logging out ends the session itself, not only the cookie: what somebody copied is worth nothing after it.

use http::Method;

use super::ANA;
use super::running::{Desk, LARGE};
use crate::harness::Reply;
use crate::keeps::{Keeps, with_each_database};
use crate::promise::{must_be_cut, slow_download_with};

with_each_database!(
    a_stolen_cookie_is_worth_nothing_after_the_log_out,
    what_runs_in_the_session_is_reset_and_what_runs_in_another_is_not,
    sessions_are_forgotten_long_after_they_are_over,
    a_recovered_database_knows_no_session,
);

impl Desk {
    async fn open_as(&self, method: Method, path: &str, cookie: &str) -> Reply {
        let url = format!("{}{path}", self.service.running.public_url);
        self.service.open_with(method, &url, &[("cookie", cookie)]).await
    }

    async fn log_out(&self, cookie: &str) -> Reply {
        self.open_as(Method::POST, "/p/acme/log-out", cookie).await.ok(200)
    }
}

const FILE: &str = "/p/acme/SUP/c1/a1";

async fn a_stolen_cookie_is_worth_nothing_after_the_log_out(on: Keeps) {
    let desk = Desk::open(on, 100).await;
    let (hers, on_her_phone) = (desk.cookie(ANA).await, desk.cookie(ANA).await);
    desk.open_as(Method::GET, FILE, &hers).await.ok(200);
    // Opening the page ends nothing, and neither does a form that comes without her cookie or for another site.
    desk.open_as(Method::GET, "/p/acme/log-out", &hers).await.ok(200);
    assert_eq!(desk.log_out("x=1").await.header("set-cookie"), "");
    desk.open_as(Method::POST, "/p/other/log-out", &hers).await.ok(200);
    desk.open_as(Method::GET, FILE, &hers).await.ok(200);

    let gone = desk.log_out(&hers).await;
    assert!(gone.header("set-cookie").starts_with("attachlink-session=; "), "{:?}", gone.headers);
    // The provider of these tests is never asked, so who has to log in is told that it cannot be reached.
    desk.open_as(Method::GET, FILE, &hers).await.refused(503, "login_provider_unavailable");
    desk.open_as(Method::GET, FILE, &on_her_phone).await.ok(200);
    desk.log_out(&hers).await;
}

async fn what_runs_in_the_session_is_reset_and_what_runs_in_another_is_not(on: Keeps) {
    let desk = Desk::open(on, LARGE).await;
    let (hers, on_her_phone) = (desk.cookie(ANA).await, desk.cookie(ANA).await);
    let line = |cookie: &str| format!("Cookie: {cookie}\r\n");
    let mut cut = slow_download_with(&desk.service, &desk.url, &line(&hers)).await;
    let mut whole = slow_download_with(&desk.service, &desk.url, &line(&on_her_phone)).await;
    desk.log_out(&hers).await;
    must_be_cut(&mut cut, "logged out").await;
    let mut rest = vec![0; LARGE - 4096];
    tokio::io::AsyncReadExt::read_exact(&mut whole, &mut rest).await.unwrap();
}

async fn sessions_are_forgotten_long_after_they_are_over(on: Keeps) {
    let desk = Desk::open(on, LARGE).await;
    let cookie = desk.cookie(ANA).await;
    let line = format!("Cookie: {cookie}\r\n");
    let mut stream = slow_download_with(&desk.service, &desk.url, &line).await;
    let store = &desk.service.running.app().store;
    let over = crate::harness::START + attachlink::domain::portal::SESSION_LIFETIME;
    let forgotten = over + attachlink::domain::portal::SESSION_KEPT;
    // What was begun in it and still runs, runs on.
    assert_eq!(store.purge_sessions(forgotten, 100).await.unwrap(), 0);
    let mut rest = vec![0; LARGE - 4096];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut rest).await.unwrap();
    assert_eq!(store.purge_sessions(forgotten + time::Duration::SECOND, 100).await.unwrap(), 1);
    desk.open_as(Method::GET, FILE, &cookie).await.refused(503, "login_provider_unavailable");
}

async fn a_recovered_database_knows_no_session(on: Keeps) {
    let desk = Desk::open(on, 100).await;
    let cookie = desk.cookie(ANA).await;
    // Something was revoked, so there is a mark.
    desk.log_out(&desk.cookie(ANA).await).await;
    let store = &desk.service.running.app().store;
    store.recover(&store.newest_mark().await.unwrap().unwrap()).await.unwrap();
    desk.open_as(Method::GET, FILE, &cookie).await.refused(503, "login_provider_unavailable");
}
