//! What is written to standard error: `tracing` events as text or JSON, without blocking who writes them.

use std::io::{self, IsTerminal as _, Write};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::UtcTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::LogFormat;

/// What `serve` logs when `ATTACHLINK_LOG` says nothing.
pub const DEFAULT_FILTER: &str = "info,attachlink=info";
/// What a command that ends by itself logs then: its words are on standard output, what it revokes is audited.
pub const QUIET_FILTER: &str = "warn,attachlink::audit=info";

/// The driver logs each statement at `debug` and slow ones at `warn`: statements only on request.
const DATABASE_CRATE: &str = "sqlx";
const DATABASE_DIRECTIVE: &str = "sqlx=warn";

/// Lines that wait for a slow reader of standard error before further ones are dropped, and counted. Their places take
/// a quarter of a megabyte.
const WAITING_LINES: usize = 8_192;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The text is no filter; says what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a log filter; write a level, or TARGET=LEVEL separated by commas, such as info,attachlink=debug")]
pub struct InvalidFilter(String);

/// Checks a filter of `ATTACHLINK_LOG`.
///
/// # Errors
/// [`InvalidFilter`], also for a lone word that is no level: `tracing` would take `verbose` for a target, show that
/// target alone, and leave a silent service.
pub fn check_filter(text: &str) -> Result<(), InvalidFilter> {
    let refused = || InvalidFilter(text.to_owned());
    if !text.split(',').all(|directive| is_directive(directive.trim())) {
        return Err(refused());
    }
    EnvFilter::builder().with_regex(false).parse(text).map(drop).map_err(|_| refused())
}

/// Whether a lone word is a level or, by its form, a module of some crate. All else is for the parser to judge.
fn is_directive(word: &str) -> bool {
    if word.contains(['=', '[', ']', '{', '}']) {
        return true;
    }
    let is_path = word.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_' || octet == b':');
    LEVELS.contains(&&*word.to_ascii_lowercase()) || (is_path && word.contains(['_', ':']))
}

fn filter(text: &str) -> Result<EnvFilter, InvalidFilter> {
    check_filter(text)?;
    let text = if text.contains(DATABASE_CRATE) { text.to_owned() } else { format!("{text},{DATABASE_DIRECTIVE}") };
    EnvFilter::builder().with_regex(false).parse(&text).map_err(|_| InvalidFilter(text))
}

/// A subscriber that writes to `writer`; `colours` concerns the text form.
///
/// # Errors
/// [`InvalidFilter`].
pub fn subscriber<W>(
    filter_text: &str,
    format: LogFormat,
    colours: bool,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, InvalidFilter>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_timer(UtcTime::rfc_3339());
    let lines = match format {
        LogFormat::Text => lines.with_ansi(colours).boxed(),
        // Spans are the text form's context; in JSON each event stands alone, with its fields at the top.
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).with_ansi(false).boxed(),
    };
    Ok(tracing_subscriber::registry().with(filter(filter_text)?).with(lines))
}

/// An error and its causes, for a line of the log: a field that holds the error itself has no causes in JSON.
#[must_use]
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string) {
        // Some say their cause themselves.
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Keeps the log running. Dropping it writes what still waits.
#[derive(Debug)]
#[must_use = "dropping it ends the log"]
pub struct Logging {
    worker: Option<WorkerGuard>,
    dropped: ErrorCounter,
}

impl Drop for Logging {
    fn drop(&mut self) {
        drop(self.worker.take());
        let dropped = self.dropped.dropped_lines();
        if dropped > 0 {
            // Nowhere is left to report that standard error takes nothing.
            drop(writeln!(
                std::io::stderr(),
                "attachlink: {dropped} log lines were dropped: standard error was too slow"
            ));
        }
    }
}

/// Counts the lines that standard error does not take, as where it leads to a full disk or nobody reads it any more.
struct Counted<W>(W);

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = self.0.write(line);
        if written.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            FAILED.fetch_add(1, Ordering::Relaxed);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Lines that could not be written.
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Starts the log of this process on standard error, and has panics logged.
///
/// # Errors
/// [`InvalidFilter`]. A log that already runs, as in tests, stays.
pub fn start(filter_text: &str, format: LogFormat) -> Result<Logging, InvalidFilter> {
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .lossy(true)
        .thread_name("attachlink-log")
        .finish(Counted(io::stderr()));
    let dropped = writer.error_counter();
    DROPPED.get_or_init(|| dropped.clone());
    let subscriber = subscriber(filter_text, format, colours(), writer)?;
    // An earlier subscriber of this process stays: there is one log.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(Logging { worker: Some(worker), dropped })
}

/// The writer's own count.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// How many lines this process has not written: standard error was too slow for them, or did not take them.
#[must_use]
pub fn dropped_lines() -> u64 {
    DROPPED.get().map_or(0, |dropped| dropped.dropped_lines() as u64) + FAILED.load(Ordering::Relaxed)
}

fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Logs a panic. Its message only where it is a literal of the source: one that was put together at run time may hold
/// a path or a token.
pub fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(message withheld)");
    let location = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
    let thread = std::thread::current();
    let backtrace = std::backtrace::Backtrace::capture();
    let backtrace = (backtrace.status() == std::backtrace::BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(message, location, thread = thread.name(), backtrace, "panicked");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Captured {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn logged(filter: &str, format: LogFormat, events: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = subscriber(filter, format, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, events);
        captured.text()
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let before = dropped_lines();
        let captured = Captured::default();
        Counted(captured.clone()).write_all(b"a line\n").unwrap();
        assert_eq!((captured.text().as_str(), dropped_lines()), ("a line\n", before));
        for _ in 0..3 {
            Counted(Full).write_all(b"a line\n").unwrap_err();
        }
        assert_eq!(dropped_lines(), before + 3);
    }

    #[test]
    fn filters_are_checked() {
        for good in
            ["info", "WARN", DEFAULT_FILTER, QUIET_FILTER, "off", "attachlink::audit=info", "hyper_util=trace,info"]
        {
            assert_eq!(check_filter(good), Ok(()), "{good}");
        }
        for bad in ["verbose", "inof", "", "info,", "attachlink=loud", "!!!", "info;warn", "attachlink=info=debug"] {
            assert!(check_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_shows_our_events_and_no_statements() {
        let text = logged(DEFAULT_FILTER, LogFormat::Text, || {
            tracing::info!(target: "attachlink::audit", link_id = "x", "issued");
            tracing::debug!(target: "attachlink", "detail");
            tracing::info!(target: "sqlx::query", "SELECT 1");
            tracing::warn!(target: "sqlx::pool", "slow");
        });
        assert!(text.contains("issued") && text.contains("attachlink::audit") && text.contains("slow"), "{text}");
        assert!(!text.contains("detail") && !text.contains("SELECT"), "{text}");
        assert!(!text.contains('\u{1b}'), "no colours: {text:?}");
    }

    #[test]
    fn json_lines_have_their_fields_at_the_top() {
        let text = logged("info", LogFormat::Json, || tracing::info!(status = 200, "answered"));
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(
            (&line["message"], &line["status"], &line["level"]),
            (&"answered".into(), &200.into(), &"INFO".into())
        );
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn an_error_is_logged_with_its_causes_once_each() {
        #[derive(Debug, thiserror::Error)]
        #[error("the store failed")]
        struct Outer(#[source] Middle);
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read: {0}")]
        struct Middle(#[source] std::io::Error);

        let error = Outer(Middle(std::io::Error::other("a cable is out")));
        let text = logged("info", LogFormat::Json, || tracing::warn!(error = %causes(&error), "it fails"));
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(line["error"], "the store failed: cannot read: a cable is out");
    }

    #[test]
    fn a_panic_is_logged_without_what_it_was_given() {
        let text = logged("info", LogFormat::Json, || {
            let earlier = std::panic::take_hook();
            std::panic::set_hook(Box::new(log_panic));
            let token = String::from("al1_secret");
            drop(std::panic::catch_unwind(|| panic!("no such thing: {token}")));
            drop(std::panic::catch_unwind(|| panic!("a literal")));
            std::panic::set_hook(earlier);
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(
            text.contains("(message withheld)") && text.contains("a literal") && text.contains("logging.rs"),
            "{text}"
        );
        assert!(!text.contains("al1_"), "{text}");
    }
}
