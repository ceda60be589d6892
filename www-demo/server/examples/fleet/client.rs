//! A client of the fleet, and the auth server as it sees it.

use std::rc::Rc;

use nolapse::core::{
    CallerId, Config, Context, Effect, Failure, FailureCause, Grant, Input, Millis, RefreshOutcome,
    Session, StoredState, TabId, Timestamp, WallTime,
};

const WALL_AT_START: u64 = 1_800_000_000_000;

pub(crate) struct Client {
    session: Session,
    stored: StoredState,
    is_open: bool,
    has_stream: bool,
    calls: u32,
    /// The slot at which it is to be woken; other entries of the calendar are out of date.
    pub(crate) wakes_in: usize,
}

/// The auth server, seen from its balancer.
pub(crate) struct Server {
    pub(crate) outage: std::ops::Range<u64>,
    pub(crate) grant: Grant,
    pub(crate) seconds: Vec<u32>,
    /// The streams that were asked for in each second.
    pub(crate) streams: Vec<u32>,
}

impl Server {
    /// Whether a stream is opened.
    fn opens_stream(&mut self, now: u64) -> bool {
        count(&mut self.streams, now);
        !self.outage.contains(&now)
    }

    fn answer(&mut self, now: u64) -> RefreshOutcome {
        count(&mut self.seconds, now);
        if self.outage.contains(&now) {
            return RefreshOutcome::Failed(Failure::new(FailureCause::Network));
        }
        RefreshOutcome::Granted(self.grant.clone())
    }
}

impl Client {
    pub(crate) fn new(number: u32) -> Self {
        let config = Config {
            seed: u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            push: true,
            tab: TabId(number),
            ..Config::default()
        };
        Self {
            session: Session::new(config),
            stored: StoredState::Unavailable,
            is_open: false,
            has_stream: false,
            calls: 0,
            wakes_in: 0,
        }
    }

    /// Opens the page, or polls the core at its deadline.
    pub(crate) fn wake(&mut self, now: u64, server: &mut Server) {
        if self.is_open {
            self.feed(now, Input::DeadlineReached, server);
        } else {
            self.is_open = true;
            self.feed(now, Input::Started, server);
            self.call(now, server);
        }
    }

    /// Ends the stream, if there is one.
    pub(crate) fn break_stream(&mut self, now: u64, server: &mut Server) {
        if std::mem::take(&mut self.has_stream) {
            self.feed(now, Input::StreamEnded { was_open: true }, server);
        }
    }

    pub(crate) fn call(&mut self, now: u64, server: &mut Server) {
        let caller = CallerId(self.calls.into());
        self.calls += 1;
        let min_validity = Millis::ZERO;
        let requested = Input::TokenRequested {
            caller,
            min_validity,
            waits_out: true,
            context: Rc::default(),
        };
        self.feed(now, requested, server);
    }

    fn feed(&mut self, now: u64, input: Input, server: &mut Server) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let context = Context {
                now: Timestamp::from_millis(now),
                wall: WallTime::from_millis(WALL_AT_START + now),
                stored: self.stored,
            };
            self.session.handle(&context, input);
            for effect in self.session.take_effects() {
                match effect {
                    Effect::AcquireLock { attempt } => inputs.push(Input::LockGranted { attempt }),
                    Effect::SendRefresh { attempt, .. } => inputs.push(Input::RefreshFinished {
                        attempt,
                        outcome: server.answer(now),
                    }),
                    Effect::OpenStream => {
                        self.has_stream = server.opens_stream(now);
                        if !self.has_stream {
                            inputs.push(Input::StreamEnded { was_open: false });
                        }
                    }
                    Effect::WriteRecord(record) => self.stored = StoredState::Record(record),
                    Effect::ReleaseLock { .. }
                    | Effect::SendSignOut { .. }
                    | Effect::RunSignIn { .. }
                    | Effect::Abort { .. }
                    | Effect::Settle { .. }
                    | Effect::Broadcast(_)
                    | Effect::OpenChannel
                    | Effect::CloseChannel
                    | Effect::CloseStream
                    | Effect::Publish(_)
                    | Effect::Emit(_) => {}
                }
            }
        }
    }

    pub(crate) fn deadline(&self, now: u64) -> Option<u64> {
        let deadline = self.session.poll_deadline(Timestamp::from_millis(now));
        deadline.map(|(at, _)| at.as_millis())
    }
}

fn count(rates: &mut [u32], now: u64) {
    let second = usize::try_from(now / 1_000).unwrap_or(usize::MAX);
    if let Some(count) = rates.get_mut(second) {
        *count += 1;
    }
}
