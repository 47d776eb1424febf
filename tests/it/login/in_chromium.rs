//! As people meet it: in a real Chromium, from the email's link on.

use super::browser::Browser;
use super::{ANA, BEN, Desk, LOG};
use crate::harness::comment_path;

#[tokio::test(flavor = "multi_thread")]
async fn from_the_emails_link_to_the_file_and_to_the_end_of_the_session() {
    let desk = Desk::open().await;
    let (link, browser) = (desk.link_of_an_email().await, Browser::open().await);
    browser.go(&link).await;
    browser.log_in(ANA).await;
    assert_eq!(browser.downloaded("log.txt").await, LOG);

    // The way back is used once, also by the browser that went it.
    let way_back = browser.asked_for("/p/acme/logged-in?").await;
    browser.go(&way_back).await;
    browser.reads("The login did not work").await;

    // She stays logged in; then the comment is deleted.
    desk.service.delete(&comment_path("c1")).await.ok(204);
    browser.go(&link).await;
    browser.reads("This file is no longer here").await;

    browser.go(&format!("{}/p/acme/log-out", desk.service.running.public_url)).await;
    browser.click("button").await;
    browser.reads("You are logged out").await;
    browser.go(&format!("{link}?login=anew")).await;
    browser.write("input[name=login]", ANA).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_on_the_request_is_told_so_and_can_log_in_as_somebody_else() {
    let desk = Desk::open().await;
    let (link, browser) = (desk.link_of_an_email().await, Browser::open().await);
    browser.go(&link).await;
    browser.log_in(BEN).await;
    browser.reads("This file is not shared with you").await;
    assert!(browser.has_nothing());
    // What there is not looks the same to him.
    browser.go(&link.replace("/a1", "/a2")).await;
    browser.reads("This file is not shared with you").await;

    browser.go(&link).await;
    browser.click("a.button").await;
    browser.log_in(ANA).await;
    assert_eq!(browser.downloaded("log.txt").await, LOG);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_begun_elsewhere_does_not_end_here() {
    let desk = Desk::open().await;
    let (link, browser) = (desk.link_of_an_email().await, Browser::open().await);
    // Somebody else begins a login, and leads her to its second half.
    let begun = desk.service.open(&link).await;
    assert_eq!(begun.status, 303);
    browser.go(begun.header("location")).await;
    browser.log_in(ANA).await;
    browser.reads("The login did not work").await;
    assert!(browser.has_nothing());
    browser.close().await;
}
