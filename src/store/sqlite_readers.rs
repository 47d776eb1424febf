//! The embedded database's connections for the one question of every download, each with a thread of its own.
//!
//! A question goes to a thread in one message and comes back in one, with all of its rows. sqlx passes each row, and more, in
//! messages of their own, and each of them may wake a thread: where 5 of 100 downloads ask for a link that is new here, one
//! of these cost 117 µs of CPU with sqlx's connections and 91 with these. No other call takes their turns.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::StoreError;
use super::sqlite_file::DatabaseFile;

/// Connections at once: where two threads serve, their batches are seldom more, and others take turns.
const CONNECTIONS: u32 = 4;
/// How long a question waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// A row, read by the names of its columns, as sqlx's derive reads those of a server.
pub(super) trait FromSqlite: Sized + Send + 'static {
    /// Reads it.
    fn from_sqlite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self>;
}

/// Has a row read by all of its columns, and those of rows within it.
macro_rules! read_by_name {
    ($row:ty { $($column:ident),+ $(,)? } $($within:ident)*) => {
        impl $crate::store::sqlite_readers::FromSqlite for $row {
            fn from_sqlite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                Ok(Self {
                    $($column: row.get(stringify!($column))?,)+
                    $($within: $crate::store::sqlite_readers::FromSqlite::from_sqlite(row)?,)*
                })
            }
        }
    };
}
pub(super) use read_by_name;

/// Connections that only read. Each statement sees all that was committed before it, by whatever process.
#[derive(Clone)]
pub(super) struct Readers(Arc<Inner>);

struct Inner {
    file: Arc<DatabaseFile>,
    busy_timeout: Duration,
    /// One for each question that a thread has, and each connection that is being opened, also where nobody waits for it any
    /// more.
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    /// With one connection; others are opened as they are needed.
    pub(super) async fn open(file: Arc<DatabaseFile>, busy_timeout: Duration) -> Result<Self, StoreError> {
        let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
        let place = Arc::clone(&places).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let (first, _) = Reader::open(Arc::clone(&file), busy_timeout, place).await?;
        Ok(Self(Arc::new(Inner { file, busy_timeout, places, idle: Mutex::new(vec![first]) })))
    }

    /// All rows of one statement about a JSON array. Who stops waiting has no further rows read.
    pub(super) async fn fetch_all<R: FromSqlite>(&self, sql: &'static str, list: String) -> Result<Vec<R>, StoreError> {
        let inner = &self.0;
        let turn = timeout(TURN_TIMEOUT, Arc::clone(&inner.places).acquire_owned()).await;
        let place = turn.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let kept = inner.idle.lock().pop();
        let (reader, place) = match kept {
            Some(reader) => (reader, place),
            None => Reader::open(Arc::clone(&inner.file), inner.busy_timeout, place).await?,
        };
        let (reply, answer) = oneshot::channel();
        let (questions, inner) = (reader.questions.clone(), Arc::clone(inner));
        let question = move |connection: &Connection| {
            let rows = fetch_all(connection, sql, &list, || !reply.is_closed());
            let mut idle = inner.idle.lock();
            // Whoever closes has not waited for it.
            if !inner.places.is_closed() {
                idle.push(reader);
            }
            drop(idle);
            drop(place);
            // Where this fails, nobody waits.
            let _ = reply.send(rows);
        };
        questions.send(Box::new(question)).await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        // Its thread ends when the last of them is gone.
        drop(questions);
        Ok(answer.await.map_err(|_| sqlx::Error::WorkerCrashed)??)
    }

    /// Closes all connections once they are idle, but for those whose question takes longer than [`TURN_TIMEOUT`]. No other
    /// can be had.
    pub(super) async fn close(&self) {
        let Inner { places, idle, .. } = &*self.0;
        let _all = timeout(TURN_TIMEOUT, places.acquire_many(CONNECTIONS)).await;
        places.close();
        let readers = std::mem::take(&mut *idle.lock());
        for reader in readers {
            reader.close().await;
        }
    }
}

fn fetch_all<R: FromSqlite>(
    connection: &Connection,
    sql: &'static str,
    list: &str,
    is_wanted: impl Fn() -> bool,
) -> rusqlite::Result<Vec<R>> {
    connection.prepare_cached(sql)?.query_map([list], R::from_sqlite)?.take_while(|_| is_wanted()).collect()
}

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// One of those that may be at work at once.
type Place = OwnedSemaphorePermit;

/// A thread with a connection. It ends when this is dropped, and all that send it questions.
struct Reader {
    questions: mpsc::Sender<Question>,
    closed: oneshot::Receiver<()>,
}

impl Reader {
    /// Has the place until it is open, also where nobody waits for that any more.
    async fn open(file: Arc<DatabaseFile>, busy_timeout: Duration, place: Place) -> Result<(Self, Place), StoreError> {
        let (questions, mut asked) = mpsc::channel::<Question>(1);
        let (opened, is_open) = oneshot::channel();
        let (at_end, closed) = oneshot::channel();
        let serve = move || {
            match connect(&file, busy_timeout) {
                Ok(connection) => {
                    // Where nobody waits for it any more, there are no questions either.
                    let _ = opened.send(Ok(place));
                    while let Some(question) = asked.blocking_recv() {
                        question(&connection);
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            }
            drop(at_end);
        };
        thread::Builder::new().name("sqlite-reader".to_owned()).spawn(serve).map_err(sqlx::Error::Io)?;
        let place = is_open.await.map_err(|_| sqlx::Error::WorkerCrashed)??;
        Ok((Self { questions, closed }, place))
    }

    async fn close(self) {
        drop(self.questions);
        // The thread sends nothing: it drops its end.
        let _ = self.closed.await;
    }
}

fn connect(file: &DatabaseFile, busy_timeout: Duration) -> Result<Connection, StoreError> {
    // Used by its own thread only, so its mutexes are left out.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file.real(), flags)?;
    connection.busy_timeout(busy_timeout)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // One that was put in its place would answer for another history, and next to connections to this one.
    file.must_be_in_place()?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number {
        n: i64,
    }

    read_by_name!(Number { n });

    const NUMBERS: &str = "SELECT value AS n FROM json_each($1)";

    async fn readers() -> (Readers, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (7)").unwrap();
        let file = Arc::new(DatabaseFile::at(path).unwrap());
        (Readers::open(file, Duration::from_secs(1)).await.unwrap(), directory)
    }

    async fn numbers(readers: &Readers, sql: &'static str, list: &str) -> Result<Vec<i64>, StoreError> {
        Ok(readers.fetch_all::<Number>(sql, list.to_owned()).await?.into_iter().map(|row| row.n).collect())
    }

    #[tokio::test]
    async fn each_gets_its_own_rows() {
        let (readers, _directory) = readers().await;
        let asked = (0..100).map(|n| {
            let readers = readers.clone();
            async move { assert_eq!(numbers(&readers, NUMBERS, &format!("[{n},{n}]")).await.unwrap(), [n, n]) }
        });
        futures_util::future::join_all(asked).await;
        assert!(readers.0.idle.lock().len() <= CONNECTIONS as usize);
    }

    #[tokio::test]
    async fn what_fails_says_so_and_harms_no_other() {
        let (readers, _directory) = readers().await;
        let not_read = numbers(&readers, NUMBERS, r#"["a text"]"#).await;
        assert!(matches!(not_read, Err(StoreError::Corrupt(_))), "{not_read:?}");
        let written = numbers(&readers, "INSERT INTO t VALUES ($1) RETURNING n", "1").await;
        assert!(matches!(written, Err(StoreError::NotRead(_))), "{written:?}");
        assert_eq!(numbers(&readers, "SELECT n FROM t WHERE $1 IS NOT NULL", "[]").await.unwrap(), [7]);
    }

    /// A row takes a while, and there are many of them.
    const LONG: &str = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000) \
         SELECT (SELECT count(*) FROM c AS a, c AS b WHERE a.n + b.n > w.value) AS n FROM json_each($1) AS w";

    async fn all_open() -> (Readers, tempfile::TempDir) {
        let (readers, directory) = readers().await;
        let all = (0..CONNECTIONS).map(|_| numbers(&readers, LONG, "[1]"));
        futures_util::future::join_all(all).await;
        assert_eq!(readers.0.idle.lock().len(), CONNECTIONS as usize);
        (readers, directory)
    }

    /// What takes longer than anybody waits for at the end leaves no thread behind.
    #[tokio::test]
    async fn a_question_that_outlives_the_closing_ends_with_its_thread() {
        let (readers, _directory) = readers().await;
        assert!(timeout(Duration::from_millis(1), numbers(&readers, LONG, &list(1))).await.is_err());
        let inner = Arc::clone(&readers.0);
        // As after waiting for too long.
        inner.places.close();
        while Arc::strong_count(&inner) > 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(inner.idle.lock().is_empty());
    }

    fn list(rows: usize) -> String {
        format!("[{}]", vec!["1"; rows].join(","))
    }

    #[tokio::test]
    async fn who_stops_waiting_has_no_further_rows_read() {
        let (readers, _directory) = all_open().await;
        let each = std::time::Instant::now();
        numbers(&readers, LONG, &list(1)).await.unwrap();
        let each = each.elapsed();
        for _ in 0..CONNECTIONS {
            let given_up = timeout(Duration::from_millis(1), numbers(&readers, LONG, &list(1000))).await;
            assert!(given_up.is_err(), "{given_up:?}");
        }
        let begun = std::time::Instant::now();
        assert_eq!(numbers(&readers, NUMBERS, "[1]").await.unwrap(), [1]);
        assert!(begun.elapsed() < each * 200, "{:?}, where a row takes {each:?}", begun.elapsed());
        while readers.0.places.available_permits() < CONNECTIONS as usize {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(readers.0.idle.lock().len(), CONNECTIONS as usize, "their connections are kept");
    }

    /// Whoever tidies up after it has the database to itself.
    #[tokio::test]
    async fn closing_waits_for_what_was_given_up() {
        let (readers, _directory) = all_open().await;
        for _ in 0..CONNECTIONS {
            assert!(timeout(Duration::from_millis(1), numbers(&readers, LONG, &list(2))).await.is_err());
        }
        readers.close().await;
        assert_eq!(Arc::strong_count(&readers.0), 1, "no question is left");
        assert!(readers.0.idle.lock().is_empty());
    }

    #[tokio::test]
    async fn closed_is_closed() {
        let (readers, directory) = readers().await;
        readers.close().await;
        assert!(numbers(&readers, NUMBERS, "[1]").await.is_err());
        let file = Arc::clone(&readers.0.file);
        drop(directory);
        let missing = Readers::open(file, Duration::ZERO).await;
        assert!(matches!(missing.err(), Some(StoreError::NotRead(_))));
    }

    /// Questions that are asked at the same time open further connections: to the same file, or to none.
    #[tokio::test]
    async fn no_connection_is_opened_to_another_file() {
        let (readers, directory) = readers().await;
        let path = readers.0.file.real().to_owned();
        let at_once = || futures_util::future::join_all(["[1]", "[2]"].map(|list| numbers(&readers, LONG, list)));
        for another in [false, true] {
            std::fs::rename(&path, directory.path().join("away")).unwrap();
            if another {
                std::fs::copy(directory.path().join("away"), &path).unwrap();
            }
            let answers = at_once().await;
            assert!(answers[0].is_ok(), "{answers:?}");
            assert!(matches!(answers[1], Err(StoreError::Replaced | StoreError::NotRead(_))), "{answers:?}");
            std::fs::rename(directory.path().join("away"), &path).unwrap();
        }
        assert!(at_once().await.iter().all(Result::is_ok));
    }
}
