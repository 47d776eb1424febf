//! The answer: yes or no, why, and what would help.

use super::choices;

choices! {
    /// Why something is allowed.
    Permit:
    Anyone = "anyone", "Anyone may";
    Customer = "customer", "Every customer with an account may";
    Added = "added", "A customer who is added to the project may";
    Agent = "agent", "Agents may";
    LoginFree = "login_free", "Anyone may without a login; an address has to be asked for, and an account is made";
    AccountMade = "account_made", "An account is made for the address";
    Reporter = "reporter", "It is their request";
    Participant = "participant", "The request is shared with them";
    Organization = "organization", "The request is shared with an organization of theirs";
    Tagged = "tagged", "They are tagged in the comment";
    WithinOrganization = "within_organization", "Within their organizations";
    WithinProject = "within_project", "Any customer or organization of the project";
    ExactAddress = "exact_address", "A customer whose exact address was typed";
    BecomesCustomer = "becomes_customer", "An account is made for somebody who is no customer yet";
    Anonymous = "anonymous", "All three settings of the knowledge base let anonymous readers in";
}

choices! {
    /// Why something is refused.
    Refusal:
    WrongSubject = "wrong_subject", "This kind of subject cannot do this";
    LoginRequired = "login_required", "It needs a login";
    UnknownCustomer = "unknown_customer", "The address has no account";
    UnknownSender = "unknown_sender", "The address has no account, and none is made for an email";
    NotAdded = "not_added", "Only customers who are added to the project may";
    AccountsNotCreated = "accounts_not_created", "No accounts are created for this kind of customer";
    HasAccount = "has_account", "The address has an account already";
    AutomaticAddress = "automatic_address", "A program writes from this address";
    Bot = "bot", "A field that people do not see is filled in";
    FieldNeedsLogin = "field_needs_login", "The form requires fields that need a login";
    NotOnRequest = "not_on_request", "There is no such thing, or it is not shared with them";
    PrivateRequest = "private_request", "A private request is shared with nobody";
    NoOrganization = "no_organization", "They are in no organization";
    OutsideOrganization = "outside_organization", "Sharing ends at one's organizations";
    NotACustomer = "not_a_customer", "The person is no customer, and cannot become one here";
    NoUserPicker = "no_user_picker", "Fields that hold people offer nobody here";
    KnowledgeBaseForAgents = "knowledge_base_for_agents", "The knowledge base is for agents only";
    KnowledgeBaseNotAnonymous = "knowledge_base_not_anonymous", "Readers without a login are not let in everywhere";
}

choices! {
    /// What would help somebody who was refused.
    Help:
    LogIn = "log_in", "Log in";
    CreateAccount = "create_account", "Create an account";
    AskAnAgent = "ask_an_agent", "Ask an agent of the help desk";
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Refusal,
    /// What would help, the best first.
    pub help: Vec<Help>,
    /// The names of the settings or fields that stand in the way, where it is these.
    pub because_of: Vec<&'static str>,
}

impl Refused {
    /// A refusal, and what would help.
    pub(super) fn new(reason: Refusal, help: &[Help]) -> Self {
        Self { reason, help: help.to_vec(), because_of: Vec::new() }
    }

    /// The same, with what stands in the way.
    pub(super) fn because_of(self, names: Vec<&'static str>) -> Self {
        Self { because_of: names, ..self }
    }
}

/// Yes and why, or no and why.
pub type Decision = Result<Permit, Refused>;
