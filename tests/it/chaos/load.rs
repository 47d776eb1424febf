//! What the client does all the time: makes links, opens them, and revokes them under its own fire.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::Client;
use super::download::Pace;
use super::fleet::{LARGE, REPLICAS, SMALL};
use super::project::{Held, Issued, Kill, LINKS, attachment_path, kills, setting_mode};
use crate::random::Random;

const COMMENTS: usize = 3;
/// The first attachment of a comment is large, the others are small.
const ATTACHMENTS: usize = 2;
/// Around each revocation: attempts just before it and while it runs, and after its answer on the same replica, and on
/// the others; and of links that live, and that died earlier.
const BEFORE: usize = 2;
const AFTER_HERE: usize = 2;
const LIVE: usize = 1;
const DEAD: usize = 1;
/// Downloads of one worker that may be under way when it goes on.
const SHOTS_AT_ONCE: usize = 64;
/// Of so many revocations one is called where something is being done to the replica, if it would be so by chance.
const INTO_TROUBLE: u64 = 3;

/// Makes links, attacks them and revokes them, in projects of its own, until it is stopped.
pub struct Worker {
    client: Arc<Client>,
    random: Random,
    stop: Arc<AtomicBool>,
    /// Numbers of projects, comments and attachments, each used once.
    numbers: Arc<AtomicU32>,
    fire: Fire,
}

impl Worker {
    pub fn new(client: &Arc<Client>, random: Random, stop: &Arc<AtomicBool>, numbers: &Arc<AtomicU32>) -> Self {
        let fire = Fire { client: Arc::clone(client), shots: JoinSet::new() };
        let (client, stop, numbers) = (Arc::clone(client), Arc::clone(stop), Arc::clone(numbers));
        Self { client, random, stop, numbers, fire }
    }

    /// Rounds until it is stopped.
    pub async fn work(mut self) {
        while !self.stop.load(Ordering::SeqCst) {
            // `None`: something was not answered for very long. What was revoked until then is in the record.
            let _ = self.round().await;
        }
        self.fire.until_at_most(0).await;
    }

    fn number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    fn replica(&mut self) -> usize {
        usize::try_from(self.random.below(REPLICAS as u64)).expect("it is small")
    }

    /// Where to revoke: mostly where it can be answered, since each takes its turn at one row of the database.
    fn replica_for_revoking(&mut self) -> usize {
        for _ in 0..REPLICAS {
            let replica = self.replica();
            if !self.client.is_troubled(replica) || self.random.below(INTO_TROUBLE) == 0 {
                return replica;
            }
        }
        self.replica()
    }

    /// Where to download: as often as not where something is being done to the replica.
    fn replica_to_attack(&mut self) -> usize {
        let replica = self.replica();
        let mut others = (0..REPLICAS).map(|next| (replica + next) % REPLICAS);
        let troubled = others.find(|replica| self.client.is_troubled(*replica));
        troubled.filter(|_| self.random.below(2) == 0).unwrap_or(replica)
    }

    /// A project with its links, from the first to the last of them.
    async fn round(&mut self) -> Option<()> {
        let project = self.number();
        let mut links = self.make(project).await?;
        let mut slow = JoinSet::new();
        for first in links.chunks(ATTACHMENTS * LINKS).map(|of_comment| of_comment[0].clone()) {
            let (client, replica) = (Arc::clone(&self.client), self.replica());
            slow.spawn(async move { client.attempt(first.number, &first.path, replica, Pace::Slow).await });
        }
        let mut dead: Vec<Held> = Vec::new();
        for kill in kills(&mut self.random, project, &links) {
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            let dies = |held: &Held| kill.target.kills(project, held);
            let dying: Vec<Held> = links.iter().filter(|held| dies(held)).cloned().collect();
            links.retain(|held| !dies(held));
            self.revoke_under_fire(&kill, &dying, &links, &dead).await;
            dead.extend(dying);
        }
        // Their links are dead by now, unless the run was stopped: they were cut, or end whole, or the client has waited enough.
        while slow.join_next().await.is_some() {}
        Some(())
    }

    /// A project in `secured_link` with comments, attachments and links.
    async fn make(&mut self, project: u32) -> Option<Vec<Held>> {
        let (method, path, body) = setting_mode(project, "secured_link");
        self.call(method, &path, &body).await?;
        let mut links = Vec::new();
        for _ in 0..COMMENTS {
            let comment = self.number();
            for (file, octets) in [LARGE].into_iter().chain([SMALL; ATTACHMENTS - 1]) {
                let attachment = self.number();
                let path = attachment_path(project, comment, attachment);
                let body = json!({"object_key": file, "filename": file, "media_type": "application/octet-stream"});
                self.call(Method::PUT, &path, &body).await?;
                let recipients: Vec<String> = (0..LINKS).map(|recipient| format!("r-{recipient}")).collect();
                let body = json!({"recipients": recipients});
                let answer = self.call(Method::POST, &format!("{path}/links"), &body).await?;
                let at = self.client.recorder.now();
                let issued = Issued { project, comment, attachment, at, octets: octets as u64 };
                links.extend(issued.hold(&self.client, &answer));
            }
        }
        Some(links)
    }

    async fn call(&mut self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let client = Arc::clone(&self.client);
        client.done(|| self.replica_for_revoking(), method, path, Some(body)).await
    }

    /// One revocation, with downloads before it, while it runs, and after its answer.
    async fn revoke_under_fire(&mut self, kill: &Kill, dying: &[Held], living: &[Held], dead: &[Held]) {
        let here = self.replica_to_attack();
        let prey = [self.random.pick(&places(dying)), self.random.pick(&places(dying))];
        let prey = prey.map(|place| place.map(|place| &dying[place]));
        for _ in 0..BEFORE {
            self.fire.at(prey[0], here);
        }
        let call = (kill.method.clone(), &*kill.path, kill.body.as_ref());
        let client = Arc::clone(&self.client);
        // Half of those that are repeated are repeated on the same replica.
        let mut choice = self.replica_for_revoking();
        let choose = || {
            let chosen = choice;
            if self.random.below(2) == 0 {
                choice = self.replica_for_revoking();
            }
            chosen
        };
        if !client.revoke(kill.target, call, choose).await {
            return;
        }
        for shot in 0..AFTER_HERE {
            self.fire.at(prey[shot.min(1)], here);
        }
        for other in (0..REPLICAS).filter(|other| *other != here) {
            self.fire.at(prey[0], other);
        }
        for (among, shots) in [(living, LIVE), (dead, DEAD)] {
            for _ in 0..shots {
                let (link, replica) = (self.random.pick(&places(among)), self.replica());
                self.fire.at(link.map(|place| &among[place]), replica);
            }
        }
        self.fire.until_at_most(SHOTS_AT_ONCE).await;
    }
}

fn places(of: &[Held]) -> Vec<usize> {
    (0..of.len()).collect()
}

/// Quick downloads that run at the same time.
struct Fire {
    client: Arc<Client>,
    shots: JoinSet<()>,
}

impl Fire {
    fn at(&mut self, link: Option<&Held>, replica: usize) {
        let Some(link) = link.cloned() else { return };
        let client = Arc::clone(&self.client);
        self.shots.spawn(async move { client.attempt(link.number, &link.path, replica, Pace::Quick).await });
    }

    /// Waits until so many are left. Those that a frozen replica keeps waiting need not keep the others.
    async fn until_at_most(&mut self, left: usize) {
        while self.shots.len() > left {
            let shot = self.shots.join_next().await.expect("there are some");
            shot.expect("an attempt does not panic");
        }
        while let Some(shot) = self.shots.try_join_next() {
            shot.expect("an attempt does not panic");
        }
    }
}
