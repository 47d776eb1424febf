//! Reading the knowledge base.

use super::super::{Decision, Help, Permit, Refusal, Refused, Subject, Viewing};
use super::Case;

const VIEWING: &str = "viewing";
const SPACE: &str = "space_anonymous_access";
const GLOBAL: &str = "global_anonymous_access";

impl Case<'_> {
    /// Customers read it where viewing is for all; without a login, three settings must agree, and those that do not
    /// are named.
    pub(super) fn view_knowledge_base(&self) -> Decision {
        let for_all = self.project.knowledge_base.viewing == Viewing::All;
        match self.subject {
            Subject::Agent => Ok(Permit::Agent),
            Subject::Sender(_) => Err(Self::wrong_subject()),
            Subject::Customer(_) if for_all => self.must_have_account().map(|()| Permit::Customer),
            Subject::Customer(_) => {
                Err(Refused::new(Refusal::KnowledgeBaseForAgents, &[Help::AskAnAgent]).because_of(vec![VIEWING]))
            }
            Subject::Visitor(_) => self.read_without_login(for_all),
        }
    }

    fn read_without_login(&self, for_all: bool) -> Decision {
        let space = self.project.knowledge_base.space_anonymous_access;
        let settings = [(VIEWING, for_all), (SPACE, space), (GLOBAL, self.site.knowledge_base.global_anonymous_access)];
        let off: Vec<&str> = settings.into_iter().filter(|(_, on)| !on).map(|(name, _)| name).collect();
        if off.is_empty() {
            return Ok(Permit::Anonymous);
        }
        // A login helps only where customers may read.
        let (reason, help) = if for_all {
            (Refusal::KnowledgeBaseNotAnonymous, Help::LogIn)
        } else {
            (Refusal::KnowledgeBaseForAgents, Help::AskAnAgent)
        };
        Err(Refused::new(reason, &[help]).because_of(off))
    }
}
