//! S3: the servers that tests run on, and what only S3 can show.

mod away;
pub mod bucket;
mod cuts;
mod failing;
pub mod failing_store;
mod lies;
mod memory;
mod plain;
pub mod server;
mod service;
mod three_nodes;
