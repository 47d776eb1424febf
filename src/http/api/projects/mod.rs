//! Projects: they need no creation, and can be deleted.

pub mod delete;
