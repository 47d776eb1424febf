//! The attachment security of a project: its mode.

pub mod get;
pub mod put;
