//! What the client saw, all of it on one clock.
//!
//! `called` is taken before the first octet is sent, `answered` and `ended` after the last one was received: a client
//! that is late makes the service look innocent, never guilty.

use std::sync::Arc;

/// Microseconds after the run began.
pub type Micros = u64;

pub const SECOND: Micros = 1_000_000;

/// A link, and what it hangs on. Each number is used once in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `a/TOKEN/NAME`.
    pub path: Arc<str>,
    pub project: u32,
    pub comment: u32,
    pub attachment: u32,
    /// When its issue was answered.
    pub issued: Micros,
    /// The size of the file behind it.
    pub octets: u64,
}

/// What a revocation kills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// By its number, as everywhere here.
    Link(u32),
    Attachment(u32),
    Comment(u32),
    Project(u32),
    /// The project's mode is set to `portal_login`.
    Mode(u32),
}

/// A revocation: one call, or several when the first ones were not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    pub target: Target,
    /// The first try.
    pub first_called: Micros,
    /// The last try, which is the answered one if any was.
    pub called: Micros,
    /// With success.
    pub answered: Option<Micros>,
    pub tries: u32,
}

/// How a download ended, as a client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The body was as long as its head said, or, without a length, the connection was closed: it looks whole.
    Whole,
    /// The connection was closed before the end that the head had announced.
    Closed,
    /// The connection was reset, or could not be made.
    Reset,
    /// The client had enough, or waited in vain.
    GivenUp,
}

/// An upper bound of what had been handed to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Before it was taken.
    pub at: Micros,
    /// Octets received so far, and those that the kernel still held on either side.
    pub handed_at_most: u64,
}

/// A download, quick or slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub link: u32,
    pub replica: usize,
    pub called: Micros,
    pub ended: Micros,
    /// `None`: there was no answer.
    pub status: Option<u16>,
    /// Octets received, the head's among them.
    pub received: u64,
    /// Octets of the file among them.
    pub of_file: u64,
    pub end: End,
    /// Of slow ones only.
    pub samples: Vec<Sample>,
}

/// What was done to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// `SIGSTOP`, later `SIGCONT`.
    Paused,
    /// The database's answers come late.
    Delayed,
    /// Nothing gets through to the database nor back; connections stay.
    Frozen,
    /// Nothing gets through to the database: statements are sent, and do not arrive.
    RequestsHeld,
    /// The database's answers do not get through: a commit happens and is not heard of.
    AnswersHeld,
    /// Connections to the database are ended, and no new one can be made.
    CutOff,
    /// `kill -9`, and later a new process.
    Killed,
    /// The database ends as by a crash, and starts again.
    DatabaseRestarted,
}

/// A fault, from before it begins to after it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub fault: Fault,
    /// `None`: all of them.
    pub replica: Option<usize>,
    pub from: Micros,
    pub to: Micros,
}

/// A time without faults, after every replica was seen to be healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    pub from: Micros,
    pub to: Micros,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub links: Vec<Link>,
    pub revocations: Vec<Revocation>,
    pub attempts: Vec<Attempt>,
    pub troubles: Vec<Trouble>,
    pub quiet: Vec<Quiet>,
}
