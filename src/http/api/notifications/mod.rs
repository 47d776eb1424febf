//! Notifications: the email decision, and the links that go with it.

mod answer;
mod build;
pub mod post;
