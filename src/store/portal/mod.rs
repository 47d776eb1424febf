//! The portal: settings of sites and projects, customers, requests. A part of its own, with its own tables.
//!
//! Rows of a site are keyed by a random `portal_id`, rows of a project by its `project_id`. Both are lost with the site
//! or the project, in O(1), and the purge clears away what they led to.

mod access;
pub(super) mod clear;
mod downloads;
mod facts;
mod login_provider;
mod people;
mod permissions;
mod requests;
mod row;
pub(super) mod sessions;
pub(super) mod sign_up;

pub use downloads::DownloadFacts;
pub use facts::{AskedAbout, CaseFacts};
pub use login_provider::StoredProvider;
pub use people::{AddPerson, ListOfPeople};
pub use permissions::{OpenProjects, SetPermissions};
pub use requests::{PutRequest, RequestRecord};
pub use sign_up::{NewSignUp, Redeemed};
