//! The accept loop: ours, because a file server that strangers reach needs limits on how long a client may take for
//! everything, caps, and a drain with a deadline, and because a cut must reach the socket itself.

mod client;
mod connection;
mod leftover;
mod listen;
mod live;
mod places;
mod serve;
mod socket;
mod unsent;
mod watch;

pub use client::{Client, TrustedProxies};
pub use leftover::ReadToTheEnd;
pub use listen::{bind, bind_group};
pub use places::{Place, Places};
pub use serve::{Accepted, Edge, Front, serve};
pub use socket::GatedSocket;
pub use watch::{MinRate, Patience, RanOut, Watch};
