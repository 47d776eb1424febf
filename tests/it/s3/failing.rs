//! A store that cannot be used says at the start which setting to change.

use std::process::{Command, Stdio};
use std::time::Duration;

use attachlink::objects::{DEFAULT_MEND_LIMIT, KeyPair, ObjectStore, S3Settings};

use super::bucket::Bucket;
use super::server::S3Server;
use crate::authority::Authority;
use crate::binary::{Background, Place};
use crate::fault_server::{FaultServer, Mood};
use crate::harness::Service;
use crate::objects_contract::soon;

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
    settings.read_timeout = Duration::from_millis(100);
    let text = refusal(&settings).await;
    assert!(text.contains("ATTACHLINK_S3_ENDPOINT") && text.contains("100 ms"), "{text}");
}

fn settings_for(endpoint: &str) -> S3Settings {
    S3Settings {
        bucket: "faulty".to_owned(),
        prefix: String::new(),
        endpoint: Some(endpoint.parse().unwrap()),
        region: None,
        key_pair: Some(KeyPair { id: "any".to_owned(), secret: "any".to_owned(), session_token: None }),
        read_timeout: Duration::from_secs(2),
        mend_limit: DEFAULT_MEND_LIMIT,
    }
}

#[tokio::test]
async fn a_key_that_may_only_read() {
    let server = FaultServer::start().await;
    server.mood(Mood::ReadOnly);
    let text = refusal(&settings_for(&server.endpoint)).await;
    assert!(text.contains("403 AccessDenied") && text.contains("list, read, write and delete"), "{text}");
}

#[tokio::test]
async fn an_https_address_of_a_server_without_tls() {
    let server = S3Server::s3s().await;
    let text = refusal(&settings_for(&server.endpoint.replace("http://", "https://"))).await;
    assert!(text.contains("ATTACHLINK_S3_ENDPOINT should begin with http://"), "{text}");
}

#[tokio::test]
async fn a_certificate_that_nobody_knows() {
    let authority = Authority::for_host("IP:127.0.0.1");
    let (key, certificate) = (authority.text("server.key"), authority.text("server.pem"));
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut server = Command::new("openssl");
    server.args(["s_server", "-www", "-quiet", "-accept", &address, "-key", &key, "-cert", &certificate]);
    let _server = Background::start(server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
    soon("it listens", || async { tokio::net::TcpStream::connect(&address).await.is_ok() }).await;
    let text = refusal(&settings_for(&format!("https://{address}"))).await;
    assert!(text.contains("SSL_CERT_FILE") && text.contains("ATTACHLINK_S3_ENDPOINT"), "{text}");
}

#[test]
fn no_credentials_at_all() {
    let place = Place::new();
    let mut serve = place.command(crate::binary::binary());
    serve.env("ATTACHLINK_OBJECTS", "s3://files").env("ATTACHLINK_S3_ENDPOINT", "http://127.0.0.1:1");
    let output = serve.env("AWS_EC2_METADATA_DISABLED", "true").arg("serve").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID_FILE", "AWS_SECRET_ACCESS_KEY_FILE"] {
        assert!(text.contains(name), "{name}: {text}");
    }
}

/// s3s checks signatures: a wrong pair would not do.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_files_too() {
    let (bucket, dir) = (Bucket::fresh(S3Server::s3s().await).await, tempfile::tempdir().unwrap());
    let mut settings = bucket.server.environment(&bucket.name);
    for (name, file) in
        [("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID_FILE"), ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY_FILE")]
    {
        let at = settings.iter().position(|(given, _)| *given == name).unwrap();
        let (_, secret) = settings.remove(at);
        std::fs::write(dir.path().join(name), format!("{secret}\n")).unwrap();
        settings.push((file, dir.path().join(name).to_str().unwrap().to_owned()));
    }
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let service = Service::start_with(&settings, |query| query).await;
    service.acme().await;
    service.attach("c1", "a1", "x.txt", "text/plain", "hello").await;
    let (url, _) = service.link("c1", "a1").await;
    assert_eq!(service.open(&url).await.ok(200).body, "hello");
}
