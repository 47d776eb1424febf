//! Sign-up tokens: the secret of a mail that asks somebody to sign up (product: *Login-free requests*).

use time::{Duration, OffsetDateTime};

use super::EmailAddress;

/// How long a token lives where nothing else is said.
pub const SIGN_UP_LIFETIME_HOURS: u16 = 72;
/// The longest life that may be asked for: 30 days.
pub const MAX_SIGN_UP_LIFETIME_HOURS: u16 = 720;
/// How long tokens are remembered, so that people read what became of theirs.
pub const SIGN_UP_KEPT: Duration = Duration::days(90);

/// Why a genuine token signs nobody up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUpRefused {
    /// It was redeemed before.
    Used,
    /// Its life is over: the password has to be reset.
    Over,
}

/// A token as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUpToken {
    /// Whom it signs up, and nobody else.
    pub email: EmailAddress,
    /// From when on it is over.
    pub expires_at: OffsetDateTime,
    /// Whether it was redeemed.
    pub redeemed: bool,
}

impl SignUpToken {
    /// Whether it signs its address up at `now`.
    ///
    /// # Errors
    /// Why not. Who has signed up need not reset a password.
    pub fn redeemable(&self, now: OffsetDateTime) -> Result<(), SignUpRefused> {
        if self.redeemed {
            Err(SignUpRefused::Used)
        } else if now >= self.expires_at {
            Err(SignUpRefused::Over)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn redeems_once_and_within_its_life() {
        let end = datetime!(2026-11-24 10:00:00 UTC);
        let token = |redeemed| SignUpToken { email: "ana@a.example".parse().unwrap(), expires_at: end, redeemed };
        for (redeemed, now, expected) in [
            (false, end - Duration::NANOSECOND, Ok(())),
            (false, end, Err(SignUpRefused::Over)),
            (true, end - Duration::HOUR, Err(SignUpRefused::Used)),
            (true, end, Err(SignUpRefused::Used)),
        ] {
            assert_eq!(token(redeemed).redeemable(now), expected, "{redeemed} {now}");
        }
    }
}
