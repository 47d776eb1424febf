//! The integration tests: one binary, one harness.
#![expect(unreachable_pub, reason = "`pub` in a test's module means: for the other modules")]

mod api_calls;
mod api_openapi;
mod api_router;
mod binary;
mod cli;
mod crash;
mod curl;
mod downloads;
mod email_sizes;
mod emails;
mod fault_server;
mod full_disk;
mod harness;
mod keys;
mod objects_contract;
mod pgbouncer;
mod postgres_failures;
mod postgres_races;
mod postgres_restore;
mod postgres_server;
mod postgres_service;
mod postgres_standby;
mod promise;
mod purge;
mod restore;
mod rules;
mod s3;
mod secrets;
mod shutdown;
mod store_contract;
mod store_postgres;
mod store_sqlite;
mod upgrade;
mod uploads;
