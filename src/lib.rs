//! attachlink lets a help desk put attachments into notification emails safely.
//!
//! One request, walked through the code. A recipient clicks `https://files…/a/al1_…/log.txt`:
//!
//! 1. [`edge`] accepts the connection on one of the public threads and puts a [`liveness::Gate`] before its socket.
//! 2. [`http::public`] reads the token's form ([`domain::token`]) and asks the [`liveness::Batcher`], which looks at
//!    whether what it knows still holds, or asks the [`store`] in one statement for all requests that wait.
//! 3. Alive? Then [`domain::conditional`] decides what to send, and [`objects`] streams it. Dead? A page or a problem
//!    says so ([`http::problem`]).
//! 4. What takes more than one write, and whatever hyper sends, is in the registry of running downloads
//!    ([`liveness::Downloads`]): the sweep asks about it every 250 ms, and the gate lets bytes through only after a fresh yes.
//!
//! The help desk calls [`http::api`], whose rules are in [`domain`]. [`serve`] puts it all together.

pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
pub mod edge;
mod file_system;
pub mod history;
pub mod http;
pub mod liveness;
pub mod logging;
pub mod login;
pub mod metrics;
pub mod objects;
pub mod purge;
pub mod serve;
pub mod store;
