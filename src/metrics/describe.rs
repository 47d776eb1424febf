//! The `# HELP` texts.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) fn all() {
    describe_gauge!("attachlink_build_info", "The version that runs; always 1");
    describe_counter!("attachlink_links_issued_total", "Links issued");
    describe_counter!("attachlink_downloads_total", "Downloads that ended, by outcome");
    describe_counter!(
        "attachlink_file_requests_total",
        "Requests for files, by result and by what the client looks like: a guess from its headers, which scanners forge"
    );
    describe_counter!("attachlink_downloads_cut_total", "Running downloads that were reset, by reason");
    describe_counter!("attachlink_download_sent_bytes_total", Unit::Bytes, "Octets of files given to connections");
    describe_gauge!("attachlink_downloads_running", "Downloads that are running, or are being checked");
    describe_counter!("attachlink_revocations_total", "Revocations committed through this process, by reason");
    describe_counter!("attachlink_refusals_total", "Requests refused with a problem, by code");
    describe_histogram!("attachlink_liveness_batch_size", "Links in one liveness statement");
    describe_histogram!("attachlink_liveness_query_duration_seconds", Unit::Seconds, "Liveness statements");
    describe_gauge!("attachlink_liveness_waiting_requests", "Requests that wait for a liveness answer");
    describe_counter!(
        "attachlink_liveness_rows_total",
        "Links that batches asked about, by where the row is from: kept from an earlier read, or read"
    );
    describe_counter!("attachlink_liveness_failures_total", "Liveness statements that failed or stayed silent");
    describe_counter!("attachlink_sweeps_total", "Sweeps of the running downloads, by outcome");
    describe_histogram!("attachlink_sweep_duration_seconds", Unit::Seconds, "Statements of sweeps");
    describe_counter!("attachlink_object_operations_total", "Calls of the object store, by operation and outcome");
    describe_histogram!("attachlink_object_operation_duration_seconds", Unit::Seconds, "Calls of the object store");
    describe_counter!("attachlink_uploads_total", "Uploads that ended, by outcome");
    describe_counter!("attachlink_upload_received_bytes_total", Unit::Bytes, "Octets received in uploads");
    describe_counter!(
        "attachlink_email_decisions_total",
        "Decisions about notification emails, by what becomes of their images"
    );
    describe_histogram!("attachlink_email_size_bytes", Unit::Bytes, "Size of emails with every image embedded");
    describe_counter!("attachlink_cache_requests_total", "Look-ups of small objects that are kept, by result");
    describe_gauge!("attachlink_cache_entries", "Small objects that are kept, in memory or as open files");
    describe_gauge!(
        "attachlink_cache_size_bytes",
        Unit::Bytes,
        "What the small objects that are kept count for: octets in memory, for an open file its part of the bound"
    );
    describe_counter!(
        "attachlink_log_lines_dropped_total",
        "Log lines, audit events among them, that standard error was too slow for, or did not take"
    );
    describe_gauge!(
        "attachlink_history_lag_seconds",
        Unit::Seconds,
        "How long the newest revocation has been missing in the object store"
    );
    describe_counter!("attachlink_purged_total", "Rows of links and comments, and objects, that were purged");
    describe_counter!("attachlink_api_requests_total", "Requests to the API, by route template, method and status");
    describe_histogram!(
        "http_server_request_duration_seconds",
        Unit::Seconds,
        "Requests to the API, by route template and method"
    );
    describe_gauge!("attachlink_connections_open", "Open connections, by listener");
    describe_counter!(
        "attachlink_connections_refused_total",
        "Connections reset at once because their client had as many as it may have, by listener"
    );
    describe_counter!(
        "attachlink_connections_timed_out_total",
        "Connections ended because their client took too long, by listener and reason"
    );
}
