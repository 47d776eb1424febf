//! The portal and its access rules: who may get in, ask, share and download (product: *The portal and its access
//! rules*).
//!
//! Settings of a site ([`CustomerAccess`]) and of a project ([`CustomerPermissions`]), what they mean together
//! ([`Effective`]), and one function, [`decide`], that answers every question from them and from what is known about
//! whoever asks ([`Facts`]). Nothing is looked up here.

mod action;
mod address;
mod automatic;
mod customer_access;
mod customer_permissions;
mod decision;
mod download;
mod effective;
mod email_address;
mod facts;
mod form;
mod login_provider;
mod request;
mod rules;
mod session;
mod sign_up;

pub use action::{Action, FoundBy, Person, SearchField, ShareWith};
pub use address::{InvalidPortalUrl, PortalUrl};
pub use automatic::AutomaticAddresses;
pub use customer_access::{CustomerAccess, ExternalCustomers, Impossible, InternalCustomers, SiteKnowledgeBase};
pub use customer_permissions::{ChannelAccess, CustomerPermissions, ProjectKnowledgeBase, Sharing, Viewing};
pub use decision::{Decision, Help, Permit, Refusal, Refused};
pub use download::{PortalDownload, Proof};
pub use effective::Effective;
pub use email_address::{Domain, EmailAddress, InvalidDomain, InvalidEmailAddress};
pub use facts::{Facts, Role, Standing, Subject};
pub use form::{FieldKind, Form};
pub use login_provider::{ClientId, ClientSecret, InvalidIssuer, Issuer, LoginProvider};
pub use request::{InvalidRequest, Request, RequestChannel};
pub use rules::{Case, decide};
pub use session::{
    Attempt, LOGIN_LIFETIME, ProviderNumber, SESSION_KEPT, SESSION_LIFETIME, Session, SessionId, Target,
};
pub use sign_up::{MAX_SIGN_UP_LIFETIME_HOURS, SIGN_UP_KEPT, SIGN_UP_LIFETIME_HOURS, SignUpRefused, SignUpToken};

/// Makes an enum of choices with a stable name in the API and in the database, and a title that a person knows.
///
/// `$name` is a `tt`: inside of a `literal` the description's derive does not find the name.
macro_rules! choices {
    ($(#[$doc:meta])* $choice:ident: $($(#[$about:meta])* $variant:ident = $name:tt, $title:literal;)+) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            utoipa::ToSchema,
        )]
        pub enum $choice {$(
            $(#[$about])*
            #[doc = $title]
            #[serde(rename = $name)]
            $variant,
        )+}

        impl $choice {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {$(Self::$variant => $name,)+}
            }

            /// What a person knows it as.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {$(Self::$variant => $title,)+}
            }

            /// The one of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|choice| choice.name() == name)
            }
        }
    };
}
use choices;
