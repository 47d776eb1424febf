//! The planted bugs. They live in this test's own replica processes only: around the liveness statements, in front of the
//! listeners, and in the test's database. The service's code carries none of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attachlink::domain::token::LinkId;
use attachlink::liveness::{Asked, AskedBy, LivenessQuery, LivenessRows};
use attachlink::store::{LivenessRow, StoreError};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::watch;

use super::judge::Kind;
use super::record::Fault;

/// How long the first bug believes what it was told.
const CACHED_FOR: Duration = Duration::from_secs(1);
/// What the threads are called that ask for downloads which begin; all others sweep.
const PUBLIC_THREADS: &str = "public-";

/// What is wrong with a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Liveness is cached for one second.
    CachedLiveness,
    /// What changes replaces no site's number: the triggers are off.
    NumberStays,
    /// A row that is kept is used without asking for its site's number.
    KeptUnasked,
    /// A request is answered by a statement that was in flight when it arrived.
    AnswerInFlight,
    /// No sweep asks anything: what runs pauses, and is not cut.
    SweepOff,
    /// The sweep takes for alive whatever was alive once.
    SweepBlind,
    /// A repeated revocation is answered from memory of an earlier try.
    RememberedRevocation,
    /// A cut ends the body as if it were whole.
    CleanCut,
}

impl Bug {
    pub const ALL: [Self; 8] = [
        Self::CachedLiveness,
        Self::NumberStays,
        Self::KeptUnasked,
        Self::AnswerInFlight,
        Self::SweepOff,
        Self::SweepBlind,
        Self::RememberedRevocation,
        Self::CleanCut,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::CachedLiveness => "liveness cached for a second",
            Self::NumberStays => "a change replaces no number",
            Self::KeptUnasked => "a kept row is used without asking",
            Self::AnswerInFlight => "answers from the statement in flight",
            Self::SweepOff => "the sweep is off",
            Self::SweepBlind => "the sweep asks nobody",
            Self::RememberedRevocation => "a repeated revocation is answered from memory",
            Self::CleanCut => "a cut ends the body cleanly",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }

    /// What the judge has to say about it.
    pub const fn breaks(self) -> Kind {
        match self {
            Self::CachedLiveness | Self::NumberStays | Self::KeptUnasked | Self::AnswerInFlight => {
                Kind::ServedAfterRevocation
            }
            Self::SweepOff => Kind::NotCut,
            Self::SweepBlind => Kind::HandedLate,
            Self::RememberedRevocation => Kind::RevocationLost,
            Self::CleanCut => Kind::CleanShortEnd,
        }
    }

    /// The faults under which it shows.
    pub const fn shown_by(self) -> &'static [Fault] {
        match self {
            Self::AnswerInFlight => &[Fault::Delayed],
            Self::RememberedRevocation => &[Fault::RequestsHeld, Fault::CutOff],
            Self::CachedLiveness
            | Self::NumberStays
            | Self::KeptUnasked
            | Self::SweepOff
            | Self::SweepBlind
            | Self::CleanCut => &[],
        }
    }

    /// Puts the bug around the liveness statements, where that is its place.
    pub fn around(self, query: LivenessQuery) -> LivenessQuery {
        match self {
            Self::CachedLiveness => cached(query),
            Self::KeptUnasked => unasked(query),
            Self::AnswerInFlight => joining(query),
            Self::SweepOff => without_sweep(query),
            Self::SweepBlind => with_blind_sweep(query),
            Self::NumberStays | Self::RememberedRevocation | Self::CleanCut => query,
        }
    }

    /// What is done to the database, where that is the bug's place.
    pub const fn in_the_database(self) -> &'static [&'static str] {
        match self {
            Self::NumberStays => &[
                "ALTER TABLE links DISABLE TRIGGER USER",
                "ALTER TABLE attachments DISABLE TRIGGER USER",
                "ALTER TABLE projects DISABLE TRIGGER USER",
                "ALTER TABLE comments DISABLE TRIGGER USER",
            ],
            _ => &[],
        }
    }
}

type Dated = HashMap<LinkId, (Instant, Arc<LivenessRow>)>;

fn cached(query: LivenessQuery) -> LivenessQuery {
    let known: Arc<Mutex<Dated>> = Arc::default();
    Arc::new(move |Asked { links, by }| {
        let (query, known) = (Arc::clone(&query), Arc::clone(&known));
        Box::pin(async move {
            let fresh = |link: &LinkId| {
                let known = known.lock();
                known.get(link).filter(|(at, _)| at.elapsed() < CACHED_FOR).map(|(_, row)| row.clone())
            };
            let mut rows: LivenessRows = links.iter().filter_map(fresh).collect();
            let told: HashSet<LinkId> = rows.iter().map(|row| row.id).collect();
            let links: SmallVec<_> = links.into_iter().filter(|link| !told.contains(link)).collect();
            if !links.is_empty() {
                let answer = query(Asked { links, by }).await?;
                known.lock().extend(answer.iter().map(|row| (row.id, (Instant::now(), row.clone()))));
                rows.extend(answer);
            }
            Ok(rows)
        })
    })
}

fn unasked(query: LivenessQuery) -> LivenessQuery {
    let kept: Arc<Mutex<HashMap<LinkId, Arc<LivenessRow>>>> = Arc::default();
    Arc::new(move |Asked { links, by }| {
        let (query, kept) = (Arc::clone(&query), Arc::clone(&kept));
        Box::pin(async move {
            if by == AskedBy::Sweep {
                return query(Asked { links, by }).await;
            }
            let (told, links): (SmallVec<[LinkId; 1]>, SmallVec<_>) =
                links.into_iter().partition(|link| kept.lock().contains_key(link));
            let mut rows: LivenessRows = told.iter().filter_map(|link| kept.lock().get(link).cloned()).collect();
            if !links.is_empty() {
                rows.extend(query(Asked { links, by }).await?);
            }
            kept.lock().extend(rows.iter().filter(|row| !row.withdrawn).map(|row| (row.id, Arc::clone(row))));
            Ok(rows)
        })
    })
}

type InFlight = watch::Receiver<Option<LivenessRows>>;

fn joining(query: LivenessQuery) -> LivenessQuery {
    let in_flight: Arc<Mutex<HashMap<LinkId, InFlight>>> = Arc::default();
    Arc::new(move |Asked { links, by }| {
        let (query, in_flight) = (Arc::clone(&query), Arc::clone(&in_flight));
        Box::pin(async move {
            let (say, heard) = watch::channel(None);
            let (mut joined, mut asked) = (Vec::new(), SmallVec::new());
            for link in links {
                let mut in_flight = in_flight.lock();
                match in_flight.get(&link) {
                    // One that was given up will not be answered.
                    Some(other) if other.has_changed().is_ok() => joined.push((link, other.clone())),
                    _ => {
                        in_flight.insert(link, heard.clone());
                        asked.push(link);
                    }
                }
            }
            let mut rows =
                if asked.is_empty() { LivenessRows::new() } else { query(Asked { links: asked.clone(), by }).await? };
            in_flight.lock().retain(|link, _| !asked.contains(link));
            say.send_replace(Some(rows.clone()));
            for (link, mut other) in joined {
                let answer = other.wait_for(Option::is_some).await;
                let answer = answer.map_err(|_| StoreError::Corrupt("what was joined was given up"))?;
                rows.extend(answer.iter().flatten().find(|row| row.id == link).cloned());
            }
            Ok(rows)
        })
    })
}

fn sweeps() -> bool {
    !std::thread::current().name().is_some_and(|name| name.starts_with(PUBLIC_THREADS))
}

fn without_sweep(query: LivenessQuery) -> LivenessQuery {
    Arc::new(move |links| if sweeps() { Box::pin(std::future::pending()) } else { query(links) })
}

fn with_blind_sweep(query: LivenessQuery) -> LivenessQuery {
    let alive: Arc<Mutex<HashMap<LinkId, Arc<LivenessRow>>>> = Arc::default();
    Arc::new(move |asked| {
        let alive = Arc::clone(&alive);
        if sweeps() {
            let rows = asked.links.iter().filter_map(|link| alive.lock().get(link).cloned()).collect();
            return Box::pin(std::future::ready(Ok(rows)));
        }
        let query = Arc::clone(&query);
        Box::pin(async move {
            let rows = query(asked).await?;
            alive.lock().extend(rows.iter().filter(|row| !row.withdrawn).map(|row| (row.id, Arc::clone(row))));
            Ok(rows)
        })
    })
}
