//! Request forms that may be filled in without a login (product: *Login-free requests*).

use super::{Person, choices};

choices! {
    /// A kind of field of a request form.
    FieldKind:
    SecurityLevel = "security_level", "Security level";
    Approvers = "approvers", "Approvers";
    Labels = "labels", "Labels";
    RequestParticipants = "request_participants", "Request participants";
    Components = "components", "Components";
    FixVersions = "fix_versions", "Fix versions";
    AffectsVersions = "affects_versions", "Affects versions";
    Environment = "environment", "Environment";
    AssetObjects = "asset_objects", "Asset objects";
    Custom = "custom", "A custom field, or one of a third party";
    Other = "other", "Any other field";
}

impl FieldKind {
    /// Whether only somebody who is logged in can fill it in: a form that requires it needs a login, and one that does
    /// not hides it from others.
    #[must_use]
    pub const fn needs_login(self) -> bool {
        !matches!(self, Self::Custom | Self::Other)
    }
}

/// A request form on its way in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form {
    /// The kinds of the fields that it requires.
    pub required: Vec<FieldKind>,
    /// What stands in the field that people do not see. Only programs fill it in.
    pub honeypot: String,
    /// Whom it is raised for, if not for oneself.
    pub on_behalf_of: Option<Person>,
}

impl Form {
    /// The fields that it requires and nobody without a login can fill in.
    #[must_use]
    pub fn fields_that_need_a_login(&self) -> Vec<&'static str> {
        self.required.iter().filter(|field| field.needs_login()).map(|field| field.name()).collect()
    }
}
