//! The service after a kill, compared with what its clients were told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::{Call, Client, mode_name};
use super::service::Service;

impl Client {
    /// Finds out by one look whether the unanswered call happened. The comparison then shows whether all of it did.
    pub fn settle(&mut self, service: &Service) {
        let Some(call) = self.unanswered.take() else { return };
        let happened = match call {
            Call::Upload(at, upload) => {
                let before = self.upload_of(at);
                match service.get(&format!("{}/content", self.attachment(at))) {
                    (200, body) if body == upload.bytes() => true,
                    (200, body) => {
                        assert!(before.is_some_and(|before| before.bytes() == body), "{call:?}: half visible");
                        false
                    }
                    (404, _) => {
                        assert_eq!(before, None, "{call:?}: what was there is gone");
                        false
                    }
                    other => panic!("{call:?}: {other:?}"),
                }
            }
            // Nobody has its token, if it was issued.
            Call::Issue(_) => false,
            Call::DeleteComment(comment) => {
                let (status, body) = service.get(&format!("{}/attachments", self.comment(comment)));
                assert_eq!(status, 200);
                let list: Value = serde_json::from_slice(&body).expect("JSON");
                list["attachments"].as_array().expect("a list").is_empty()
            }
            Call::DeleteAttachment(at) => service.get(&self.attachment(at)).0 == 404,
            Call::RevokeLink(link) => {
                let (_, body) = service.get(&self.link(link));
                serde_json::from_slice::<Value>(&body).expect("JSON")["state"] == "withdrawn"
            }
            Call::Mode(secured) => {
                let (_, body) = service.get(&self.security());
                serde_json::from_slice::<Value>(&body).expect("JSON")["mode"] == mode_name(secured)
            }
        };
        if happened {
            self.happened(call);
        }
        self.touched.extend(call.comment());
    }

    /// Compares the service with what was answered, for the comments that `concerns` names.
    pub fn compare(&self, service: &Service, concerns: impl Fn(u64) -> bool) {
        for (comment, attachments) in self.comments.iter().filter(|(comment, _)| concerns(**comment)) {
            let (_, body) = service.get(&format!("{}/attachments", self.comment(*comment)));
            let listed: Value = serde_json::from_slice(&body).expect("JSON");
            let number = attachments.as_ref().map_or(0, BTreeMap::len);
            assert_eq!(listed["attachments"].as_array().map(Vec::len), Some(number), "{} c{comment}", self.project);
            for (attachment, upload) in attachments.iter().flatten() {
                let (status, body) = service.get(&format!("{}/content", self.attachment((*comment, *attachment))));
                assert!(status == 200 && body == upload.bytes(), "{} c{comment} a{attachment}: {status}", self.project);
            }
        }
        for at in self.gone.iter().filter(|at| concerns(at.0)) {
            assert_eq!(service.get(&self.attachment(*at)).0, 404, "{} {at:?}", self.project);
        }
        for link in self.links.iter().filter(|link| concerns(link.at.0)) {
            let (status, body) = service.open(&link.path);
            let name = format!("{} {:?} {}", self.project, link.at, link.id);
            if link.alive {
                let upload = self.upload_of(link.at).expect("a live link leads somewhere");
                assert!(status == 200 && body == upload.bytes(), "{name}: an answered link: {status}");
            } else {
                assert_eq!(status, 410, "{name}: an answered revocation");
            }
        }
    }

    pub fn settle_and_compare(&mut self, service: &Service) {
        self.settle(service);
        let touched = std::mem::take(&mut self.touched);
        self.compare(service, |comment| touched.contains(&comment));
    }

    /// A deleted comment takes nothing in, however often the service was killed since.
    pub fn try_tombstones(&self, service: &Service) {
        for comment in
            self.comments.iter().filter(|(_, attachments)| attachments.is_none()).map(|(comment, _)| *comment)
        {
            let path = format!("{}/content?filename=x", self.attachment((comment, 0)));
            assert_eq!(
                service.call("PUT", &path, b"late").expect("nobody kills it now").0,
                409,
                "{} c{comment}",
                self.project
            );
        }
    }
}
