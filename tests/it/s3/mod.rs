//! S3: the servers that tests run on, and what only S3 can show.

mod cuts;
mod failing;
mod failing_store;
mod lies;
pub mod server;
mod service;
