//! Comments: they need no creation; deleting one is final.

pub mod delete;
