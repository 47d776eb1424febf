//! The email decision through the API: its boundaries, its numbers, its order, its refusals.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::harness::{PNG, Service, comment_path};
use crate::keeps::{Keeps, with_each_database};

with_each_database!(
    equal_to_the_limit_is_not_less,
    the_encoded_size_is_that_of_the_very_part,
    only_bytes_make_an_image,
    an_inline_image_shows_in_either_mode,
    every_recipient_gets_links_of_their_own_in_the_order_asked_for,
    wrong_bodies_say_which_field_and_why,
);

fn notifications(comment: &str) -> String {
    format!("{}/notifications", comment_path(comment))
}

async fn decided(service: &Service, body: Value) -> Value {
    service.post(&notifications("c1"), body).await.ok(200).json()
}

async fn equal_to_the_limit_is_not_less(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", "x.png", "image/png", PNG).await;
    let first = decided(&service, json!({"request": "R", "message_size": 0})).await;
    let images = first["size"]["images"].as_u64().unwrap();
    assert_eq!(first["size"]["limit"], 6_291_456);
    for (total, expected) in [(6_291_455, "inline"), (6_291_456, "link"), (6_291_457, "link")] {
        let answer = decided(&service, json!({"request": "R", "message_size": total - images})).await;
        assert_eq!(answer["size"]["total"], total);
        assert_eq!(
            (&answer["images"], &answer["emails"][0]["attachments"][0]["rendering"]),
            (&json!(expected), &json!(expected))
        );
    }
}

async fn the_encoded_size_is_that_of_the_very_part(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", "%E5%9B%BE%20%22one%22.png", "image/png", PNG).await;
    let answer = decided(&service, json!({"request": "R", "message_size": 0})).await;
    let shown = &answer["emails"][0]["attachments"][0];
    let content = service.get(&format!("{}/attachments/a1/content", comment_path("c1"))).await.ok(200);
    assert_eq!(&content.body[..], PNG);

    let mut part = format!("--{}\r\n{}\r\n", "b".repeat(70), shown["mime_headers"].as_str().unwrap());
    let base64 = base64::engine::general_purpose::STANDARD.encode(&content.body);
    for line in base64.as_bytes().chunks(76) {
        part.push_str(std::str::from_utf8(line).unwrap());
        part.push_str("\r\n");
    }
    assert_eq!(shown["encoded_size"], part.len());
    assert_eq!(answer["size"]["images"], part.len());
    assert!(part.is_ascii());
    assert!(part.contains(&format!("Content-ID: <{}>", shown["content_id"].as_str().unwrap())), "{part}");
}

async fn only_bytes_make_an_image(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "svg", "x.svg", "image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>").await;
    service.attach("c1", "fake", "x.png", "image/png", "not a png").await;
    service.attach("c1", "html", "x.html", "text/html", "<p>").await;
    let answer = decided(&service, json!({"request": "R", "message_size": 1})).await;
    assert_eq!((&answer["images"], &answer["size"]["images"]), (&json!("none"), &json!(0)));
    for shown in answer["emails"][0]["attachments"].as_array().unwrap() {
        assert_eq!(shown["rendering"], "link");
    }
    service.attach("c1", "real", "x.bin", "application/octet-stream", PNG).await;
    let answer = decided(&service, json!({"request": "R", "message_size": 1})).await;
    assert_eq!(answer["images"], "inline");
    let shown = &answer["emails"][0]["attachments"][3];
    assert_eq!(
        (&shown["id"], &shown["rendering"], &shown["media_type"]),
        (&json!("real"), &json!("inline"), &json!("image/png"))
    );
}

async fn an_inline_image_shows_in_either_mode(on: Keeps) {
    let service = on.service().await;
    service.site("acme").await;
    service.attach("c1", "a1", "x.png", "image/png", PNG).await;
    let answer = decided(&service, json!({"request": "R", "message_size": 1})).await;
    assert_eq!((&answer["mode"], &answer["images"]), (&json!("portal_login"), &json!("inline")));
    let large = decided(&service, json!({"request": "R", "message_size": 6_291_456})).await;
    assert_eq!(large["emails"][0]["attachments"][0]["access"], "portal_login");
}

async fn every_recipient_gets_links_of_their_own_in_the_order_asked_for(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    for id in ["a3", "a1", "a2"] {
        service.attach("c1", id, "x.txt", "text/plain", id.to_owned()).await;
    }
    let answer = decided(&service, json!({"request": "R", "message_size": 1, "recipients": ["r-2", "r-1"]})).await;
    let ids = |email: &Value| -> Vec<String> {
        email["attachments"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()).collect()
    };
    let emails = answer["emails"].as_array().unwrap();
    assert_eq!(emails.iter().map(|e| e["recipient"].as_str().unwrap()).collect::<Vec<_>>(), ["r-2", "r-1"]);
    assert_eq!(ids(&emails[0]), ["a3", "a1", "a2"], "the order of registration");
    let mut urls = std::collections::HashSet::new();
    for email in emails {
        for shown in email["attachments"].as_array().unwrap() {
            let reply = service.open(shown["url"].as_str().unwrap()).await.ok(200);
            assert_eq!(reply.body, shown["id"].as_str().unwrap());
            assert!(urls.insert(shown["url"].to_string()));
            let link = service.get(&format!("/sites/acme/links/{}", shown["link_id"].as_str().unwrap())).await.json();
            assert_eq!(link["recipient"], email["recipient"]);
        }
    }
    let some = decided(&service, json!({"request": "R", "message_size": 1, "attachments": ["a2", "a3"]})).await;
    assert_eq!(ids(&some["emails"][0]), ["a2", "a3"]);
    assert_eq!(some["emails"][0]["recipient"], Value::Null);
    let none = decided(&service, json!({"request": "R", "message_size": 1, "attachments": []})).await;
    assert_eq!((&none["images"], ids(&none["emails"][0])), (&json!("none"), vec![]));
}

async fn wrong_bodies_say_which_field_and_why(on: Keeps) {
    let service = on.service().await;
    service.acme().await;
    service.attach("c1", "a1", "x.txt", "text/plain", "x").await;
    let many: Vec<String> = (0..10_001).map(|n| format!("r-{n}")).collect();
    for (body, field) in [
        (json!({"request": "R"}), "message_size"),
        (json!({"message_size": 1}), "request"),
        (json!({"request": "R", "message_size": -1}), "message_size"),
        (json!({"request": "R", "message_size": 1.5}), "message_size"),
        (json!({"request": "R", "message_size": 9_007_199_254_740_992_u64}), "message_size"),
        (json!({"request": "R", "message_size": "1"}), "message_size"),
        (json!({"request": "a/b", "message_size": 1}), "request"),
        (json!({"request": "R", "message_size": 1, "recipients": [""]}), "recipients"),
        (json!({"request": "R", "message_size": 1, "recipients": many}), "recipients"),
        (json!({"request": "R", "message_size": 1, "attachments": ["a1", "a1"]}), "attachments"),
        (json!({"request": "R", "message_size": 1, "recipient": ["r"]}), "recipient"),
    ] {
        let reply = service.post(&notifications("c1"), body.clone()).await;
        reply.refused(422, "invalid_request");
        assert!(reply.json()["field"].as_str().unwrap().starts_with(field), "{field}: {:?}", reply.body);
    }
    let unknown = json!({"request": "R", "message_size": 1, "attachments": ["a1", "a9"]});
    let reply = service.post(&notifications("c1"), unknown).await;
    reply.refused(422, "attachment_not_found");
    assert!(reply.json()["detail"].as_str().unwrap().contains("a9"));
    for exact in ["1e3", "1000.0"] {
        let body = format!("{{\"request\": \"R\", \"message_size\": {exact}}}");
        let answer = decided(&service, serde_json::from_str(&body).unwrap()).await;
        assert_eq!(answer["size"]["message"], 1000, "{exact}");
    }
    let largest = json!({"request": "R", "message_size": 9_007_199_254_740_991_u64});
    service.post(&notifications("c1"), largest).await.ok(200);
    service
        .post("/sites/none/projects/P/comments/c/notifications", json!({"request": "R", "message_size": 1}))
        .await
        .refused(404, "site_not_found");
}
