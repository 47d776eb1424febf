//! The bytes of an attachment, for the help desk.

pub mod get;
pub mod put;
