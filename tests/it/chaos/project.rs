//! The links of a project, and what kills them.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::client::{Client, SITE};
use super::record::{Link, Micros, Target};
use crate::binary::path_of;
use crate::random::Random;

/// Of each attachment.
pub const LINKS: usize = 4;
/// Of each attachment's links so many are revoked one by one.
const LINKS_REVOKED: usize = 2;

/// A link as the client has it.
#[derive(Clone)]
pub struct Held {
    pub number: u32,
    pub path: Arc<str>,
    pub id: Arc<str>,
    pub attachment: u32,
    pub comment: u32,
}

/// A call that revokes, and what dies by it.
pub struct Kill {
    pub target: Target,
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
}

pub fn project_path(project: u32) -> String {
    format!("{SITE}/projects/p{project}")
}

pub fn comment_path(project: u32, comment: u32) -> String {
    format!("{}/comments/c{comment}", project_path(project))
}

pub fn attachment_path(project: u32, comment: u32, attachment: u32) -> String {
    format!("{}/attachments/a{attachment}", comment_path(project, comment))
}

pub fn setting_mode(project: u32, mode: &str) -> (Method, String, Value) {
    (Method::PUT, format!("{}/attachment-security", project_path(project)), json!({"mode": mode}))
}

/// What a call issued links for.
pub struct Issued {
    pub project: u32,
    pub comment: u32,
    pub attachment: u32,
    pub at: Micros,
    pub octets: u64,
}

impl Issued {
    /// The links of the answer, which are in the record from now on.
    pub fn hold(self, client: &Client, answer: &Value) -> Vec<Held> {
        let Self { project, comment, attachment, at: issued, octets } = self;
        let links = answer["links"].as_array().expect("a list");
        let text = |link: &Value, name: &str| Arc::<str>::from(link[name].as_str().expect("a text"));
        let path = |link: &Value| Arc::<str>::from(path_of(&text(link, "url")));
        let recorded = links.iter().map(|link| Link { path: path(link), project, comment, attachment, issued, octets });
        let first = client.recorder.issued(recorded);
        let held = |(link, number)| Held { number, path: path(link), id: text(link, "link_id"), attachment, comment };
        links.iter().zip(first..).map(held).collect()
    }
}

/// What is revoked in a project: links, then attachments and comments, then all of it.
pub fn kills(random: &mut Random, project: u32, links: &[Held]) -> Vec<Kill> {
    let delete = |target, path| Kill { target, method: Method::DELETE, path, body: None };
    let mut singly: Vec<Kill> = Vec::new();
    let mut by_attachment: Vec<&[Held]> = links.chunks(LINKS).collect();
    for of_attachment in &by_attachment {
        let mut of_attachment = of_attachment.to_vec();
        random.shuffle(&mut of_attachment);
        let revoked = of_attachment.into_iter().take(LINKS_REVOKED);
        singly.extend(revoked.map(|held| delete(Target::Link(held.number), format!("{SITE}/links/{}", held.id))));
    }
    random.shuffle(&mut singly);
    random.shuffle(&mut by_attachment);
    let mut wider: Vec<Kill> = Vec::new();
    for (place, of_attachment) in by_attachment.iter().enumerate() {
        let Held { attachment, comment, .. } = of_attachment[0];
        // One in three is left to what kills the whole project.
        match place % 3 {
            0 => wider.push(delete(Target::Comment(comment), comment_path(project, comment))),
            1 => {
                let path = attachment_path(project, comment, attachment);
                wider.push(delete(Target::Attachment(attachment), path));
            }
            _ => {}
        }
    }
    let whole = if random.below(2) == 0 {
        delete(Target::Project(project), project_path(project))
    } else {
        let (method, path, body) = setting_mode(project, "portal_login");
        Kill { target: Target::Mode(project), method, path, body: Some(body) }
    };
    singly.into_iter().chain(wider).chain([whole]).collect()
}

impl Target {
    pub fn kills(self, project: u32, held: &Held) -> bool {
        match self {
            Self::Link(number) => held.number == number,
            Self::Attachment(attachment) => held.attachment == attachment,
            Self::Comment(comment) => held.comment == comment,
            Self::Project(number) | Self::Mode(number) => number == project,
        }
    }
}
