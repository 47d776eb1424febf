//! S3: the servers that tests run on, and what only S3 can show.

mod failing;
pub mod server;
mod service;
