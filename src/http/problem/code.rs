//! Every way to say no, in one table: the stable name, its status and its title.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $status:ident, $name:literal, $title:literal;)*) => {
        /// Every way to say no.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {$(
            $(#[$doc])*
            $code,
        )*}

        impl Code {
            /// All of them, in order of their status.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The stable name: the member `code` of the body, and the label of metrics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {$(Self::$code => $name,)*}
            }

            /// The HTTP status that it always goes with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {$(Self::$code => StatusCode::$status,)*}
            }

            /// What kind of problem it is, in words that do not change from case to case.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {$(Self::$code => $title,)*}
            }
        }
    };
}

codes! {
    /// The body is no JSON.
    MalformedJson = BAD_REQUEST, "malformed_json", "The body is not JSON";
    /// The body ended early, or its framing is broken.
    IncompleteBody = BAD_REQUEST, "incomplete_body", "The body did not arrive whole";
    /// No `Host`, several, or one that names none (RFC 9112 section 3.2).
    InvalidHost = BAD_REQUEST, "invalid_host", "The request does not name its host";
    /// What an `AuthZEN` call asks is no question.
    BadEvaluation = BAD_REQUEST, "invalid_request", "The request is invalid";
    /// The login was not begun in this browser, or is over.
    LoginFailed = BAD_REQUEST, "login_failed", "The login did not work";
    /// No API key, or none that is valid.
    Unauthorized = UNAUTHORIZED, "unauthorized", "A valid API key is needed";
    /// The key lacks the call's scope.
    MissingScope = FORBIDDEN, "missing_scope", "The API key lacks the scope";
    /// Needs a key bound to nothing (product, rule 4).
    UnboundKeyRequired = FORBIDDEN, "unbound_key_required", "This needs an API key that is bound to no site";
    /// Needs a key of the site, not of one project.
    SiteKeyRequired = FORBIDDEN, "site_key_required", "This needs an API key of the site";
    /// The site's plan does not include it (product, rule 3).
    PlanRequired = FORBIDDEN, "plan_required", "The site's plan does not include this";
    /// The object's key is not under the site's prefix.
    ObjectOutsidePrefix = FORBIDDEN, "object_outside_prefix", "The object is outside of the site's prefix";
    /// The rules do not let this customer download this (product: *Who may download in the portal*).
    DownloadNotAllowed = FORBIDDEN, "download_not_allowed", "The attachment is not shared with this customer";
    /// The login provider vouches for nobody.
    LoginRefused = FORBIDDEN, "login_refused", "The login was refused";
    /// Nothing is here, or nothing that a stranger is told about.
    NotFound = NOT_FOUND, "not_found", "Not found";
    /// No such site, or none of the key's.
    SiteNotFound = NOT_FOUND, "site_not_found", "No such site";
    /// A project outside of what the key is bound to.
    ProjectNotFound = NOT_FOUND, "project_not_found", "No such project";
    /// No such attachment.
    AttachmentNotFound = NOT_FOUND, "attachment_not_found", "No such attachment";
    /// The site has no login provider.
    LoginProviderNotFound = NOT_FOUND, "login_provider_not_found", "The site has no login provider";
    /// The store has no such object.
    ObjectNotFound = NOT_FOUND, "object_not_found", "The store has no such object";
    /// The sign-up token was never made in this site, or for another address.
    SignUpTokenNotFound = NOT_FOUND, "sign_up_token_not_found", "No such sign-up token";
    /// The link was never issued, or is not the key's to see.
    LinkNotFound = NOT_FOUND, "link_not_found", "No such link";
    /// The request was never registered.
    RequestNotFound = NOT_FOUND, "request_not_found", "No such request";
    /// The path exists, the method does not.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here";
    /// The comment was deleted (product, rule 7).
    CommentDeleted = CONFLICT, "comment_deleted", "The comment was deleted";
    /// The sign-up token was redeemed before.
    SignUpTokenUsed = CONFLICT, "sign_up_token_used", "The sign-up token was used";
    /// The service is not set up for logins.
    LoginNotSetUp = CONFLICT, "login_not_set_up", "The service is not set up for logins";
    /// The mode or the compliance switch forbids links without a login.
    SecuredLinksOff = CONFLICT, "secured_links_off", "Secured links are off";
    /// A genuine sign-up token that is past its time.
    PasswordResetRequired = GONE, "password_reset_required", "The password must be reset";
    /// A genuine token that is past its time.
    LinkExpired = GONE, "link_expired", "This link has expired";
    /// A genuine token that was revoked, in whatever way.
    LinkWithdrawn = GONE, "link_withdrawn", "This link was withdrawn";
    /// `If-Match` or `If-Unmodified-Since` does not hold.
    PreconditionFailed = PRECONDITION_FAILED, "precondition_failed", "A precondition does not hold";
    /// A JSON body over its limit.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body_too_large", "The JSON body is too large";
    /// An upload over the configured limit.
    UploadTooLarge = PAYLOAD_TOO_LARGE, "upload_too_large", "The upload is too large";
    /// A body that is not called JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body must be JSON";
    /// No octet of the range exists.
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE, "range_not_satisfiable", "The range lies outside of the file";
    /// A field, a path id or a parameter is wrong; the body says which, and why.
    InvalidRequest = UNPROCESSABLE_ENTITY, "invalid_request", "The request is invalid";
    /// A body names an attachment that the comment does not have.
    UnknownAttachment = UNPROCESSABLE_ENTITY, "attachment_not_found", "The comment has no such attachment";
    /// A portal without login needs external customers to create accounts.
    AccountsRequired = UNPROCESSABLE_ENTITY, "accounts_required", "External customers must be able to create accounts";
    /// A portal without login needs outgoing mail.
    OutgoingMailRequired = UNPROCESSABLE_ENTITY, "outgoing_mail_required", "Outgoing mail must be set up";
    /// A program writes from this address.
    AutomaticAddress = UNPROCESSABLE_ENTITY, "automatic_address", "A program writes from this address";
    /// The client asked too often for what is not there.
    TooManyRequests = TOO_MANY_REQUESTS, "too_many_requests", "Too many requests";
    /// A fault of ours.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Internal error";
    /// The login provider answers what it should not, or its settings are wrong.
    LoginProviderFailed = BAD_GATEWAY, "login_provider_failed", "The login provider does not work";
    /// The database or the store does not answer, or cannot tell.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "Unavailable for the moment";
    /// The login provider does not answer.
    LoginProviderUnavailable = SERVICE_UNAVAILABLE, "login_provider_unavailable", "The login provider does not answer";
    /// The database was restored from a backup, and nobody has said `attachlink recover` yet.
    RecoveryRequired = SERVICE_UNAVAILABLE, "recovery_required", "The service has to be recovered";
    /// The bytes are gone from the store.
    ObjectUnavailable = SERVICE_UNAVAILABLE, "object_unavailable", "The file's bytes are not available";
    /// No room for an upload.
    StorageFull = INSUFFICIENT_STORAGE, "storage_full", "There is no room for the upload";
}

impl Code {
    /// The problem's URI (RFC 9457 section 3.1.1): a name, not a place to visit.
    #[must_use]
    pub fn type_uri(self) -> String {
        format!("urn:attachlink:problem:{}", self.name())
    }

    /// Whether the client may ask again soon, and is told so by `Retry-After`.
    pub(super) const fn is_passing(self) -> bool {
        matches!(self, Self::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_snake_case_and_told_apart_by_their_status() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(code.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code:?}");
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert!(seen.insert((code.name(), code.status())), "{code:?} twice");
        }
        assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
    }
}
