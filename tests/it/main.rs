//! The integration tests: one binary, one harness.
#![expect(unreachable_pub, reason = "`pub` in a test's module means: for the other modules")]

mod api_calls;
mod api_openapi;
mod api_router;
mod cli;
mod downloads;
mod email_sizes;
mod emails;
mod harness;
mod keys;
mod objects_contract;
mod promise;
mod purge;
mod rules;
mod s3;
mod store_contract;
mod store_sqlite;
mod uploads;
