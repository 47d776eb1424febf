//! A store that cannot be used says at the start which setting to change.

use attachlink::objects::{KeyPair, ObjectStore, S3Settings};

use super::server::S3Server;

async fn refusal(settings: &S3Settings) -> String {
    let error = ObjectStore::s3(settings).await.expect_err("it cannot be used");
    format!("{:#}", anyhow::Error::new(error))
}

async fn a_missing_bucket(server: S3Server) {
    let text = refusal(&server.settings("no-such-bucket-here", "")).await;
    assert!(text.contains("no-such-bucket-here") && text.contains("ATTACHLINK_OBJECTS"), "{text}");
}

async fn wrong_keys(server: S3Server) {
    let bucket = server.fresh_bucket().await;
    let mut settings = server.settings(&bucket, "");
    let wrong = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (id, secret) in [(server.id.as_str(), wrong), ("GK0123456789abcdef01234567", wrong)] {
        settings.key_pair = Some(KeyPair { id: id.to_owned(), secret: secret.to_owned(), session_token: None });
        let text = refusal(&settings).await;
        assert!(text.contains("AWS_ACCESS_KEY_ID") && text.contains(&bucket), "{text}");
        assert!(!text.contains(wrong), "{text}");
    }
}

#[tokio::test]
async fn a_missing_bucket_on_moto() {
    a_missing_bucket(S3Server::moto().await).await;
}

#[tokio::test]
async fn a_missing_bucket_on_s3s() {
    a_missing_bucket(S3Server::s3s().await).await;
}

#[tokio::test]
async fn wrong_keys_on_s3s() {
    wrong_keys(S3Server::s3s().await).await;
}

mod garage {
    use super::*;

    #[tokio::test]
    async fn a_missing_bucket_is_named() {
        a_missing_bucket(S3Server::garage().await).await;
    }

    #[tokio::test]
    async fn wrong_keys_are_told() {
        wrong_keys(S3Server::garage().await).await;
    }

    #[tokio::test]
    async fn a_wrong_region_is_told() {
        let server = S3Server::garage().await;
        let bucket = server.fresh_bucket().await;
        let mut settings = server.settings(&bucket, "");
        settings.region = Some("elsewhere-1".to_owned());
        let text = refusal(&settings).await;
        assert!(text.contains("ATTACHLINK_S3_REGION"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = S3Server::s3s().await.settings("bucket", "");
    settings.endpoint = Some(format!("http://{gone}").parse().unwrap());
    let text = refusal(&settings).await;
    assert!(text.contains("ATTACHLINK_S3_ENDPOINT") && text.contains("refused"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_silent() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = S3Server::s3s().await.settings("bucket", "");
    settings.endpoint = Some(format!("http://{}", silent.local_addr().unwrap()).parse().unwrap());
    settings.read_timeout = std::time::Duration::from_millis(100);
    let text = refusal(&settings).await;
    assert!(text.contains("ATTACHLINK_S3_ENDPOINT") && text.contains("100 ms"), "{text}");
}
