//! Mending: a transfer that is cut in mid-stream goes on from its next octet.
//!
//! Each piece is asked for anew, in exactly the version that was begun; whoever opens pieces checks the answer. Before
//! that the body's owner is asked whether it may go on at all (design, 4: liveness is asked again). So what comes out
//! is the range, whole and right, or an error as the last item; never a clean short end.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use http_body::Body;
use tokio::time::{Instant, Sleep};

use super::ObjectError;

/// Tries in a row that give no octet, after which a transfer is given up.
const TRIES_IN_A_ROW: u32 = 24;
/// Tries to open a body, before which nothing was promised to anyone.
const TRIES_AT_FIRST: u32 = 3;
/// Before the second try in a row; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// Between two tries at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the owner of a body says to mending it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayMend {
    /// Go on.
    Yes,
    /// It is over: nothing more is to be read.
    No,
    /// Nobody can say just now: wait.
    Unknown,
}

/// Asked before each piece of a body but the first.
type Ask = Arc<dyn Fn() -> BoxFuture<'static, MayMend> + Send + Sync>;
/// Told how a mending ended, and how long it took.
type Tell = Arc<dyn Fn(Result<(), &ObjectError>, Duration) + Send + Sync>;

/// What the owner of a body has to do with its mending.
#[derive(Clone)]
pub struct Owner {
    may_mend: Ask,
    mended: Tell,
}

impl Owner {
    /// An owner who is asked by `may_mend` before each piece but the first, and told by `mended` how it went.
    pub fn new(
        may_mend: impl Fn() -> BoxFuture<'static, MayMend> + Send + Sync + 'static,
        mended: impl Fn(Result<(), &ObjectError>, Duration) + Send + Sync + 'static,
    ) -> Self {
        Self { may_mend: Arc::new(may_mend), mended: Arc::new(mended) }
    }
}

/// Why a piece could not be opened.
#[derive(Debug)]
pub(super) enum Broken {
    /// Asking again may help.
    ForNow(ObjectError),
    /// It will not.
    ForGood(ObjectError),
}

/// How long the store is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Silence in mid-stream that counts as a cut. The clock runs only while somebody waits for octets: a slow
    /// recipient is no silence.
    pub(super) silence: Duration,
    /// How long a transfer may stay without an octet, silence included.
    pub(super) away: Duration,
}

/// Some of the octets of a piece.
pub(super) trait Octets {
    /// How many they are.
    fn octets(&self) -> usize;
}

impl Octets for Bytes {
    fn octets(&self) -> usize {
        self.len()
    }
}

type Opened<B> = Result<B, Broken>;
type Open<B> = Arc<dyn Fn(Range<u64>) -> BoxFuture<'static, Opened<B>> + Send + Sync>;

/// How octets are got out of a piece; `None`: it is cut.
type Read<B, T> = fn(&mut B, &mut Context<'_>) -> Poll<Option<T>>;

enum State<B> {
    Reading(B),
    Mending(BoxFuture<'static, Result<B, ObjectError>>),
    Over,
}

/// A range of an object, of pieces that are mended together.
pub(super) struct Mended<B> {
    state: State<B>,
    /// What is still owed.
    rest: Range<u64>,
    open: Open<B>,
    owner: Option<Owner>,
    patience: Patience,
    /// Runs out when the store is silent; wound up at the first wait after an octet.
    silence: Pin<Box<Sleep>>,
    /// Since when somebody waits for the next octet.
    waiting_since: Option<Instant>,
    /// Since when no octet came, while a transfer is being mended.
    away_since: Option<Instant>,
    tries: u32,
}

impl<B: Send + 'static> Mended<B> {
    /// A body of `range`, whose pieces `open` gives. Nothing is opened yet.
    pub(super) fn new(
        range: Range<u64>,
        patience: Patience,
        open: impl Fn(Range<u64>) -> BoxFuture<'static, Opened<B>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            state: State::Over,
            rest: range,
            open: Arc::new(open),
            owner: None,
            patience,
            silence: Box::pin(tokio::time::sleep(patience.silence)),
            waiting_since: None,
            away_since: None,
            tries: 0,
        }
    }

    /// Opens the first piece.
    pub(super) async fn open(&mut self) -> Result<(), ObjectError> {
        let piece = first(|| (self.open)(self.rest.clone())).await?;
        self.begin(piece);
        Ok(())
    }

    /// Begins with a piece that is open.
    pub(super) fn begin(&mut self, piece: B) {
        self.state = State::Reading(piece);
    }

    /// Names who is asked before mending.
    pub(super) fn owned_by(&mut self, owner: Owner) {
        self.owner = Some(owner);
    }

    fn fail<T>(&mut self, error: ObjectError) -> Poll<Option<Result<T, ObjectError>>> {
        self.state = State::Over;
        // Nothing follows an error.
        self.rest = 0..0;
        Poll::Ready(Some(Err(error)))
    }

    fn give<T: Octets>(&mut self, octets: T) -> Poll<Option<Result<T, ObjectError>>> {
        match self.rest.start.checked_add(octets.octets() as u64) {
            Some(next) if next <= self.rest.end => self.rest.start = next,
            _ => return self.fail(ObjectError::misuse("the store gave more than was asked for")),
        }
        self.waiting_since = None;
        self.away_since = None;
        self.tries = 0;
        if self.rest.is_empty() {
            self.state = State::Over;
        }
        Poll::Ready(Some(Ok(octets)))
    }

    /// Polls the piece. `None`: it is cut.
    fn read<T>(&mut self, cx: &mut Context<'_>, by: Read<B, T>) -> Poll<Option<T>> {
        let State::Reading(piece) = &mut self.state else { return Poll::Ready(None) };
        if let ready @ Poll::Ready(_) = by(piece, cx) {
            return ready;
        }
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            let runs_out = now + self.patience.silence;
            let given_up = self.away_since.map_or(runs_out, |since| since + self.patience.away);
            self.silence.as_mut().reset(runs_out.min(given_up));
        }
        self.silence.as_mut().poll(cx).map(|()| None)
    }

    fn mend(&mut self) -> BoxFuture<'static, Result<B, ObjectError>> {
        let now = Instant::now();
        // A recipient may have come back late to a wait that had long been over.
        let silent = self.waiting_since.take().map_or(Duration::ZERO, |since| self.patience.silence.min(now - since));
        let since = *self.away_since.get_or_insert(now.checked_sub(silent).unwrap_or(now));
        self.tries += 1;
        let mending = Mending {
            rest: self.rest.clone(),
            open: Arc::clone(&self.open),
            owner: self.owner.clone(),
            give_up_at: since + self.patience.away,
            tries: self.tries,
        };
        Box::pin(mending.run())
    }
}

impl<B: Send + 'static> Mended<B> {
    /// The next octets, as `by` gives them. An error is the last item.
    pub(super) fn poll_by<T: Octets>(
        &mut self,
        cx: &mut Context<'_>,
        by: Read<B, T>,
    ) -> Poll<Option<Result<T, ObjectError>>> {
        loop {
            if self.rest.is_empty() {
                return Poll::Ready(None);
            }
            match &mut self.state {
                State::Reading(_) => match self.read(cx, by) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Some(octets)) => return self.give(octets),
                    Poll::Ready(None) => self.state = State::Mending(self.mend()),
                },
                State::Mending(mending) => match mending.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(piece)) => self.state = State::Reading(piece),
                    Poll::Ready(Err(error)) => return self.fail(error),
                },
                State::Over => return self.fail(ObjectError::misuse("a body that was not opened")),
            }
        }
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Stream for Mended<B> {
    type Item = Result<Bytes, ObjectError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_by(cx, octets)
    }
}

/// The next octets of a body, but not none. `None`: it is at its end, or cut.
pub(super) fn octets<B: Body<Data = Bytes> + Unpin>(body: &mut B, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(octets) if octets.is_empty() => {}
                Ok(octets) => return Poll::Ready(Some(octets)),
                // Trailers: nothing follows them.
                Err(_) => return Poll::Ready(None),
            },
            Some(Err(_)) | None => return Poll::Ready(None),
        }
    }
}

/// Opens a piece of which nothing was promised to anyone.
pub(super) async fn first<B, F: Future<Output = Opened<B>>>(open: impl Fn() -> F) -> Result<B, ObjectError> {
    let mut tried = 1;
    loop {
        match open().await {
            Ok(piece) => return Ok(piece),
            Err(Broken::ForNow(_)) if tried < TRIES_AT_FIRST => tokio::time::sleep(pause(tried)).await,
            Err(Broken::ForNow(error) | Broken::ForGood(error)) => return Err(error),
        }
        tried += 1;
    }
}

fn pause(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}

/// One mending: until a piece is open, or all patience is gone.
struct Mending<B> {
    rest: Range<u64>,
    open: Open<B>,
    owner: Option<Owner>,
    give_up_at: Instant,
    /// This try among those that gave no octet.
    tries: u32,
}

impl<B> Mending<B> {
    async fn run(mut self) -> Result<B, ObjectError> {
        let started = Instant::now();
        let ended = self.until_open().await;
        if let Some(owner) = &self.owner {
            (owner.mended)(ended.as_ref().map(drop), started.elapsed());
        }
        ended
    }

    async fn until_open(&mut self) -> Result<B, ObjectError> {
        let mut last = ObjectError::misuse("a transfer was cut again and again");
        while self.tries <= TRIES_IN_A_ROW {
            let tried = tokio::time::timeout_at(self.give_up_at, async {
                if self.tries > 1 {
                    tokio::time::sleep(pause(self.tries - 1)).await;
                }
                self.one_try().await
            });
            let Ok(tried) = tried.await else { break };
            self.tries += 1;
            match tried {
                Ok(piece) => return Ok(piece),
                Err(Broken::ForGood(error)) => return Err(error),
                Err(Broken::ForNow(error)) => last = error,
            }
        }
        Err(last)
    }

    async fn one_try(&self) -> Opened<B> {
        if let Some(owner) = &self.owner {
            match (owner.may_mend)().await {
                MayMend::Yes => {}
                MayMend::No => return Err(Broken::ForGood(ObjectError::misuse("nobody wants the rest"))),
                MayMend::Unknown => return Err(Broken::ForNow(ObjectError::misuse("nobody says whether to go on"))),
            }
        }
        (self.open)(self.rest.clone()).await
    }
}

#[cfg(test)]
mod tests;
