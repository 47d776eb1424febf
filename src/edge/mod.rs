//! The accept loop: ours, because a file server that strangers reach needs header timeouts, caps, a stalled-write
//! timeout and a drain with a deadline, and because a cut must reach the socket itself.

mod leftover;
mod listen;
mod serve;
mod socket;

pub use leftover::ReadToTheEnd;
pub use listen::{bind, bind_group};
pub use serve::{Edge, serve};
pub use socket::{GatedSocket, Stall};
