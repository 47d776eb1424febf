//! How long a client may keep a connection waiting.
//!
//! The socket, the service and the request's body write down what a connection waits for; the accept loop looks at that
//! now and then. So there is one timer for all of its connections, and none for each of them, for a request or a write.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How much of the shortest limit passes between two looks: no client is kept longer than its limit and this part of it.
const LOOKS_PER_LIMIT: u32 = 4;
/// Looking more often than this would be work without use.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);

/// What clients may take their time for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From the beginning of a connection, or the first octet of a later request, to the end of the request's head.
    pub header: Duration,
    /// From the end of a response to the first octet of the next request.
    pub idle: Duration,
    /// For taking nothing of a response, or sending nothing of a request's body.
    pub stall: Duration,
    /// The least that a client takes of a response; `None`: as little as it likes, as long as it does not stall.
    pub rate: Option<MinRate>,
}

impl Patience {
    /// How often connections are looked at.
    pub(super) fn look_interval(&self) -> Duration {
        let shortest = [self.header, self.idle, self.stall].into_iter().chain(self.rate.map(|rate| rate.over)).min();
        (shortest.unwrap_or(self.header) / LOOKS_PER_LIMIT).max(SHORTEST_LOOK)
    }
}

/// The least that a client takes of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinRate {
    /// Octets per second.
    pub octets_per_second: u64,
    /// In the mean over so much time in which nothing but the client was waited for.
    pub over: Duration,
}

impl MinRate {
    fn is_missed(&self, octets: u64, waited: Duration) -> bool {
        u128::from(octets) * 1000 < u128::from(self.octets_per_second) * waited.as_millis()
    }
}

/// Why a connection was ended that its client would have kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RanOut {
    /// No whole head of a request came.
    Header,
    /// No further request came.
    Idle,
    /// Nothing of a response was taken.
    Stalled,
    /// Too little of it was taken.
    TooSlow,
    /// Nothing of a request's body came.
    BodyStalled,
}

impl RanOut {
    pub(crate) const ALL: [Self; 5] = [Self::Header, Self::Idle, Self::Stalled, Self::TooSlow, Self::BodyStalled];

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
            Self::TooSlow => "too_slow",
            Self::BodyStalled => "body_stalled",
        }
    }

    /// Whether a response was under way: then a clean end could be taken for its whole.
    pub(super) const fn is_in_response(self) -> bool {
        matches!(self, Self::Stalled | Self::TooSlow)
    }
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The rest of a request's head, since then.
    Head(Instant),
    /// The first octet of a further request, since then.
    Idle(Instant),
    /// A response. `over`: its body is at its end, but may not be written yet.
    Answering { over: bool },
}

/// How fast the client takes what it is sent. Time in which we had nothing for it does not count.
#[derive(Debug, Default)]
struct Pace {
    /// The kernel holds as much as it takes, so that only the client can go on: since then.
    full_since: Option<Instant>,
    /// How long it was so, and what was taken, since the rate was last looked at.
    waited: Duration,
    taken: u64,
    too_slow: bool,
}

impl Pace {
    fn full(&mut self) {
        self.full_since.get_or_insert_with(Instant::now);
    }

    fn not_full(&mut self) {
        if let Some(since) = self.full_since.take() {
            self.waited += since.elapsed();
        }
    }

    /// The rate is looked at when the client has just taken something: it takes by steps, and would miss it in between.
    fn took(&mut self, octets: u64, rate: Option<MinRate>) {
        self.not_full();
        // What fills the kernel's buffers at the beginning says nothing about the client.
        if self.waited.is_zero() {
            return;
        }
        self.taken += octets;
        if let Some(rate) = rate.filter(|rate| self.waited >= rate.over) {
            self.too_slow |= rate.is_missed(self.taken, self.waited);
            (self.waited, self.taken) = (Duration::ZERO, 0);
        }
    }

    fn ran_out(&self, now: Instant, patience: &Patience) -> Option<RanOut> {
        let stalled = |since| now.saturating_duration_since(since) >= patience.stall;
        match self.full_since {
            _ if self.too_slow => Some(RanOut::TooSlow),
            Some(since) if stalled(since) => Some(RanOut::Stalled),
            _ => None,
        }
    }
}

struct State {
    phase: Phase,
    pace: Pace,
    /// Since when a handler waits for more of the request's body.
    body_awaited: Option<Instant>,
}

/// What one connection waits for, and since when.
pub struct Watch {
    patience: Patience,
    state: Mutex<State>,
}

impl Watch {
    /// Of a new connection: the head of its first request is awaited from now on.
    #[must_use]
    pub fn new(patience: Patience) -> Self {
        let state = State { phase: Phase::Head(Instant::now()), pace: Pace::default(), body_awaited: None };
        Self { patience, state: Mutex::new(state) }
    }

    /// Octets came. The clock is read only where that begins something, so whoever has read it gives what it said.
    pub(super) fn received(&self, now: impl FnOnce() -> Instant) {
        let mut state = self.state.lock();
        if let Phase::Idle(_) = state.phase {
            state.phase = Phase::Head(now());
        }
    }

    /// The head of a request is whole.
    pub(super) fn request(&self) {
        self.state.lock().phase = Phase::Answering { over: false };
    }

    /// The body of the response is at its end, or given up.
    pub(super) fn body_over(&self) {
        if let Phase::Answering { over } = &mut self.state.lock().phase {
            *over = true;
        }
    }

    /// All that there is has been written. The clock as in [`received`](Self::received).
    pub(super) fn flushed(&self, now: impl FnOnce() -> Instant) {
        let mut state = self.state.lock();
        if let Phase::Answering { over: true } = state.phase {
            state.phase = Phase::Idle(now());
            // What the kernel still holds of it is no longer ours to judge, and the next one may be somebody else's.
            state.pace = Pace::default();
        }
    }

    /// The kernel took octets.
    pub(super) fn took(&self, octets: usize) {
        self.state.lock().pace.took(octets as u64, self.patience.rate);
    }

    /// The kernel takes no more: the client has to go first.
    pub(super) fn full(&self) {
        self.state.lock().pace.full();
    }

    /// Nothing may be written for the moment: the client is not waited for.
    pub(super) fn paused(&self) {
        self.state.lock().pace.not_full();
    }

    /// Whether a handler waits for more of the request's body.
    pub(super) fn awaits_body(&self, awaits: bool) {
        let mut state = self.state.lock();
        state.body_awaited = match state.body_awaited {
            _ if !awaits => None,
            None => Some(Instant::now()),
            since => since,
        };
    }

    /// Whose patience has run out.
    pub(super) fn ran_out(&self, now: Instant) -> Option<RanOut> {
        let (state, patience) = (self.state.lock(), &self.patience);
        let over = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        match state.phase {
            Phase::Head(since) if over(since, patience.header) => return Some(RanOut::Header),
            Phase::Idle(since) if over(since, patience.idle) => return Some(RanOut::Idle),
            _ => {}
        }
        if state.body_awaited.is_some_and(|since| over(since, patience.stall)) {
            return Some(RanOut::BodyStalled);
        }
        state.pace.ran_out(now, patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const PATIENCE: Patience = Patience {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        stall: Duration::from_mins(1),
        rate: Some(MinRate { octets_per_second: 1024, over: Duration::from_mins(1) }),
    };

    async fn after(watch: &Watch, seconds: u64) -> Option<RanOut> {
        advance(Duration::from_secs(seconds)).await;
        watch.ran_out(Instant::now())
    }

    fn answered(watch: &Watch) {
        watch.request();
        watch.body_over();
        watch.flushed(Instant::now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_may_take_its_time_from_the_beginning_or_from_its_first_octet() {
        let watch = Watch::new(PATIENCE);
        watch.received(Instant::now);
        assert_eq!(after(&watch, 9).await, None);
        assert_eq!(after(&watch, 1).await, Some(RanOut::Header));
        answered(&watch);
        assert_eq!(after(&watch, 74).await, None);
        watch.received(Instant::now);
        assert_eq!(after(&watch, 9).await, None);
        watch.received(Instant::now);
        assert_eq!(after(&watch, 1).await, Some(RanOut::Header), "the second octet is no new beginning");
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_is_another_limit_and_while_we_answer_there_is_none() {
        let watch = Watch::new(PATIENCE);
        watch.request();
        assert_eq!(after(&watch, 10_000).await, None);
        watch.flushed(Instant::now);
        assert_eq!(after(&watch, 10_000).await, None, "its body is not over");
        watch.body_over();
        watch.flushed(Instant::now);
        assert_eq!(after(&watch, 74).await, None);
        assert_eq!(after(&watch, 1).await, Some(RanOut::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_stalls_and_who_takes_little_is_too_slow() {
        let watch = Watch::new(PATIENCE);
        watch.request();
        watch.took(1_000_000);
        watch.full();
        assert_eq!(after(&watch, 59).await, None);
        assert_eq!(after(&watch, 1).await, Some(RanOut::Stalled));

        let watch = Watch::new(PATIENCE);
        watch.request();
        watch.took(1_000_000);
        for second in 1..=60 {
            watch.full();
            assert_eq!(after(&watch, 1).await, None, "second {second}");
            watch.took(1023);
        }
        assert_eq!(after(&watch, 0).await, Some(RanOut::TooSlow), "what was in the kernel's buffers does not help");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_enough_may_go_on_for_ever() {
        let watch = Watch::new(PATIENCE);
        watch.request();
        for _ in 0..1000 {
            watch.full();
            assert_eq!(after(&watch, 10).await, None);
            watch.took(11 * 1024);
        }
    }

    /// Its last write is what was left, however much the client took.
    #[tokio::test(start_paused = true)]
    async fn a_response_that_is_written_whole_is_judged_no_more() {
        let watch = Watch::new(PATIENCE);
        watch.request();
        watch.took(1_000_000);
        for octets in [65_536, 1] {
            watch.full();
            assert_eq!(after(&watch, 59).await, None);
            watch.took(octets);
        }
        assert_eq!(after(&watch, 0).await, Some(RanOut::TooSlow), "1,111 octets a second");
        watch.body_over();
        watch.flushed(Instant::now);
        assert_eq!(after(&watch, 0).await, None);

        // Nor does the next one answer for it.
        watch.request();
        watch.full();
        assert_eq!(after(&watch, 59).await, None);
        answered(&watch);
        watch.request();
        watch.full();
        assert_eq!(after(&watch, 2).await, None);
        watch.took(1);
        assert_eq!(after(&watch, 0).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_the_clients_fault_does_not_count() {
        let watch = Watch::new(PATIENCE);
        watch.request();
        for _ in 0..100 {
            watch.full();
            assert_eq!(after(&watch, 1).await, None);
            watch.took(1024 + 1);
            // The store has nothing, or the gate is closed.
            assert_eq!(after(&watch, 59).await, None);
            watch.paused();
            assert_eq!(after(&watch, 1000).await, None);
        }
        watch.full();
        assert_eq!(after(&watch, 59).await, None);
        watch.paused();
        assert_eq!(after(&watch, 1000).await, None, "the gate was closed while the client was slow");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_awaited_for_a_while() {
        let watch = Watch::new(PATIENCE);
        watch.request();
        watch.awaits_body(true);
        assert_eq!(after(&watch, 59).await, None);
        watch.awaits_body(false);
        assert_eq!(after(&watch, 1000).await, None, "what came is being worked on");
        watch.awaits_body(true);
        assert_eq!(after(&watch, 59).await, None);
        watch.awaits_body(true);
        assert_eq!(after(&watch, 1).await, Some(RanOut::BodyStalled));
    }

    #[test]
    fn looks_follow_the_shortest_limit() {
        assert_eq!(PATIENCE.look_interval(), Duration::from_millis(2500));
        let short = Patience { rate: Some(MinRate { octets_per_second: 1, over: Duration::from_secs(2) }), ..PATIENCE };
        assert_eq!(short.look_interval(), Duration::from_millis(500));
        assert_eq!(Patience { stall: Duration::ZERO, ..PATIENCE }.look_interval(), SHORTEST_LOOK);
    }
}
