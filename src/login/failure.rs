//! Why logins come to nothing. Whatever a provider answers may be secret or about a person: only what is wrong is told on.

use std::sync::Arc;

use openidconnect::{ClaimsVerificationError, DiscoveryError, ErrorResponse, RequestTokenError, UserInfoError};

use super::wire::NoAnswer;

/// Why a login came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoginError {
    /// The provider does not answer.
    #[error("the login provider does not answer")]
    Down(#[source] Arc<NoAnswer>),
    /// The provider answers what it should not, or the settings for it are wrong.
    #[error("the login provider or its settings are wrong: {0}")]
    Wrong(String),
    /// The provider takes neither this code nor this proof of who began: it was used before, or is another's.
    #[error("the login provider refuses the code")]
    CodeRefused,
    /// The provider does not vouch for an email address.
    #[error("the login provider names no verified email address")]
    NoVerifiedEmail,
}

impl LoginError {
    pub(super) fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong(what.into())
    }
}

pub(super) fn of_discovery(error: DiscoveryError<NoAnswer>) -> LoginError {
    match error {
        DiscoveryError::Request(error) => of_no_answer(error),
        DiscoveryError::Response(status, ..) => LoginError::Wrong(format!("its description is answered with {status}")),
        DiscoveryError::Validation(_) => LoginError::wrong("its description names another issuer"),
        _ => LoginError::wrong("its description cannot be read"),
    }
}

/// What a token endpoint answers may hold tokens: of all of it, only the error's name is told on.
pub(super) fn of_tokens<E: ErrorResponse + std::fmt::Display>(error: RequestTokenError<NoAnswer, E>) -> LoginError {
    match error {
        RequestTokenError::Request(error) => of_no_answer(error),
        RequestTokenError::ServerResponse(error) if error.to_string().starts_with("invalid_grant") => {
            LoginError::CodeRefused
        }
        RequestTokenError::ServerResponse(_) => LoginError::wrong("it refuses the client id or its secret"),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            LoginError::wrong("what it answers for the code cannot be read")
        }
    }
}

/// What a proof says may be about a person: only what is wrong with it is told on.
pub(super) fn of_proof(why: &ClaimsVerificationError) -> LoginError {
    LoginError::wrong(match why {
        // Somebody put the code of another login in.
        ClaimsVerificationError::InvalidNonce(_) => return LoginError::CodeRefused,
        ClaimsVerificationError::Expired(_) => "its proof is over: check the clocks",
        ClaimsVerificationError::InvalidAudience(_) => "its proof is for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "its proof names another issuer",
        ClaimsVerificationError::SignatureVerification(_) => "its proof is not signed by a key of its own",
        _ => "its proof cannot be used",
    })
}

pub(super) fn of_user_info(error: UserInfoError<NoAnswer>) -> LoginError {
    match error {
        UserInfoError::Request(error) => of_no_answer(error),
        UserInfoError::Response(status, ..) => LoginError::Wrong(format!("who it is is answered with {status}")),
        _ => LoginError::wrong("what it says about who it is cannot be used"),
    }
}

fn of_no_answer(error: NoAnswer) -> LoginError {
    match error {
        NoAnswer::Plain => LoginError::wrong("it leads to an address without TLS"),
        NoAnswer::Internal => LoginError::wrong("it is at an internal address: login_provider_addresses allows those"),
        NoAnswer::Tls(why) => LoginError::wrong(format!("TLS with it failed: {why}")),
        error => LoginError::Down(Arc::new(error)),
    }
}
