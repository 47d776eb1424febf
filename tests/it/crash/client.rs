//! A client: what it calls, and what follows from the answers by the rules.

use std::collections::{BTreeMap, HashSet};
use std::io;

use serde_json::{Value, json};

use super::service::Service;
use super::upload::Upload;
use crate::binary::path_of;
use crate::random::Random;

/// A comment and an attachment of it.
pub type At = (u64, u64);

#[derive(Debug, Clone, Copy)]
pub enum Call {
    Upload(At, Upload),
    Issue(At),
    DeleteComment(u64),
    DeleteAttachment(At),
    RevokeLink(usize),
    /// Into `secured_link` (true) or out of it.
    Mode(bool),
}

pub struct Link {
    pub path: String,
    pub id: String,
    pub at: At,
    pub alive: bool,
}

impl Call {
    /// The comment that it is about, if it is about one.
    pub const fn comment(self) -> Option<u64> {
        match self {
            Self::Upload((comment, _), _)
            | Self::Issue((comment, _))
            | Self::DeleteComment(comment)
            | Self::DeleteAttachment((comment, _)) => Some(comment),
            Self::RevokeLink(_) | Self::Mode(_) => None,
        }
    }
}

/// One client and what it was told.
pub struct Client {
    pub project: String,
    pub random: Random,
    pub secured: bool,
    /// The attachments of each comment; `None` once it is deleted.
    pub comments: BTreeMap<u64, Option<BTreeMap<u64, Upload>>>,
    pub links: Vec<Link>,
    /// Attachments that were deleted alone.
    pub gone: HashSet<At>,
    /// The comments that were touched since the last comparison.
    pub touched: HashSet<u64>,
    /// Sent, and not answered.
    pub unanswered: Option<Call>,
    pub answered: u64,
}

impl Client {
    pub fn new(number: u64) -> Self {
        Self {
            project: format!("P{number}"),
            random: Random(number),
            secured: false,
            comments: BTreeMap::new(),
            links: Vec::new(),
            gone: HashSet::new(),
            touched: HashSet::new(),
            unanswered: None,
            answered: 0,
        }
    }

    pub fn comment(&self, comment: u64) -> String {
        format!("/sites/acme/projects/{}/comments/c{comment}", self.project)
    }

    pub fn attachment(&self, (comment, attachment): At) -> String {
        format!("{}/attachments/a{attachment}", self.comment(comment))
    }

    pub fn upload_of(&self, (comment, attachment): At) -> Option<Upload> {
        self.comments.get(&comment)?.as_ref()?.get(&attachment).copied()
    }

    pub fn standing(&self) -> Vec<At> {
        let open = self.comments.iter().filter_map(|(comment, attachments)| Some((comment, attachments.as_ref()?)));
        open.flat_map(|(comment, attachments)| attachments.keys().map(|attachment| (*comment, *attachment))).collect()
    }

    /// What to do next. Whatever is deleted was there, so that it shows afterwards whether it was.
    pub fn choose(&mut self) -> Call {
        let standing = self.standing();
        let at = self.random.pick(&standing);
        let alive: Vec<usize> = (0..self.links.len()).filter(|link| self.links[*link].alive).collect();
        let link = self.random.pick(&alive);
        match (self.random.below(100), at, link) {
            (_, _, _) if !self.secured => Call::Mode(true),
            (0..35, Some(at), _) => Call::Issue(at),
            (35..43, Some(at), _) => Call::DeleteAttachment(at),
            (43..51, Some((comment, _)), _) => Call::DeleteComment(comment),
            (51..60, _, Some(link)) => Call::RevokeLink(link),
            (60..62, _, Some(_)) => Call::Mode(false),
            (62..73, Some(at), _) => Call::Upload(at, Upload::fresh(&mut self.random)),
            _ => {
                let open: Vec<u64> = self.comments.iter().filter(|(_, a)| a.is_some()).map(|(c, _)| *c).collect();
                let next = self.comments.len() as u64;
                let comment = if self.random.below(3) == 0 { next } else { self.random.pick(&open).unwrap_or(next) };
                Call::Upload((comment, self.random.below(1 << 40)), Upload::fresh(&mut self.random))
            }
        }
    }

    pub fn send(&self, service: &Service, call: Call) -> io::Result<(u16, Vec<u8>)> {
        match call {
            Call::Upload(at, upload) => {
                service.call("PUT", &format!("{}/content?filename=x.bin", self.attachment(at)), &upload.bytes())
            }
            Call::Issue(at) => {
                service.call("POST", &format!("{}/links", self.attachment(at)), b"{\"recipients\":[\"r\"]}")
            }
            Call::DeleteComment(comment) => service.call("DELETE", &self.comment(comment), b""),
            Call::DeleteAttachment(at) => service.call("DELETE", &self.attachment(at), b""),
            Call::RevokeLink(link) => service.call("DELETE", &self.link(link), b""),
            Call::Mode(secured) => {
                let mode = json!({"mode": mode_name(secured)}).to_string();
                service.call("PUT", &self.security(), mode.as_bytes())
            }
        }
    }

    pub fn link(&self, link: usize) -> String {
        format!("/sites/acme/links/{}", self.links[link].id)
    }

    pub fn security(&self) -> String {
        format!("/sites/acme/projects/{}/attachment-security", self.project)
    }

    /// Calls until the service dies.
    pub fn work(&mut self, service: &Service) {
        loop {
            let call = self.choose();
            let Ok((status, body)) = self.send(service, call) else {
                self.unanswered = Some(call);
                return;
            };
            let text = String::from_utf8_lossy(&body);
            assert!((200..300).contains(&status), "{}: {call:?}: {status} {text}", self.project);
            if let Call::Issue(at) = call {
                let answer: Value = serde_json::from_slice(&body).expect("JSON");
                let of = |name: &str| answer["links"][0][name].as_str().expect("a text").to_owned();
                self.links.push(Link { path: path_of(&of("url")).to_owned(), id: of("link_id"), at, alive: true });
            }
            self.happened(call);
            self.answered += 1;
        }
    }

    /// What follows from a call by the rules.
    pub fn happened(&mut self, call: Call) {
        let changes = matches!(call, Call::Mode(secured) if secured != self.secured);
        match call {
            Call::Upload((comment, attachment), upload) => {
                let attachments = self.comments.entry(comment).or_insert_with(|| Some(BTreeMap::new()));
                attachments.as_mut().expect("it is open").insert(attachment, upload);
            }
            Call::DeleteComment(comment) => drop(self.comments.insert(comment, None)),
            Call::DeleteAttachment(at) => {
                self.comments.get_mut(&at.0).and_then(Option::as_mut).expect("it is open").remove(&at.1);
                self.gone.insert(at);
            }
            Call::Mode(secured) => self.secured = secured,
            Call::Issue(_) | Call::RevokeLink(_) => {}
        }
        self.touched.extend(call.comment());
        for (number, link) in self.links.iter_mut().enumerate() {
            let dies = match call {
                Call::DeleteComment(comment) => link.at.0 == comment,
                Call::DeleteAttachment(at) => link.at == at,
                Call::RevokeLink(revoked) => revoked == number,
                Call::Mode(_) => changes,
                Call::Upload(..) | Call::Issue(_) => false,
            };
            if dies {
                link.alive = false;
                self.touched.insert(link.at.0);
            }
        }
    }
}

pub const fn mode_name(secured: bool) -> &'static str {
    if secured { "secured_link" } else { "portal_login" }
}
