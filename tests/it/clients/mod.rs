//! Programs that recipients really use, on the built binary and on each object store: `curl`, `wget`, `aria2c`, Chromium,
//! what `redbot` says of the answers, and nginx and `HAProxy` in between.

mod aria2;
mod chromium;
mod curl;
mod names;
mod parser;
mod proxies;
mod redbot;
mod wget;
mod world;
