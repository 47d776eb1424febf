//! A standby, a read-only server, and a primary whose standby is away.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use attachlink::domain::security::{Mode, Plan};
use attachlink::store::{Migrate, ServerOptions, Store, StoreError};
use sqlx::Connection as _;

use crate::harness::Service;
use crate::postgres_server::{Cluster, Database, as_server, pause, programs};
use crate::store_contract::{NOW, alive, comment, issue_one, open_comment, plan, registered, set_mode, site};

const RELOAD: &str = "SELECT pg_reload_conf()";
const CATCH_UP: Duration = Duration::from_secs(30);

/// A streaming standby, which ends with this.
struct Standby {
    process: Child,
    port: u16,
}

impl Standby {
    /// A copy of the primary that follows it.
    fn of(primary: &Cluster) -> Self {
        let data = primary.dir().join("standby");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let mut copy = as_server(programs().join("pg_basebackup"));
        copy.args(["--host=127.0.0.1", "--username=postgres", "--checkpoint=fast", "--wal-method=stream", "--no-sync"]);
        copy.arg(format!("--port={}", primary.port())).arg("--write-recovery-conf").arg("--pgdata").arg(&data);
        assert!(copy.status().expect("pg_basebackup runs").success());
        let mut server = as_server(programs().join("postgres"));
        server.arg("-D").arg(&data).args(["-c", &format!("port={port}"), "-c", "unix_socket_directories="]);
        let process = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a standby");
        Self { process, port }
    }

    fn url(&self, database: &Database) -> String {
        format!("postgres://attachlink@127.0.0.1:{}/{}?sslmode=disable", self.port, database.name)
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        // SIGQUIT: at once, with its children.
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        let _ = self.process.wait();
    }
}

/// Opens a store on a server that is about to follow its primary.
async fn refusal(url: &str, options: &ServerOptions) -> StoreError {
    let begun = Instant::now();
    loop {
        match Store::open_with(&url.parse().unwrap(), options, Migrate::No).await {
            Ok(_) => panic!("opened"),
            Err(StoreError::Start { cause, .. }) if matches!(*cause, StoreError::ReadOnly) => return *cause,
            // It is still starting, or has not got the database yet.
            Err(error) if begun.elapsed() > CATCH_UP => panic!("{error:?}"),
            Err(_) => pause(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_standby_answers_nothing_and_a_primary_waits_for_it() {
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::own(&[])));
    let database = cluster.database().await;
    let quick = ServerOptions { statement_timeout: Duration::from_millis(500), ..ServerOptions::default() };
    let store = database.store_with(&quick).await;
    let path = open_comment(&store).await;
    registered(&store, &path, "a1").await;
    let link = issue_one(&store, &path).await;

    let standby = Standby::of(cluster);
    for behind_pooler in [false, true] {
        refusal(&standby.url(&database), &ServerOptions { behind_pooler, ..quick }).await;
    }

    // A commit is answered only when the standby has it too.
    cluster.say(&["ALTER SYSTEM SET synchronous_standby_names = '*'", RELOAD]).await;
    store.delete_comment(&comment("acme", "SUP", "c2"), NOW).await.unwrap();
    drop(standby);
    let unanswered = store.delete_comment(&path, NOW).await;
    assert!(unanswered.is_err(), "on this server's disk alone: not answered");
    let again = store.delete_comment(&path, NOW).await;
    assert!(again.is_err(), "nor is a repeated one, though the tombstone may be visible");
    cluster.say(&["SET synchronous_commit = local", "ALTER SYSTEM RESET synchronous_standby_names", RELOAD]).await;
    store.delete_comment(&path, NOW).await.unwrap();
    assert!(!alive(&store, link).await);
}

/// What stands in for a pooler: new connections go where it leads at the time.
async fn leading_to(port: Arc<AtomicU16>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let to = port.load(Ordering::SeqCst);
            tokio::spawn(async move {
                let mut to = tokio::net::TcpStream::connect(("127.0.0.1", to)).await?;
                tokio::io::copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    own
}

/// It holds the last revocations a little later: that is no restored database.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_standby_that_lags_is_not_taken_for_a_restored_database() {
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::own(&[])));
    let database = cluster.database().await;
    let store = database.store().await;
    let path = open_comment(&store).await;
    let standby = Standby::of(cluster);
    let options = ServerOptions { behind_pooler: true, ..ServerOptions::default() };
    refusal(&standby.url(&database), &options).await;
    let admin = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", standby.port);
    let mut admin = sqlx::PgConnection::connect(&admin).await.unwrap();
    sqlx::raw_sql("SELECT pg_wal_replay_pause()").execute(&mut admin).await.unwrap();

    let leads_to = Arc::new(AtomicU16::new(cluster.port()));
    let pooler = leading_to(Arc::clone(&leads_to)).await;
    let url = format!("postgres://attachlink@127.0.0.1:{pooler}/{}?sslmode=disable", database.name);
    let through = Store::open_with(&url.parse().unwrap(), &options, Migrate::No).await.unwrap();
    through.delete_comment(&path, NOW).await.unwrap();
    assert!(through.newest_mark().await.unwrap().is_some());
    leads_to.store(standby.port, Ordering::SeqCst);
    // Another runtime opens a connection of its own.
    let elsewhere = through.clone();
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(elsewhere.newest_mark())
    });
    let asked = tokio::task::spawn_blocking(|| asked.join().unwrap()).await.unwrap();
    assert!(matches!(asked, Err(StoreError::ReadOnly)), "{asked:?}");
    assert!(!through.is_restored());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_turns_read_only_is_refused_and_named() {
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::own(&[])));
    for pooler in ["none", "transaction"] {
        let database = cluster.database().await;
        let url = database.url();
        let settings = [("ATTACHLINK_DATABASE_URL", &*url), ("ATTACHLINK_DATABASE_POOLER", pooler)];
        let service = Service::start_with(&settings, |query| query).await;
        service.acme().await;
        service.attach("c1", "a1", "log.txt", "text/plain", "hello").await;
        let (link, _) = service.link("c1", "a1").await;
        service.open(&link).await.ok(200);

        cluster.say(&["ALTER SYSTEM SET default_transaction_read_only = on", RELOAD]).await;
        let begun = Instant::now();
        while service.open(&link).await.status.as_u16() == 200 {
            assert!(begun.elapsed() < CATCH_UP, "still served");
            pause();
        }
        service.open(&link).await.refused(503, "unavailable");
        service.delete("/sites/acme").await.refused(503, "unavailable");
        let ready = service.open(&format!("http://{}/readyz", service.running.ops_addr)).await.ok(503).json();
        assert_eq!(ready["database"], "its server is a standby, or read-only");
        let store = &service.running.app().store;
        let written = store.set_mode(&site("acme"), &"SUP".parse().unwrap(), Mode::PortalLogin, NOW).await;
        assert!(matches!(written, Err(StoreError::ReadOnly)), "{written:?}");

        cluster.say(&["ALTER SYSTEM RESET default_transaction_read_only", RELOAD]).await;
        let begun = Instant::now();
        while service.open(&link).await.status.as_u16() != 200 {
            assert!(begun.elapsed() < CATCH_UP, "not served again");
            pause();
        }
        assert_eq!(plan(store, "acme", Plan::Standard).await.switched_off, []);
        assert!(set_mode(store, ("acme", "SUP"), Mode::PortalLogin).await);
    }
}
