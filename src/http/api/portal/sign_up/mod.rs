//! Sign-up tokens, for the mail that asks somebody to sign up.

pub mod post;
pub mod redeem;
