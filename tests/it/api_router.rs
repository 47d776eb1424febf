//! The api listener's router on a real database and a real directory, without sockets.

use std::sync::Arc;

use attachlink::app::{App, AppSettings};
use attachlink::clock::SettableClock;
use attachlink::domain::access::Binding;
use attachlink::domain::email::DEFAULT_INLINE_LIMIT;
use attachlink::domain::portal::AutomaticAddresses;
use attachlink::domain::token::{self, API_KEY_PREFIX};
use attachlink::http::api;
use attachlink::liveness::Downloads;
use attachlink::login::{Login, PortalKey, ProviderAddresses};
use attachlink::metrics::Metrics;
use attachlink::objects::ObjectStore;
use attachlink::store::{Migrate, NewKey, Store};
use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;
use time::macros::datetime;
use tower::ServiceExt as _;

/// When every test begins.
const START: time::OffsetDateTime = datetime!(2026-11-21 10:00:00.7 UTC);

pub struct Api {
    pub app: Arc<App>,
    pub clock: Arc<SettableClock>,
    pub dir: TempDir,
    router: Router,
    /// A key that is bound to nothing, with both scopes.
    pub all: String,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: bytes::Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.body))
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        self
    }

    /// It is a problem of this status, code and, where one is named, field.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str, field: Option<&str>) {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem = self.json();
        assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()), "{problem}");
        assert_eq!(problem.get("field").and_then(Value::as_str), field, "{problem}");
    }
}

impl Api {
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    pub async fn start_with(max_upload_octets: Option<u64>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        let store = Store::open(&url.parse().unwrap(), Migrate::Yes).await.unwrap();
        let objects = ObjectStore::local(&dir.path().join("objects"), true).unwrap();
        let clock = SettableClock::at(START);
        let (calls, declared) = api::answering();
        let metrics = Arc::new(Metrics::new(&declared).unwrap());
        let downloads = Downloads::new(Arc::clone(&metrics));
        let public_url = "https://files.acme.example".to_owned();
        let api_url = "https://api.acme.example".to_owned();
        let automatic_addresses = AutomaticAddresses::default();
        let settings = AppSettings {
            public_url,
            api_url,
            inline_limit: DEFAULT_INLINE_LIMIT,
            automatic_addresses,
            max_upload_octets,
        };
        let login = Login::with(Some(PortalKey::of("a key of the tests")), ProviderAddresses::default());
        let app = Arc::new(App { store, objects, clock: clock.clone(), metrics, settings, downloads, login });
        let router = api::router(calls, Arc::clone(&app));
        let mut api = Self { app, clock, dir, router, all: String::new() };
        api.all = api.key(true, true, Binding::Unbound).await;
        api
    }

    pub async fn key(&self, notify: bool, admin: bool, binding: Binding) -> String {
        let minted = token::mint(API_KEY_PREFIX, START);
        let new = NewKey { id: minted.id, hash: minted.hash, notify, admin, binding };
        self.app.store.create_key(&new, START).await.unwrap();
        minted.reveal().to_owned()
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status, headers: head.headers, body }
    }

    pub async fn call_as(&self, key: &str, method: Method, path: &str, body: Option<&str>) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        self.send(request.body(Body::from(body.unwrap_or_default().to_owned())).unwrap()).await
    }

    pub async fn put(&self, path: &str, body: &str) -> Reply {
        self.call_as(&self.all, Method::PUT, path, Some(body)).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Reply {
        self.call_as(&self.all, Method::POST, path, Some(body)).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call_as(&self.all, Method::GET, path, None).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.call_as(&self.all, Method::DELETE, path, None).await
    }

    pub async fn upload(&self, path: &str, media_type: Option<&str>, body: impl Into<Body>) -> Reply {
        let mut request = Request::put(path).header("authorization", format!("Bearer {}", self.all));
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Every file of the object directory: nothing of an upload may be left when it failed.
    pub fn files(&self) -> Vec<std::path::PathBuf> {
        let mut files = Vec::new();
        let mut dirs = vec![self.dir.path().join("objects")];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() { dirs.push(entry.path()) } else { files.push(entry.path()) }
            }
        }
        files
    }
}
