//! Connections to the server, kept for reuse.
//!
//! sqlx's own pool asks the server once more each time a connection is given back, and waits for that without a bound:
//! one that a firewall forgot keeps its place for ever. Here a connection goes back only when its last statement was
//! answered, and is closed at once otherwise, also when its caller stops waiting.
//!
//! A connection is used on the runtime that opened it: its socket is driven by that runtime's reactor. So each runtime,
//! which means each public thread, has connections of its own, and no answer crosses threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::runtime::{Handle, Id};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answers::{has_no_room, is_lost, silent};
use super::session;
use crate::domain::mark::Mark;
use crate::store::history::Restored;

/// Of each runtime, for liveness: a batcher has two statements under way (`liveness/batch.rs`).
const LIVENESS_CONNECTIONS: usize = 2;
/// With more threads than this each has one: so many statements at once keep a server busy, and a server takes 100
/// connections by default.
const MOST_THREADS_WITH_ALL: usize = 16;
/// Of each public thread, for the pages of dead links.
const ORDINARY_OF_A_THREAD: usize = 1;
/// How long a statement waits for a connection to be free.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long opening one may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// One that was idle for longer is tried before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How long trying may take.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(1);
/// For so long after a server said that it takes no further connection it is not asked for one by those who have some.
const FULL_FOR: Duration = Duration::from_secs(1);
/// They look so often whether one of theirs is idle, should nobody wake them.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// One that was idle for longer is closed.
const IDLE_LIMIT: Duration = Duration::from_mins(5);
/// One that is older is not used again: the server frees what it keeps for it, and a balancer can spread anew.
const AGE_LIMIT: Duration = Duration::from_mins(30);

/// The connections of this process.
pub(super) struct Pool {
    options: PgConnectOptions,
    /// Whether the server's name may lead to another server with each transaction.
    behind_pooler: bool,
    /// The runtime that opened the store: the API's and the background's.
    home: Id,
    /// Its connections for everything but liveness.
    home_size: usize,
    /// The newest revocation that the database is known to hold, and what becomes of one that does not.
    newest: Mutex<Option<Mark>>,
    restored: Restored,
    shares: Mutex<HashMap<Id, Arc<Share>>>,
}

/// What a connection is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Liveness, which has places of its own: however busy the API is, downloads do not wait for it.
    Liveness,
    /// Everything else.
    Ordinary,
}

/// The connections of one runtime.
struct Share {
    liveness: Arc<Semaphore>,
    ordinary: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    /// How many are in use. Changed only while `idle` is locked.
    leased: AtomicUsize,
    /// When the server said that it takes no further connection.
    full: Mutex<Option<Instant>>,
    given_back: Notify,
    closed: AtomicBool,
}

struct Idle {
    connection: PgConnection,
    opened: Instant,
    since: Instant,
}

/// A connection in use.
pub(super) struct Lease {
    connection: Option<PgConnection>,
    opened: Instant,
    /// Whether it was used before: it may have died since.
    pub(super) reused: bool,
    /// Whether its last statement was answered, so that another may follow.
    sound: bool,
    share: Arc<Share>,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool without connections yet. The runtime that this is called on gets `home_size`, besides those for liveness.
    pub(super) fn new(options: PgConnectOptions, behind_pooler: bool, home_size: usize, restored: Restored) -> Self {
        let (home, newest, shares) = (Handle::current().id(), Mutex::default(), Mutex::default());
        Self { options, behind_pooler, home, home_size, newest, restored, shares }
    }

    fn share(&self) -> Arc<Share> {
        let here = Handle::current().id();
        let ordinary = if here == self.home { self.home_size } else { ORDINARY_OF_A_THREAD };
        let share = || {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let liveness = if threads > MOST_THREADS_WITH_ALL { 1 } else { LIVENESS_CONNECTIONS };
            Arc::new(Share::new(liveness, ordinary))
        };
        Arc::clone(self.shares.lock().entry(here).or_insert_with(share))
    }

    /// A connection of this runtime, a new one where none is idle. Where the server takes no further one, those that there
    /// are have to do, in turn.
    pub(super) async fn lease(&self, turn: Turn) -> Result<Lease, sqlx::Error> {
        let share = self.share();
        let places = match turn {
            Turn::Liveness => &share.liveness,
            Turn::Ordinary => &share.ordinary,
        };
        let begun = Instant::now();
        loop {
            let place = timeout(TURN_TIMEOUT, Arc::clone(places).acquire_owned()).await;
            let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
            let Some(Idle { connection, opened, since }) = share.take_idle() else {
                match self.open(&share).await? {
                    Some(connection) => {
                        share.leased.fetch_add(1, Ordering::SeqCst);
                        return Ok(Lease::new(connection, Instant::now(), false, share, place));
                    }
                    None if begun.elapsed() < TURN_TIMEOUT => {
                        let _ = timeout(LOOK_INTERVAL, share.given_back.notified()).await;
                        continue;
                    }
                    None => return Err(sqlx::Error::PoolTimedOut),
                }
            };
            let mut lease = Lease::new(connection, opened, true, Arc::clone(&share), place);
            if since.elapsed() < TRUSTED_IDLE || lease.answers().await {
                return Ok(lease);
            }
            // What happened to this one has most likely happened to the others.
            share.forget_idle();
        }
    }

    /// Opens a new connection. `None` where the server takes no further one and this runtime has some.
    async fn open(&self, share: &Share) -> Result<Option<PgConnection>, sqlx::Error> {
        if share.is_known_full() {
            return Ok(None);
        }
        let newest = *self.newest.lock();
        let opened = timeout(OPEN_TIMEOUT, session::open_and_compare(&self.options, self.behind_pooler, newest)).await;
        let (connection, holds) = match opened.map_err(|_| silent())? {
            Err(error) if has_no_room(&error) => {
                *share.full.lock() = Some(Instant::now());
                return if share.has_any() { Ok(None) } else { Err(error) };
            }
            opened => opened?,
        };
        if !holds {
            tracing::error!(
                "the database does not hold a revocation that it held before: it was restored from a backup"
            );
            self.restored.set(true);
            // From here on the object store's marks decide (history.rs).
            *self.newest.lock() = None;
        }
        Ok(Some(connection))
    }

    /// The database holds this mark.
    pub(super) fn remember(&self, mark: Mark) {
        *self.newest.lock() = Some(mark);
    }

    /// Closes the idle connections of this runtime: one was lost, and a server that restarts loses all.
    pub(super) fn forget_idle(&self) {
        self.share().forget_idle();
    }

    /// Closes all connections, those in use once they are given back. No other can be had.
    pub(super) async fn close(&self) {
        let shares: Vec<Arc<Share>> = self.shares.lock().values().cloned().collect();
        for share in shares {
            share.closed.store(true, Ordering::Release);
            share.liveness.close();
            share.ordinary.close();
            let idle = std::mem::take(&mut *share.idle.lock());
            for idle in idle {
                // Politely, so that the server's log has no complaint; a server that is gone need not answer.
                let _ = timeout(TRIAL_TIMEOUT, idle.connection.close()).await;
            }
        }
    }
}

impl Share {
    fn new(liveness: usize, ordinary: usize) -> Self {
        Self {
            liveness: Arc::new(Semaphore::new(liveness)),
            ordinary: Arc::new(Semaphore::new(ordinary)),
            idle: Mutex::default(),
            leased: AtomicUsize::new(0),
            full: Mutex::default(),
            given_back: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }

    fn has_any(&self) -> bool {
        let idle = self.idle.lock();
        !idle.is_empty() || self.leased.load(Ordering::SeqCst) > 0
    }

    fn is_known_full(&self) -> bool {
        self.full.lock().is_some_and(|said| said.elapsed() < FULL_FOR) && self.has_any()
    }

    /// An idle one, which counts as in use from here on.
    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.idle.lock();
        // The one used last lies on top; what lies below it for long is more than is needed.
        let needed = idle.iter().position(|idle| idle.since.elapsed() < IDLE_LIMIT).unwrap_or(idle.len());
        let unneeded: Vec<Idle> = idle.drain(..needed).collect();
        let taken = idle.pop();
        self.leased.fetch_add(usize::from(taken.is_some()), Ordering::SeqCst);
        drop(idle);
        drop(unneeded);
        taken
    }

    fn forget_idle(&self) {
        let forgotten = std::mem::take(&mut *self.idle.lock());
        drop(forgotten);
    }
}

impl Lease {
    fn new(
        connection: PgConnection,
        opened: Instant,
        reused: bool,
        share: Arc<Share>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { connection: Some(connection), opened, reused, sound: true, share, _place: place }
    }

    /// The connection, for one statement. Unless [`Lease::judge`] is told how it ended, the connection is closed.
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.sound = false;
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Takes the statement's answer. After what only the statement did wrong the connection is good for another one.
    pub(super) fn judge<T>(
        &mut self,
        answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, sqlx::Error> {
        let answer = answer.unwrap_or_else(|_| Err(silent()));
        self.sound = match &answer {
            Ok(_) => true,
            Err(error @ sqlx::Error::Database(_)) => !is_lost(error),
            Err(_) => false,
        };
        answer
    }

    /// Closes the connection when it is given back.
    pub(super) fn distrust(&mut self) {
        self.sound = false;
    }

    /// Whether the next statement can follow.
    pub(super) fn is_sound(&self) -> bool {
        self.sound
    }

    async fn answers(&mut self) -> bool {
        let Ok(connection) = self.connection() else { return false };
        let answer = timeout(TRIAL_TIMEOUT, connection.ping()).await;
        self.judge(answer).is_ok()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let kept = self.sound && self.opened.elapsed() < AGE_LIMIT && !self.share.closed.load(Ordering::Acquire);
        let connection = self.connection.take().filter(|_| kept);
        let mut idle = self.share.idle.lock();
        idle.extend(connection.map(|connection| Idle { connection, opened: self.opened, since: Instant::now() }));
        self.share.leased.fetch_sub(1, Ordering::SeqCst);
        drop(idle);
        self.share.given_back.notify_one();
    }
}
