//! The three settings of the knowledge base.

use super::*;
use crate::domain::portal::{ProjectKnowledgeBase, Viewing};

/// Viewing for all, space, global; what a visitor is told; what stands in the way.
const TABLE: [(bool, bool, bool, &str, &[&str]); 8] = [
    (true, true, true, "anonymous", &[]),
    (true, true, false, "knowledge_base_not_anonymous: log_in", &["global_anonymous_access"]),
    (true, false, true, "knowledge_base_not_anonymous: log_in", &["space_anonymous_access"]),
    (
        true,
        false,
        false,
        "knowledge_base_not_anonymous: log_in",
        &["space_anonymous_access", "global_anonymous_access"],
    ),
    (false, true, true, "knowledge_base_for_agents: ask_an_agent", &["viewing"]),
    (false, true, false, "knowledge_base_for_agents: ask_an_agent", &["viewing", "global_anonymous_access"]),
    (false, false, true, "knowledge_base_for_agents: ask_an_agent", &["viewing", "space_anonymous_access"]),
    (
        false,
        false,
        false,
        "knowledge_base_for_agents: ask_an_agent",
        &["viewing", "space_anonymous_access", "global_anonymous_access"],
    ),
];

#[test]
fn without_a_login_it_needs_all_three_and_a_missing_one_is_named() {
    for (for_all, space, global, expected, missing) in TABLE {
        for (mut site, mut project) in all_settings() {
            let viewing = if for_all { Viewing::All } else { Viewing::Agents };
            project.knowledge_base = ProjectKnowledgeBase { viewing, space_anonymous_access: space };
            site.knowledge_base.global_anonymous_access = global;
            let asked = |subject: &Subject, standing| {
                let facts = Facts { standing, ..Facts::default() };
                ask((&site, &project), (subject, &facts), &Action::ViewKnowledgeBase)
            };
            let visitor = asked(&Subject::Visitor(None), Standing::Unknown);
            assert_eq!(words(&visitor), expected);
            assert_eq!(visitor.err().map(|refused| refused.because_of).unwrap_or_default(), missing);
            let customer = asked(&Subject::Customer(address(EXTERNAL)), Standing::Account);
            assert_eq!(customer.is_ok(), for_all);
            assert_eq!(words(&asked(&Subject::Agent, Standing::Unknown)), "agent");
        }
    }
}
