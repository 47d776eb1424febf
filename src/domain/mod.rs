//! The rules of the product, as pure functions and methods on data.
//!
//! Nothing here touches a database, a file, a socket or the wall clock: the time is always an argument.
//! Each rule names the section of the product description it comes from.

pub mod access;
pub mod attachment;
pub mod brand;
pub mod color;
pub mod conditional;
pub mod email;
pub mod filename;
pub mod ids;
pub mod link;
pub mod mark;
pub mod media;
pub mod portal;
pub mod security;
pub mod token;
