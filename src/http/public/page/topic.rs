//! What a page can be about.

use crate::http::problem::Code;

macro_rules! topics {
    ($($(#[$doc:meta])* $topic:ident = $message:literal;)*) => {
        /// What a page is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Topic {$(
            $(#[$doc])*
            $topic,
        )*}

        impl Topic {
            /// All of them, in the order of their numbers.
            pub(super) const ALL: &'static [Self] = &[$(Self::$topic),*];

            /// Its message in the files of `texts/`.
            pub(super) const fn message(self) -> &'static str {
                match self {$(Self::$topic => $message,)*}
            }
        }
    };
}

topics! {
    LinkExpired = "link-expired";
    /// A link of five minutes.
    PortalLinkExpired = "portal-link-expired";
    LinkWithdrawn = "link-withdrawn";
    Unavailable = "unavailable";
    /// Somebody behind the same address guesses.
    TooManyRequests = "too-many-requests";
    FileChanged = "file-changed";
    NotShared = "not-shared";
    FileRemoved = "file-removed";
    LoginFailed = "login-failed";
    LoginRefused = "login-refused";
    LoginProviderUnavailable = "login-provider-unavailable";
    LoginProviderFailed = "login-provider-failed";
    NotPossible = "not-possible";
    NotFound = "not-found";
    /// Asks whether to log out.
    LogOut = "log-out";
    LoggedOut = "logged-out";
}

impl Topic {
    /// What the page of a refusal is about; `brief`: of a link of five minutes.
    pub(super) const fn of(code: Code, brief: bool) -> Self {
        match code {
            Code::LinkExpired if brief => Self::PortalLinkExpired,
            Code::LinkExpired => Self::LinkExpired,
            Code::LinkWithdrawn => Self::LinkWithdrawn,
            Code::ObjectUnavailable | Code::Unavailable => Self::Unavailable,
            Code::TooManyRequests => Self::TooManyRequests,
            Code::PreconditionFailed | Code::RangeNotSatisfiable => Self::FileChanged,
            Code::DownloadNotAllowed => Self::NotShared,
            Code::AttachmentNotFound => Self::FileRemoved,
            Code::LoginFailed => Self::LoginFailed,
            Code::LoginRefused => Self::LoginRefused,
            Code::LoginProviderUnavailable => Self::LoginProviderUnavailable,
            Code::LoginProviderFailed => Self::LoginProviderFailed,
            Code::MethodNotAllowed => Self::NotPossible,
            _ => Self::NotFound,
        }
    }
}
