//! What is asked: may this be done?

use super::{EmailAddress, Form, Standing, choices};

choices! {
    /// How a customer names somebody else.
    FoundBy:
    Search = "search", "Chosen from what a search found";
    Address = "address", "The exact address, typed";
}

choices! {
    /// What a search for people is for.
    SearchField:
    Share = "share", "Whom to share a request with";
    UserPicker = "user_picker", "A field that holds people, such as approvers";
}

/// Somebody whom a customer names, with what is known about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their address.
    pub address: EmailAddress,
    /// How they were named.
    pub found_by: FoundBy,
    /// What their address is here.
    pub standing: Standing,
    /// Whether they are in an organization of whoever names them.
    pub same_organization: bool,
}

/// With whom a request is to be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShareWith {
    /// Everyone in an organization.
    Organization {
        /// Whether whoever shares is in it.
        own: bool,
    },
    /// One person.
    Person(Person),
}

/// What somebody wants to do. Where whom it concerns is left open, the question is whether they may do so at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// See the site's help center.
    ViewHelpCenter,
    /// See a project's portal.
    ViewPortal,
    /// Get an account on the site.
    CreateAccount {
        /// What stands in the field that people do not see.
        honeypot: String,
    },
    /// Raise a request in the portal.
    RaiseRequest(Form),
    /// Raise one by email.
    RaiseRequestByEmail,
    /// Comment on a request by email.
    CommentByEmail,
    /// See a request.
    ViewRequest,
    /// Comment on one in the portal.
    CommentOnRequest,
    /// Share one.
    ShareRequest(Option<ShareWith>),
    /// Put somebody into a request's field of participants.
    AddParticipant(Option<Person>),
    /// Search for customers.
    SearchCustomers(SearchField),
    /// Download an attachment in the portal.
    DownloadAttachment,
    /// Read the knowledge base.
    ViewKnowledgeBase,
}
