//! Downloads for a portal that does its own login.

pub mod place;
pub mod post;
