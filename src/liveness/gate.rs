//! What stands between a connection's buffers and its socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::downloads::Entry;

/// The gate of one connection. The socket asks it before each write; the sweep pauses, wakes and cuts through it.
///
/// It stands below hyper's buffers on purpose: bytes that hyper took from a body but has not written yet are still
/// ours to withhold.
#[derive(Default)]
pub struct Gate {
    /// The downloads whose bytes may still be in the connection's buffers.
    running: Mutex<Vec<Arc<Entry>>>,
    /// How many those are, to skip the lock where there is none.
    count: AtomicUsize,
    /// The task that waits for permission to write.
    paused: AtomicWaker,
    /// The connection's task, which is told when it has an order.
    task: AtomicWaker,
    cut: AtomicBool,
    over: AtomicBool,
    stopping: AtomicBool,
}

impl Gate {
    /// A gate without downloads: everything may be written.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn admit(&self, entry: &Arc<Entry>) {
        let mut running = self.running.lock();
        running.push(Arc::clone(entry));
        self.count.store(running.len(), Ordering::Release);
    }

    /// Whether the connection may write now. When it may not, the task is woken once that may have changed.
    pub fn poll_write_allowed(&self, cx: &Context<'_>) -> Poll<()> {
        if self.count.load(Ordering::Acquire) == 0 || self.may_write() {
            return Poll::Ready(());
        }
        // Register, then look again: a sweep that ended in between has woken nobody.
        self.paused.register(cx.waker());
        if self.may_write() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn may_write(&self) -> bool {
        let now = Instant::now();
        !self.is_cut() && self.running.lock().iter().all(|entry| entry.may_write(now))
    }

    pub(super) fn wake(&self) {
        self.paused.wake();
    }

    /// Everything that the connection had in its buffers is written: downloads whose bodies are at their end are over.
    pub fn flushed(&self) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut running = self.running.lock();
        running.retain(|entry| {
            let over = entry.body_is_over();
            if over {
                entry.leave(true);
            }
            !over
        });
        self.count.store(running.len(), Ordering::Release);
    }

    pub(super) fn forget(&self, entry: &Arc<Entry>) {
        let mut running = self.running.lock();
        running.retain(|other| !Arc::ptr_eq(other, entry));
        self.count.store(running.len(), Ordering::Release);
    }

    /// The connection is gone: so are its downloads.
    pub fn closed(&self) {
        let mut running = self.running.lock();
        for entry in running.drain(..) {
            entry.leave(false);
        }
        self.count.store(0, Ordering::Release);
    }

    /// Has the task of `cx` woken when the connection is cut, has to end, or stops. To be called before either is looked at.
    pub fn has_task(&self, cx: &Context<'_>) {
        self.task.register(cx.waker());
    }

    /// Cuts the connection of a download that is not over, after `first`: it cannot end, and no other one begin, in
    /// between.
    pub(super) fn cut_running(&self, entry: &Entry, first: impl FnOnce()) {
        let running = self.running.lock();
        if running.iter().any(|other| std::ptr::eq(&raw const **other, entry)) {
            first();
            self.cut();
        }
    }

    /// Cuts the connection: nothing more is written, and it is reset.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.end();
    }

    /// Ends the connection.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Whether the connection has to end: closed, or reset if it [was cut](Self::is_cut).
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Whether the connection is to be reset instead of closed.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// No further request is to be answered on the connection.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Whether no further request is to be answered.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
