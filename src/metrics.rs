//! What operators read on `/metrics`: Prometheus text.
//!
//! Every series is made here, at the start, so that each counter exists at zero. Labels are fixed words and route
//! templates only: never a path, an id or a token.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Label, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::domain::email::Images;
use crate::edge::RanOut;
use crate::http::problem::Code;
use crate::http::public::ProbableClient;
use crate::liveness::{CutReason, Outcome};

mod describe;
mod labels;
mod striped;

pub use labels::{Purged, RevocationReason};
pub use striped::Striped;
use striped::StripedSeconds;

const CUT_REASONS: [CutReason; 4] =
    [CutReason::Revoked, CutReason::Unverified, CutReason::StoreFailed, CutReason::Shutdown];
const DOWNLOADS: &str = "attachlink_downloads_total";
const UPLOAD_OUTCOMES: [&str; 4] = ["created", "replaced", "refused", "failed"];
const OBJECT_OPERATIONS: [&str; 6] = ["stat", "open", "read_whole", "mend", "upload", "delete"];
const OBJECT_OUTCOMES: [&str; 5] = ["ok", "not_found", "changed", "full", "unavailable"];
const IMAGES: [Images; 4] = [Images::Omit, Images::None, Images::Inline, Images::Link];

const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const DOWNLOAD_MILLISECONDS: [u64; 10] = [1, 10, 100, 500, 1000, 5000, 15_000, 60_000, 300_000, 1_800_000];
const BATCH_SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
const EMAIL_OCTETS: &[f64] =
    &[16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 2_097_152.0, 4_194_304.0, 6_291_456.0, 12_582_912.0, 26_214_400.0];

/// Counts of one listener's connections.
#[derive(Clone)]
pub struct ListenerMetrics {
    /// Open connections.
    pub connections: Gauge,
    /// Connections that were reset at once: their client had all that it may have.
    pub refused: Counter,
    ran_out: [(RanOut, Counter); RanOut::ALL.len()],
}

impl ListenerMetrics {
    /// A connection was ended because its client took too long.
    pub fn ran_out(&self, why: RanOut) {
        if let Some((_, counter)) = self.ran_out.iter().find(|(reason, _)| *reason == why) {
            counter.increment(1);
        }
    }
}

/// The series that are written to. What no other module touches stays private behind a method.
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    process: metrics_process::Collector,
    links_issued: Counter,
    downloads_complete: Striped,
    downloads_broken: Vec<(&'static str, Counter)>,
    downloads_cut: Vec<(CutReason, Counter)>,
    download_seconds: StripedSeconds,
    sent_octets: Striped,
    file_requests: Vec<RequestsOfClient>,
    /// Downloads that are running.
    pub downloads_running: Gauge,
    revocations: Vec<(RevocationReason, Counter)>,
    refusals: Vec<(&'static str, Counter)>,
    /// Links in one liveness statement.
    pub liveness_batch_size: Histogram,
    /// How long a liveness statement took.
    pub liveness_query_seconds: Histogram,
    /// Requests that wait for a liveness answer.
    pub liveness_waiting: Gauge,
    /// Links that were answered for by a row that is kept.
    pub liveness_rows_kept: Striped,
    /// Links whose row was read.
    pub liveness_rows_read: Counter,
    /// Liveness statements that failed or stayed silent.
    pub liveness_failures: Counter,
    /// Sweeps that got an answer.
    pub sweeps_answered: Counter,
    /// Sweeps that got none.
    pub sweeps_failed: Counter,
    /// How long a sweep's statement took.
    pub sweep_seconds: Histogram,
    object_calls: Vec<ObjectOperation>,
    uploads: Vec<(&'static str, Counter)>,
    upload_octets: Counter,
    email_decisions: Vec<(&'static str, Counter)>,
    email_octets: Histogram,
    /// Small objects served from memory.
    pub cache_hits: Striped,
    /// Small objects that had to be read.
    pub cache_misses: Counter,
    cache_entries: Gauge,
    cache_octets: Gauge,
    /// How long the newest revocation has been missing in the object store.
    pub history_lag_seconds: Gauge,
    log_lines_dropped: Counter,
    purged: Vec<(&'static str, Counter)>,
}

fn family(name: &'static str, label: &'static str, values: &[&'static str]) -> Vec<(&'static str, Counter)> {
    values.iter().map(|value| (*value, counter!(name, label => *value))).collect()
}

fn count(family: &[(&'static str, Counter)], value: &str, by: u64) {
    if let Some((_, counter)) = family.iter().find(|(name, _)| *name == value) {
        counter.increment(by);
    }
}

fn recorder() -> Result<PrometheusRecorder, metrics_exporter_prometheus::BuildError> {
    let suffix = |name: &str| Matcher::Suffix(name.to_owned());
    let full = |name: &str| Matcher::Full(name.to_owned());
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("_seconds"), SECONDS)?
        .set_buckets_for_metric(full("attachlink_liveness_batch_size"), BATCH_SIZES)?
        .set_buckets_for_metric(full("attachlink_email_size_bytes"), EMAIL_OCTETS)?
        .build_recorder())
}

impl Metrics {
    /// Makes all series, at zero. `routes` are the API's method, route template and declared statuses.
    ///
    /// # Errors
    /// Only when a set of buckets is empty, which a test excludes.
    pub fn new(routes: &[(String, String, u16)]) -> Result<Self, metrics_exporter_prometheus::BuildError> {
        let recorder = Arc::new(recorder()?);
        Ok(metrics::with_local_recorder(&*recorder, || {
            describe::all();
            gauge!("attachlink_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            for (method, route, status) in routes {
                api_requests(method, route, *status).increment(0);
            }
            let codes: Vec<&'static str> = Code::ALL.iter().map(|code| code.name()).collect();
            let process = metrics_process::Collector::default();
            process.describe();
            Self {
                process,
                links_issued: counter!("attachlink_links_issued_total"),
                downloads_complete: Striped::new(counter!(DOWNLOADS, "outcome" => Outcome::Complete.name())),
                downloads_broken: family(DOWNLOADS, "outcome", &["aborted", "cut"]),
                downloads_cut: CUT_REASONS
                    .iter()
                    .map(|r| (*r, counter!("attachlink_downloads_cut_total", "reason" => r.name())))
                    .collect(),
                download_seconds: StripedSeconds::new(
                    "attachlink_download_duration_seconds",
                    "From the request to the end of the download",
                    DOWNLOAD_MILLISECONDS.map(Duration::from_millis),
                ),
                sent_octets: Striped::new(counter!("attachlink_download_sent_bytes_total")),
                file_requests: ProbableClient::ALL.iter().map(|client| requests_of(client.name())).collect(),
                downloads_running: gauge!("attachlink_downloads_running"),
                revocations: RevocationReason::ALL
                    .iter()
                    .map(|r| (*r, counter!("attachlink_revocations_total", "reason" => r.name())))
                    .collect(),
                refusals: family("attachlink_refusals_total", "code", &codes),
                liveness_batch_size: histogram!("attachlink_liveness_batch_size"),
                liveness_query_seconds: histogram!("attachlink_liveness_query_duration_seconds"),
                liveness_waiting: gauge!("attachlink_liveness_waiting_requests"),
                liveness_rows_kept: Striped::new(counter!("attachlink_liveness_rows_total", "from" => "kept")),
                liveness_rows_read: counter!("attachlink_liveness_rows_total", "from" => "read"),
                liveness_failures: counter!("attachlink_liveness_failures_total"),
                sweeps_answered: counter!("attachlink_sweeps_total", "outcome" => "answered"),
                sweeps_failed: counter!("attachlink_sweeps_total", "outcome" => "failed"),
                sweep_seconds: histogram!("attachlink_sweep_duration_seconds"),
                object_calls: OBJECT_OPERATIONS.iter().map(|operation| object_operation(operation)).collect(),
                uploads: family("attachlink_uploads_total", "outcome", &UPLOAD_OUTCOMES),
                upload_octets: counter!("attachlink_upload_received_bytes_total"),
                email_decisions: family("attachlink_email_decisions_total", "images", &IMAGES.map(Images::name)),
                email_octets: histogram!("attachlink_email_size_bytes"),
                cache_hits: Striped::new(counter!("attachlink_cache_requests_total", "result" => "hit")),
                cache_misses: counter!("attachlink_cache_requests_total", "result" => "miss"),
                cache_entries: gauge!("attachlink_cache_entries"),
                cache_octets: gauge!("attachlink_cache_size_bytes"),
                history_lag_seconds: gauge!("attachlink_history_lag_seconds"),
                log_lines_dropped: counter!("attachlink_log_lines_dropped_total"),
                purged: family("attachlink_purged_total", "what", &Purged::ALL.map(Purged::name)),
                recorder: Arc::clone(&recorder),
            }
        }))
    }

    fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&*self.recorder, work)
    }

    /// The handle that renders and rotates histograms.
    #[must_use]
    pub fn handle(&self) -> PrometheusHandle {
        self.recorder.handle()
    }

    /// All series as Prometheus text (version 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        self.within(|| self.process.collect());
        self.log_lines_dropped.absolute(crate::logging::dropped_lines());
        self.striped().for_each(Striped::tell);
        let mut text = self.handle().render();
        self.download_seconds.render(&mut text);
        text
    }

    fn striped(&self) -> impl Iterator<Item = &Striped> {
        let counters = [&self.downloads_complete, &self.sent_octets, &self.liveness_rows_kept, &self.cache_hits];
        counters.into_iter().chain(self.file_requests.iter().map(|requests| &requests.answered))
    }

    /// A listener's own series. `listener` is `public`, `api` or `ops`.
    #[must_use]
    pub fn listener(&self, listener: &'static str) -> ListenerMetrics {
        self.within(|| ListenerMetrics {
            connections: gauge!("attachlink_connections_open", "listener" => listener),
            refused: counter!("attachlink_connections_refused_total", "listener" => listener),
            ran_out: RanOut::ALL.map(|why| {
                let labels = [Label::new("listener", listener), Label::new("reason", why.name())];
                (why, counter!("attachlink_connections_timed_out_total", labels.to_vec()))
            }),
        })
    }

    /// Links were issued.
    pub fn links_issued(&self, links: u64) {
        self.links_issued.increment(links);
    }

    /// A download ended.
    pub fn download_ended(&self, outcome: Outcome, octets: u64, took: Duration) {
        if outcome == Outcome::Complete {
            self.downloads_complete.increment(1);
        } else {
            count(&self.downloads_broken, outcome.name(), 1);
        }
        self.sent_octets.increment(octets);
        self.download_seconds.record(took);
    }

    /// Somebody asked for a file, and was answered or refused. Who it was is a guess.
    pub fn file_requested(&self, client: ProbableClient, answered: bool) {
        let requests = &self.file_requests[client as usize];
        if answered { requests.answered.increment(1) } else { requests.refused.increment(1) }
    }

    /// A running download is being cut.
    pub fn download_cut(&self, reason: CutReason) {
        if let Some((_, counter)) = self.downloads_cut.iter().find(|(r, _)| *r == reason) {
            counter.increment(1);
        }
    }

    /// A revocation was committed.
    pub fn revoked(&self, reason: RevocationReason) {
        if let Some((_, counter)) = self.revocations.iter().find(|(r, _)| *r == reason) {
            counter.increment(1);
        }
    }

    /// A request was refused with a problem.
    pub fn refused(&self, code: &str) {
        count(&self.refusals, code, 1);
    }

    /// An upload ended: `created`, `replaced`, `refused` or `failed`.
    pub fn upload(&self, outcome: &'static str, octets: u64) {
        count(&self.uploads, outcome, 1);
        self.upload_octets.increment(octets);
    }

    /// An email was decided about.
    #[expect(clippy::cast_precision_loss, reason = "a histogram of sizes needs no last digit")]
    pub fn email_decided(&self, images: &'static str, total: u64) {
        count(&self.email_decisions, images, 1);
        self.email_octets.record(total as f64);
    }

    /// The API answered.
    pub fn api_request(&self, route: &str, method: &str, status: u16, took: Duration) {
        self.within(|| {
            api_requests(method, route, status).increment(1);
            let labels =
                vec![Label::new("http_route", route.to_owned()), Label::new("http_request_method", method.to_owned())];
            histogram!("http_server_request_duration_seconds", labels).record(took);
        });
    }

    /// The object store was called.
    pub fn object_call(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        if let Some(call) = self.object_calls.iter().find(|call| call.name == operation) {
            count(&call.outcomes, outcome, 1);
            call.seconds.record(took);
        }
    }

    /// What the cache holds.
    #[expect(clippy::cast_precision_loss, reason = "a gauge needs no last digit")]
    pub fn cache_holds(&self, entries: u64, octets: u64) {
        self.cache_entries.set(entries as f64);
        self.cache_octets.set(octets as f64);
    }

    /// Something was purged.
    pub fn purged(&self, what: Purged, number: u64) {
        count(&self.purged, what.name(), number);
    }
}

fn api_requests(method: &str, route: &str, status: u16) -> Counter {
    let labels = vec![
        Label::new("http_route", route.to_owned()),
        Label::new("http_request_method", method.to_owned()),
        Label::new("http_response_status_code", status.to_string()),
    ];
    counter!("attachlink_api_requests_total", labels)
}

/// The requests for files of one kind of client.
struct RequestsOfClient {
    answered: Striped,
    refused: Counter,
}

fn requests_of(client: &'static str) -> RequestsOfClient {
    let requests = |result: &'static str| {
        let labels = vec![Label::new("probable_client", client), Label::new("result", result)];
        counter!("attachlink_file_requests_total", labels)
    };
    RequestsOfClient { answered: Striped::new(requests("answered")), refused: requests("refused") }
}

/// The counters of one operation of the object store, by outcome, and how long it takes.
struct ObjectOperation {
    name: &'static str,
    outcomes: Vec<(&'static str, Counter)>,
    seconds: Histogram,
}

fn object_operation(operation: &'static str) -> ObjectOperation {
    let outcomes = OBJECT_OUTCOMES
        .iter()
        .map(|outcome| {
            let labels = [Label::new("operation", operation), Label::new("outcome", *outcome)];
            (*outcome, counter!("attachlink_object_operations_total", labels.to_vec()))
        })
        .collect();
    let seconds = histogram!("attachlink_object_operation_duration_seconds", "operation" => operation);
    ObjectOperation { name: operation, outcomes, seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_exists_at_zero_from_the_start() {
        let routes = [("PUT".to_owned(), "/v1/sites/{site}".to_owned(), 200)];
        let text = Metrics::new(&routes).unwrap().render();
        for line in [
            "attachlink_links_issued_total 0",
            "attachlink_downloads_total{outcome=\"complete\"} 0",
            "attachlink_file_requests_total{probable_client=\"scanner\",result=\"refused\"} 0",
            "attachlink_downloads_cut_total{reason=\"revoked\"} 0",
            "attachlink_revocations_total{reason=\"comment\"} 0",
            "attachlink_refusals_total{code=\"link_expired\"} 0",
            "attachlink_uploads_total{outcome=\"created\"} 0",
            "attachlink_email_decisions_total{images=\"inline\"} 0",
            "attachlink_object_operations_total{operation=\"open\",outcome=\"ok\"} 0",
            "attachlink_cache_requests_total{result=\"hit\"} 0",
            "attachlink_liveness_rows_total{from=\"kept\"} 0",
            "attachlink_liveness_failures_total 0",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(text.contains("attachlink_api_requests_total{http_route=\"/v1/sites/{site}\""), "{text}");
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
        assert!(text.contains("attachlink_build_info{version="), "{text}");
    }

    #[test]
    fn two_services_in_one_process_count_apart() {
        let (a, b) = (Metrics::new(&[]).unwrap(), Metrics::new(&[]).unwrap());
        a.links_issued(3);
        a.download_ended(Outcome::Complete, 20, Duration::from_millis(1));
        assert!(a.render().contains("attachlink_links_issued_total 3"));
        assert!(a.render().contains("attachlink_download_sent_bytes_total 20"));
        assert!(b.render().contains("attachlink_links_issued_total 0"));
    }

    #[test]
    fn what_each_thread_counts_is_told() {
        let metrics = Metrics::new(&[]).unwrap();
        metrics.download_ended(Outcome::Complete, 20, Duration::from_millis(700));
        metrics.download_ended(Outcome::Aborted, 1, Duration::from_millis(1));
        for client in ProbableClient::ALL {
            metrics.file_requested(client, true);
        }
        metrics.cache_hits.increment(3);
        metrics.liveness_rows_kept.increment(4);
        let text = metrics.render();
        let of_clients = ProbableClient::ALL.map(|client| {
            format!("attachlink_file_requests_total{{probable_client=\"{}\",result=\"answered\"}} 1", client.name())
        });
        for line in of_clients.iter().map(String::as_str).chain([
            "attachlink_downloads_total{outcome=\"complete\"} 1",
            "attachlink_downloads_total{outcome=\"aborted\"} 1",
            "attachlink_downloads_total{outcome=\"cut\"} 0",
            "attachlink_download_sent_bytes_total 21",
            "attachlink_cache_requests_total{result=\"hit\"} 3",
            "attachlink_liveness_rows_total{from=\"kept\"} 4",
            "attachlink_download_duration_seconds_bucket{le=\"0.001\"} 1",
            "attachlink_download_duration_seconds_bucket{le=\"0.5\"} 1",
            "attachlink_download_duration_seconds_bucket{le=\"1\"} 2",
            "attachlink_download_duration_seconds_sum 0.701",
            "attachlink_download_duration_seconds_count 2",
        ]) {
            assert!(text.lines().any(|told| told == line), "{line} is missing in\n{text}");
        }
        assert_eq!(metrics.striped().count(), 4 + ProbableClient::ALL.len(), "one that is not counted here?");
    }
}
