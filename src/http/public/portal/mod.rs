//! Logging in to download: `/p/…`.
//!
//! Whoever has no session is sent to the site's login provider before anything is looked up but that provider: nobody
//! learns what exists. Where they go after it is in a sealed cookie, not in the address: nobody can be led elsewhere.

mod cookies;
mod download;
mod log_out;
mod logged_in;
mod provider;
mod redirect;

use std::str::FromStr;

use percent_encoding::percent_decode_str;

pub(super) use download::download;
pub(super) use log_out::{ask_to_log_out, log_out};
pub(super) use logged_in::logged_in;

use super::refuse::Refusal;
use crate::http::problem::Code;

/// An id of a path.
fn id<T: FromStr>(part: &str) -> Result<T, Refusal> {
    let text = percent_decode_str(part).decode_utf8().map_err(|_| Refusal::new(Code::NotFound))?;
    text.parse().map_err(|_| Refusal::new(Code::NotFound))
}
