//! Reading files: on the runtime's thread what the page cache holds, on a blocking thread the rest.
//!
//! A hot file costs one system call a chunk and no change of threads (design, 4). All reads go to the file that was
//! opened, so a name that is deleted or replaced meanwhile changes nothing.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use rustix::fs::sendfile;
use rustix::io::{Errno, ReadWriteFlags, preadv2, retry_on_intr};
use tokio_util::task::AbortOnDropHandle;

use super::ObjectError;
use super::chunk::{CHUNK_OCTETS, Chunk};
use super::local::{Opened, Seen, blocking};
use super::pace::{Pace, SMALL_READ_OCTETS};

/// How many reads in a row may come from the page cache before others get their turn: 512 KiB at most, about a tenth of a
/// millisecond, which is what a first byte of another download may wait. hyper flushes at each pause.
pub(super) const READS_IN_A_ROW: u32 = 8;

/// The most that is read at once on a runtime's thread for an object taken whole: as much as a body reads in a row.
const WHOLE_AT_ONCE_OCTETS: usize = READS_IN_A_ROW as usize * CHUNK_OCTETS;

enum Tried {
    Octets(usize),
    WouldWait,
    Refused,
}

fn try_read(file: &File, room: &mut [u8], offset: u64) -> Tried {
    match preadv2(file, &mut [IoSliceMut::new(room)], offset, ReadWriteFlags::NOWAIT) {
        // Linux 5.9 and 5.10 may say 0 before the end (preadv2(2), BUGS): a read that waits decides.
        Ok(0) | Err(Errno::AGAIN | Errno::INTR) => Tried::WouldWait,
        Ok(octets) => Tried::Octets(octets),
        Err(_) => Tried::Refused,
    }
}

/// Reads at least one octet.
fn read_some(file: &File, room: &mut [u8], offset: u64) -> Result<usize, ObjectError> {
    loop {
        match file.read_at(room, offset) {
            // Shorter than it was when it was opened.
            Ok(0) => return Err(ObjectError::Changed),
            Ok(octets) => return Ok(octets),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ObjectError::Unavailable(error)),
        }
    }
}

/// Says whether the file is still what it was: one written in place while it was read may be a mixture.
fn unchanged(opened: &Opened) -> Result<(), ObjectError> {
    match Seen::of(&opened.file) {
        Ok(seen) if seen == opened.seen => Ok(()),
        Ok(_) => Err(ObjectError::Changed),
        Err(error) => Err(ObjectError::Unavailable(error)),
    }
}

fn fill(opened: &Opened, octets: &mut [u8], mut filled: usize) -> Result<(), ObjectError> {
    while filled < octets.len() {
        filled += read_some(&opened.file, &mut octets[filled..], filled as u64)?;
    }
    unchanged(opened)
}

/// The first octets of a file, on a thread that may wait.
pub(super) fn start(opened: &Opened, octets: usize) -> Result<Bytes, ObjectError> {
    let there = usize::try_from(opened.seen.size).unwrap_or(usize::MAX);
    let mut start = vec![0; octets.min(there)];
    fill(opened, &mut start, 0)?;
    Ok(start.into())
}

/// All octets of a file.
pub(super) async fn whole(opened: Opened) -> Result<Bytes, ObjectError> {
    let size = usize::try_from(opened.seen.size).map_err(|_| ObjectError::misuse("too large to be read whole"))?;
    let mut octets = vec![0; size];
    let mut filled = 0;
    if opened.prompt && size <= WHOLE_AT_ONCE_OCTETS {
        while filled < size
            && let Tried::Octets(more) = try_read(&opened.file, &mut octets[filled..], filled as u64)
        {
            filled += more;
        }
        if filled == size {
            unchanged(&opened)?;
            return Ok(octets.into());
        }
    }
    blocking(move || fill(&opened, &mut octets, filled).map(|()| octets.into())).await
}

/// What the kernel sends at once, before others get their turn: as nginx does. A quarter of it costs twice the CPU for
/// each octet.
const SENT_AT_ONCE_OCTETS: u64 = 2 * 1024 * 1024;

/// How far apart the octets are that tell whether a file is in the page cache: as far as the kernel reads ahead by default. Two
/// rows of the benchmark cost 0.057 s for a gigabyte with the first and the last octet of each call, and 0.054 so.
const TOLD_BY_ONE_OCTETS: u64 = 128 * 1024;
/// How long what they told counts for further calls: when a slow client takes more, the kernel may have dropped the rest.
const TOLD_FOR: Duration = Duration::from_millis(100);

/// Whether the file's system tells what the page cache has of it: overlayfs and tmpfs do not (`RWF_NOWAIT`: `EOPNOTSUPP`).
pub(super) fn tells_what_is_cached(file: &File) -> bool {
    !matches!(try_read(file, &mut [0], 0), Tried::Refused)
}

/// Whether the page cache has the octet.
fn is_cached(file: &File, offset: u64) -> bool {
    matches!(try_read(file, &mut [0], offset), Tried::Octets(_))
}

/// Up to where the page cache has the octets from `next` on, as far as the first one and the last one of each part tell.
fn cached_until(file: &File, next: u64, end: u64) -> u64 {
    let mut until = next;
    while until < end {
        let part_end = end.min(until + TOLD_BY_ONE_OCTETS);
        if until == next && !is_cached(file, next) || !is_cached(file, part_end - 1) {
            break;
        }
        until = part_end;
    }
    until
}

/// A range of a file on its way out. Polled inside of a tokio runtime, whichever.
pub(super) struct LocalBody {
    opened: Opened,
    next: u64,
    end: u64,
    pace: Pace,
    in_a_row: u32,
    /// The page cache has the octets up to this one, as it told then; `None` where it was asked for the whole file before.
    at_hand: (u64, Option<Instant>),
    waiting: Option<AbortOnDropHandle<Result<Bytes, ObjectError>>>,
}

impl LocalBody {
    pub(super) fn new(opened: Opened, range: Range<u64>) -> Self {
        let at_hand = (range.start, None);
        Self { opened, next: range.start, end: range.end, pace: Pace::new(), in_a_row: 0, at_hand, waiting: None }
    }

    /// As [`LocalBody::new`], of a file that was found in the page cache, for a request that is answered at `now`.
    pub(super) fn warm(opened: Opened, range: Range<u64>, now: Instant) -> Self {
        let (at_hand, pace) = ((range.end, None), Pace::since(now));
        Self { opened, next: range.start, end: range.end, pace, in_a_row: 0, at_hand, waiting: None }
    }

    /// Whether the kernel can send the next octets by itself: of a file that nobody writes to any more, for they are not
    /// looked at again once they are sent, and from the page cache as far as an octet of each part tells.
    pub(super) fn is_at_hand(&mut self) -> bool {
        let Opened { file, prompt, lasting, .. } = &self.opened;
        if self.waiting.is_some() || !*prompt || !*lasting || self.next >= self.end {
            return false;
        }
        let (until, told) = self.at_hand;
        if self.next >= until || told.is_none_or(|told| told.elapsed() >= TOLD_FOR) {
            let until = cached_until(file, self.next, self.end.min(self.next + SENT_AT_ONCE_OCTETS));
            self.at_hand = (until, Some(Instant::now()));
        }
        self.next < self.at_hand.0
    }

    pub(super) fn send_to(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let wanted = usize::try_from(self.at_hand.0.saturating_sub(self.next)).unwrap_or(usize::MAX);
        let mut next = self.next;
        let sent = retry_on_intr(|| sendfile(socket, &self.opened.file, Some(&mut next), wanted))?;
        self.next += sent as u64;
        Ok(sent)
    }

    fn wanted(&mut self) -> Chunk {
        let most = if self.pace.keeps_up() { CHUNK_OCTETS } else { SMALL_READ_OCTETS };
        Chunk::of((self.end - self.next).min(most as u64))
    }

    /// Reads from the page cache, if it has the next octets.
    fn at_once(&mut self) -> Option<Result<Bytes, ObjectError>> {
        let mut chunk = self.wanted();
        match try_read(&self.opened.file, chunk.room(), self.next) {
            Tried::Octets(octets) => {
                self.in_a_row += 1;
                let last = self.next + octets as u64 == self.end;
                let checked = if last { unchanged(&self.opened) } else { Ok(()) };
                Some(checked.map(|()| chunk.into_bytes(octets)))
            }
            Tried::WouldWait => None,
            Tried::Refused => {
                self.opened.prompt = false;
                None
            }
        }
    }

    fn read_waiting(&mut self) -> AbortOnDropHandle<Result<Bytes, ObjectError>> {
        let (mut chunk, offset, end) = (self.wanted(), self.next, self.end);
        let opened = Opened { file: Arc::clone(&self.opened.file), ..self.opened };
        AbortOnDropHandle::new(tokio::task::spawn_blocking(move || {
            let octets = read_some(&opened.file, chunk.room(), offset)?;
            if offset + octets as u64 == end {
                unchanged(&opened)?;
            }
            Ok(chunk.into_bytes(octets))
        }))
    }

    fn hand_over(&mut self, read: Result<Bytes, ObjectError>) -> Result<Bytes, ObjectError> {
        match &read {
            Ok(bytes) => {
                self.next += bytes.len() as u64;
                self.pace.came(bytes.len());
            }
            // Nothing follows an error.
            Err(_) => self.end = self.next,
        }
        read
    }
}

impl Stream for LocalBody {
    type Item = Result<Bytes, ObjectError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.next >= this.end {
            return Poll::Ready(None);
        }
        if this.waiting.is_none() && this.opened.prompt {
            if this.in_a_row == READS_IN_A_ROW {
                this.in_a_row = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(read) = this.at_once() {
                return Poll::Ready(Some(this.hand_over(read)));
            }
        }
        let mut reading = this.waiting.take().unwrap_or_else(|| this.read_waiting());
        let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
            this.waiting = Some(reading);
            return Poll::Pending;
        };
        this.in_a_row = 0;
        let read = read.unwrap_or_else(|stopped| Err(ObjectError::Unavailable(stopped.into())));
        Poll::Ready(Some(this.hand_over(read)))
    }
}
