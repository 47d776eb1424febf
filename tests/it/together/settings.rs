//! What is combined.

use serde_json::{Value, json};

/// A site's plan and compliance switch, and the mode that its project is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Security {
    pub plan: &'static str,
    pub safe_notifications: bool,
    pub mode: &'static str,
}

impl Security {
    /// All of them, also those that the plan refuses.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for plan in ["free", "standard", "premium", "enterprise"] {
            for safe_notifications in [false, true] {
                for mode in ["portal_login", "secured_link"] {
                    all.push(Self { plan, safe_notifications, mode });
                }
            }
        }
        all
    }

    /// Product, rule 3.
    pub fn is_refused(self) -> bool {
        self.plan == "free" && self.mode == "secured_link"
    }

    /// The site's settings.
    pub fn site(self) -> Value {
        json!({"plan": self.plan, "safe_notifications": self.safe_notifications,
            "portal_url": "https://help.acme.example/portal/{project}/{request}", "object_prefix": "acme"})
    }
}

/// Who gets in, and with whom requests are shared.
#[derive(Debug, Clone)]
pub struct Access {
    pub customer_access: Value,
    pub customer_permissions: Value,
}

impl Access {
    /// Each that a site may have.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (accounts, without_login) in [(false, false), (true, false), (true, true)] {
            for channel in ["restricted", "accounts", "open"] {
                for sharing in ["organization", "any_customer_by_email", "any_in_project"] {
                    let external = json!({"create_accounts": accounts});
                    all.push(Self {
                        customer_access: json!({"external_customers": external, "outgoing_mail": true,
                            "portal_without_login": without_login}),
                        customer_permissions: json!({"channel_access": channel, "sharing": sharing}),
                    });
                }
            }
        }
        all
    }
}
