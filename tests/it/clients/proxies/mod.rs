//! Through proxies from Debian's packages, with the configurations that are shipped: what recipients get is the same, and
//! a cut reaches them.

mod passing;
mod proxy;
mod revoking;
