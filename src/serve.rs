//! The composition root: configuration → state → listeners → shutdown.

mod descriptors;
mod first_key;
mod lock;
mod portal_key;
mod private_file;
mod run;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::app::{App, AppSettings};
use crate::clock::SharedClock;
use crate::config::{Config, ObjectsLocation};
use crate::domain::attachment::HISTORY;
use crate::domain::token::LinkId;
use crate::edge::{self, Accepted, Edge, Places, ReadToTheEnd};
use crate::history;
use crate::http::public::{Guesses, ObjectCache, Pages, Public, PublicService};
use crate::http::{api, ops};
use crate::liveness::{
    AskedBy, AtOnce, Batcher, CutReason, Downloads, Kept, LivenessQuery, PortalAnswer, PortalQuery, Questions, by_link,
    link_at_once, sweep_until,
};
use crate::login::Login;
use crate::metrics::Metrics;
use crate::objects::ObjectStore;
use crate::store::{LivenessRow, Migrate, Store};

pub use run::run;

/// How long resetting what is left after the drain deadline may take.
const RESET_TIME: Duration = Duration::from_secs(2);
/// Threads that may wait for disks, of all public runtimes: as many as tokio lets one runtime have. When a disk or a network
/// file system hangs, all are taken, and a process has a bounded number of threads.
const MOST_BLOCKING_THREADS: usize = 512;
/// Of one public runtime at least.
const LEAST_BLOCKING_THREADS: usize = 16;

/// A service that runs.
pub struct Running {
    /// Where recipients' links lead.
    pub public_addr: SocketAddr,
    /// Where the help desk calls.
    pub api_addr: SocketAddr,
    /// Where operators look.
    pub ops_addr: SocketAddr,
    /// The base of the links that it issues.
    pub public_url: String,
    app: Arc<App>,
    listeners: TaskTracker,
    background: TaskTracker,
    stop: CancellationToken,
    reset: CancellationToken,
    stop_background: CancellationToken,
    drain: Duration,
    _lock: Option<lock::ServeLock>,
}

/// Starts the whole service and returns once it answers.
///
/// # Errors
/// Whatever keeps it from starting, with the setting to change.
pub async fn start(config: Config, clock: SharedClock) -> anyhow::Result<Running> {
    start_around(config, clock, |query| query).await
}

/// As [`start`], with something put around the liveness statements: tests make the database slow or silent there.
///
/// # Errors
/// As [`start`].
pub async fn start_around(
    config: Config,
    clock: SharedClock,
    around: impl FnOnce(LivenessQuery) -> LivenessQuery,
) -> anyhow::Result<Running> {
    let lock = lock::ServeLock::take(&config.database.url)?;
    let store = open_store(&config).await?;
    let objects = open_objects(&config, &store, clock.now()).await?;
    history::compare(&store, &objects).await.context("cannot tell whether the database was restored from a backup")?;
    // A restored one may take for left over what was registered after its backup.
    if config.database.url.file().is_some() && !store.is_restored() {
        store.doom_leftovers().await?;
    }
    first_key::make_if_none(&store, &config.data_dir, clock.now()).await?;

    let public_listeners = edge::bind_group(config.public.listen, public_threads())
        .with_context(|| format!("cannot listen on {} (public_listen)", config.public.listen))?;
    let api_listener = edge::bind(config.api.listen)
        .with_context(|| format!("cannot listen on {} (api_listen)", config.api.listen))?;
    let ops_listener = edge::bind(config.ops.listen)
        .with_context(|| format!("cannot listen on {} (ops_listen)", config.ops.listen))?;
    let public_addr = public_listeners.first().context("no public listener")?.local_addr()?;
    let (api_addr, ops_addr) = (api_listener.local_addr()?, ops_listener.local_addr()?);

    let (calls, declared) = api::answering();
    let metrics = Arc::new(Metrics::new(&declared)?);
    let public_url = base(config.public.url.as_ref(), public_addr);
    let settings = AppSettings {
        public_url: public_url.clone(),
        api_url: base(config.api.url.as_ref(), api_addr),
        inline_limit: config.email.inline_limit,
        automatic_addresses: config.portal.automatic_addresses.clone(),
        max_upload_octets: config.api.max_upload_octets,
    };
    let downloads = Downloads::new(Arc::clone(&metrics));
    let login = Login::with(portal_key::of(&config)?, config.portal.provider_addresses);
    let app = Arc::new(App { store, objects, clock, metrics, settings, downloads, login });

    let running = Running {
        public_addr,
        api_addr,
        ops_addr,
        public_url,
        app: Arc::clone(&app),
        listeners: TaskTracker::new(),
        background: TaskTracker::new(),
        stop: CancellationToken::new(),
        reset: CancellationToken::new(),
        stop_background: CancellationToken::new(),
        drain: config.downloads.drain,
        _lock: lock,
    };
    let cache = ObjectCache::new(config.downloads.cache_octets, descriptors::most());
    let (links, logins) = (around(liveness_query(&app)), login_query(&app));
    let questions = |by| Questions { links: by_link(&links, by), logins: Arc::clone(&logins) };
    running.start_background(&cache, questions(AskedBy::Sweep));
    let at_once = link_at_once(&links);
    running.start_public(public_listeners, &config, &cache, &questions(AskedBy::Batcher), &at_once)?;
    running.start_router("api", api_listener, &config, api::router(calls, Arc::clone(&app)))?;
    running.start_router("ops", ops_listener, &config, ops::router(app))?;
    for (listener, address) in [("public", public_addr), ("api", api_addr), ("ops", ops_addr)] {
        tracing::info!(listener, %address, "listening");
    }
    Ok(running)
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let migrate = if config.database.migrate { Migrate::Yes } else { Migrate::No };
    let store = Store::open_with(&config.database.url, &config.database.server, migrate).await;
    store.context("cannot open the database (database_url)")
}

async fn connect_objects(config: &Config, make: bool) -> anyhow::Result<ObjectStore> {
    let objects = match &config.objects.location {
        ObjectsLocation::Local(dir) => ObjectStore::local(dir, make).map_err(anyhow::Error::from),
        ObjectsLocation::S3(settings) => ObjectStore::s3(settings).await.map_err(anyhow::Error::from),
    };
    objects.context("cannot open the object store (objects)")
}

/// Opens the object store of a database that has revoked anything, and so has left a mark there. What was there once is not
/// made anew in its place, as where a volume is not mounted.
///
/// # Errors
/// Why it cannot be used, with the setting to change; that it cannot be the one.
pub(crate) async fn known_objects(config: &Config) -> anyhow::Result<ObjectStore> {
    if let ObjectsLocation::Local(dir) = &config.objects.location {
        let marks = dir.join(HISTORY);
        anyhow::ensure!(
            marks.try_exists().unwrap_or(true),
            "there is no folder {} (objects), where this database has left marks of revocations: is the volume mounted? To \
             go on with another directory, make that folder, and give it to the service's user",
            marks.display()
        );
    }
    connect_objects(config, false).await
}

/// Opens the object store in force, which a service or a command is to work with.
///
/// # Errors
/// Why it cannot be used, with the setting to change; where it cannot be the one that this database belongs to.
pub(crate) async fn open_objects(config: &Config, store: &Store, now: OffsetDateTime) -> anyhow::Result<ObjectStore> {
    let is_known = store.newest_mark().await.context("cannot read the database (database_url)")?.is_some();
    let objects = if is_known { known_objects(config).await } else { connect_objects(config, true).await }?;
    objects.ping().await.context("the object store (objects) cannot be used")?;
    let begun = objects.begin_history();
    begun.with_context(|| format!("cannot write to the folder {HISTORY} of the object store (objects)"))?;
    let litter = objects.remove_litter(now).await.context("the object store (objects) cannot be cleaned")?;
    if litter > 0 {
        tracing::info!(litter, "removed what unfinished uploads had left");
    }
    Ok(objects)
}

fn liveness_query(app: &App) -> LivenessQuery {
    let store = app.store.clone();
    let kept = Arc::new(Kept::new(store.clone(), Arc::clone(&app.metrics)));
    Arc::new(move |asked| match asked.by {
        AskedBy::Request => Box::pin(std::future::ready(Ok(kept.rows_at_once(&asked.links)))),
        AskedBy::Batcher => {
            let kept = Arc::clone(&kept);
            Box::pin(async move { Ok(kept.rows(asked.links.into_vec()).await?.into()) })
        }
        AskedBy::Sweep => {
            let store = store.clone();
            Box::pin(async move { Ok(store.liveness(&asked.links).await?.into_iter().map(Arc::new).collect()) })
        }
    })
}

fn login_query(app: &App) -> PortalQuery {
    let (store, automatic) = (app.store.clone(), Arc::new(app.settings.automatic_addresses.clone()));
    Arc::new(move |asked| {
        let (store, automatic) = (store.clone(), Arc::clone(&automatic));
        Box::pin(async move {
            let known = store.download_facts(&asked).await?;
            let answers = known.into_iter().map(|(asked, known)| {
                let answer = PortalAnswer::of(&asked, known, &automatic);
                (asked, Arc::new(answer))
            });
            Ok(answers.collect())
        })
    })
}

fn public_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn base(url: Option<&url::Url>, address: SocketAddr) -> String {
    match url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{address}"),
    }
}

impl Running {
    fn edge(&self, config: &Config, listener: &'static str) -> Edge {
        Edge {
            patience: config.edge.patience,
            connections: Arc::new(Semaphore::new(config.edge.max_connections)),
            places: Places::new(config.edge.max_connections_per_client, config.edge.proxies.clone()),
            stop: self.stop.clone(),
            reset: self.reset.clone(),
            metrics: self.app.metrics.listener(listener),
        }
    }

    fn start_background(&self, cache: &ObjectCache, questions: Questions) {
        let stop = &self.stop_background;
        let downloads = Arc::clone(&self.app.downloads);
        self.background.spawn(sweep_until(stop.clone(), downloads, questions));
        self.background.spawn(crate::purge::purge_until(stop.clone(), Arc::clone(&self.app)));
        self.background.spawn(history::keep_until(stop.clone(), Arc::clone(&self.app)));
        self.background.spawn(upkeep::files_until(stop.clone(), Arc::clone(&self.app), cache.clone()));
        self.background.spawn(upkeep::histograms_until(stop.clone(), Arc::clone(&self.app.metrics)));
    }

    /// One thread with a runtime and a listener of its own for each core: no request crosses threads
    /// (docs/ARCHITECTURE.md).
    fn start_public(
        &self,
        listeners: Vec<std::net::TcpListener>,
        config: &Config,
        cache: &ObjectCache,
        questions: &Questions,
        at_once: &AtOnce<LinkId, LivenessRow>,
    ) -> anyhow::Result<()> {
        let edge = self.edge(config, "public");
        let pages = Arc::new(Pages::new(config.brand.clone())?);
        let guesses = Arc::new(Guesses::new(config.public.not_found));
        self.background.spawn(upkeep::guesses_until(self.stop_background.clone(), Arc::clone(&guesses)));
        let blocking_threads = (MOST_BLOCKING_THREADS / listeners.len().max(1)).max(LEAST_BLOCKING_THREADS);
        for (number, listener) in listeners.into_iter().enumerate() {
            let (app, edge, cache) = (Arc::clone(&self.app), edge.clone(), cache.clone());
            let pages = Arc::clone(&pages);
            let (questions, deadline) = (questions.clone(), config.downloads.liveness_deadline);
            let at_once = Arc::clone(at_once);
            let (proxies, guesses) = (config.edge.proxies.clone(), Arc::clone(&guesses));
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().max_blocking_threads(blocking_threads).build()?;
            let alive = self.listeners.token();
            std::thread::Builder::new().name(format!("public-{number}")).spawn(move || {
                runtime.block_on(async {
                    let batcher = Batcher::start(questions.links, deadline, Arc::clone(&app.metrics)).after(at_once);
                    let logins = Batcher::start(questions.logins, deadline, Arc::clone(&app.metrics));
                    let public = Arc::new(Public { app, batcher, logins, cache, pages, proxies, guesses });
                    let service = |accepted: &Accepted| {
                        let service = PublicService::new(&public, accepted);
                        let front = service.front();
                        (service, Some(front))
                    };
                    match tokio::net::TcpListener::from_std(listener) {
                        Ok(listener) => edge::serve(listener, edge, service).await,
                        Err(error) => tracing::error!(%error, "a public listener could not start"),
                    }
                });
                drop(alive);
            })?;
        }
        Ok(())
    }

    fn start_router(
        &self,
        name: &'static str,
        listener: std::net::TcpListener,
        config: &Config,
        router: axum::Router,
    ) -> anyhow::Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let edge = self.edge(config, name);
        self.listeners.spawn(edge::serve(listener, edge, move |accepted: &Accepted| {
            let watch = Arc::clone(&accepted.watch);
            let router = router.clone().map_request(move |request| ReadToTheEnd::around(request, Arc::clone(&watch)));
            (hyper_util::service::TowerToHyperService::new(router), None)
        }));
        Ok(())
    }

    /// The service's state, for whoever runs it in their own process.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Stops accepting, lets what runs end until the drain deadline, then resets what is left.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.listeners.close();
        // The sweep goes on meanwhile: a revocation still cuts.
        if tokio::time::timeout(self.drain, self.listeners.wait()).await.is_err() {
            tracing::warn!(downloads = self.app.downloads.count(), "the drain deadline has passed: resetting");
            self.app.downloads.cut_all(CutReason::Shutdown);
            self.reset.cancel();
            if tokio::time::timeout(RESET_TIME, self.listeners.wait()).await.is_err() {
                tracing::error!("some connections could not be reset in time");
            }
        }
        self.stop_background.cancel();
        self.background.close();
        self.background.wait().await;
        self.app.store.close().await;
        tracing::info!("stopped");
    }
}
