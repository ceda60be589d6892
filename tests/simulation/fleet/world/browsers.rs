//! What happens in browsers: pages are opened, call their API, and execute the core's effects.

use nolapse::core::{
    Effect, Event as Told, Failure, FailureCause, Input, Millis, PageChange, RefreshOutcome,
};

use super::super::page::Stream;
use super::super::rates::Kind;
use super::{Event, Reply, Request, World};

const CALLS_EVERY: u64 = 10_000;
/// A call that waits for longer is one that its user may notice.
const LATE: u64 = 1_000;
/// How long a request takes to fail where there is no network.
const OFFLINE: u64 = 5;

impl World {
    /// Opens the page, which makes a call at once.
    pub(super) fn open(&mut self, page: usize) {
        self.feed(page, Input::Started);
        if !self.pages[page].is_visible {
            self.feed(page, Input::PageChanged(PageChange::Hidden));
        }
        self.call(page);
    }

    pub(super) fn call(&mut self, page: usize) {
        self.rates.count(Kind::Call, self.now);
        let input = self.pages[page].call(self.now);
        self.feed(page, input);
        if self.pages[page].is_used {
            let delay = self.random.between(CALLS_EVERY / 2, CALLS_EVERY * 3 / 2);
            self.plan(delay, Event::Called(page));
        }
    }

    /// Feeds an input to the core, executes its effects, and sets the only timer.
    pub(super) fn feed(&mut self, page: usize, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for effect in self.pages[page].handle(self.now, input) {
                inputs.extend(self.perform(page, effect));
            }
        }
        let deadline = self.pages[page].deadline(self.now);
        let alarm = deadline.map(|at| at.max(self.now + 1));
        if self.pages[page].alarm != alarm {
            self.pages[page].alarm = alarm;
            if let Some(at) = alarm {
                self.plan_at(at, Event::Alarm(page));
            }
        }
    }

    /// Executes an effect; returns what is to be reported at once.
    fn perform(&mut self, page: usize, effect: Effect) -> Option<Input> {
        match effect {
            Effect::AcquireLock { attempt } => return Some(Input::LockGranted { attempt }),
            Effect::SendRefresh { attempt, .. } => {
                let state = &mut self.pages[page];
                state.in_flight = Some(attempt);
                let request = Request {
                    page,
                    attempt,
                    cookie: state.cookie.clone(),
                    connection: state.connection,
                };
                if state.is_online {
                    let delay = self.one_way();
                    self.plan(delay, Event::Arrived(request));
                } else {
                    self.plan(OFFLINE, Event::Answered(request, Reply::Nothing));
                }
            }
            Effect::Abort { .. } => self.pages[page].in_flight = None,
            Effect::OpenStream => self.request_stream(page),
            Effect::CloseStream => self.forget_stream(page),
            Effect::Settle { caller, answer } => {
                let waited = self.pages[page].settle(self.now, caller);
                if answer.is_err() {
                    self.rates.count(Kind::Failed, self.now);
                } else if waited.is_some_and(|waited| waited > LATE) {
                    self.rates.count(Kind::Late, self.now);
                }
            }
            Effect::Emit(Told::SignedOut { .. }) => self.rates.count(Kind::Ended, self.now),
            Effect::ReleaseLock { .. }
            | Effect::SendSignOut { .. }
            | Effect::RunSignIn { .. }
            | Effect::Broadcast(_)
            | Effect::WriteRecord(_)
            | Effect::OpenChannel
            | Effect::CloseChannel
            | Effect::Publish(_)
            | Effect::Emit(_) => {}
        }
        None
    }

    fn request_stream(&mut self, page: usize) {
        self.forget_stream(page);
        self.pages[page].stream = Stream::Requested;
        let number = self.pages[page].stream_number;
        if self.pages[page].is_online {
            let delay = self.one_way();
            self.plan(delay, Event::StreamArrived(page, number));
        } else {
            self.plan(OFFLINE, Event::StreamEnded(page, number, false));
        }
    }

    fn forget_stream(&mut self, page: usize) {
        let page = &mut self.pages[page];
        page.stream_number += 1;
        if let Stream::Open(group) = std::mem::replace(&mut page.stream, Stream::None) {
            self.cluster.close_stream(group);
        }
    }

    /// The page hears that its stream ended, or was not opened.
    pub(super) fn end_stream(&mut self, page: usize, was_open: bool) {
        self.forget_stream(page);
        self.feed(page, Input::StreamEnded { was_open });
    }

    /// A response arrives, unless its connection or its page's interest is gone.
    pub(super) fn answer(&mut self, request: &Request, reply: Reply) {
        let page = &mut self.pages[request.page];
        if request.connection != page.connection || page.in_flight != Some(request.attempt) {
            return;
        }
        page.in_flight = None;
        let outcome = match reply {
            Reply::Granted(granted) => {
                page.cookie = granted.cookie;
                self.rates.count(Kind::Granted, self.now);
                RefreshOutcome::Granted(self.rules.grant(granted.refresh_in))
            }
            Reply::Ended(reason) => RefreshOutcome::Ended(reason),
            Reply::Unavailable(retry_after) => {
                let retry_after = retry_after.map(Millis::from_secs);
                RefreshOutcome::Failed(Failure::from_status(503, retry_after))
            }
            Reply::Nothing => RefreshOutcome::Failed(Failure::new(FailureCause::Network)),
        };
        let attempt = request.attempt;
        self.feed(request.page, Input::RefreshFinished { attempt, outcome });
    }

    /// The network of a page goes or returns.
    pub(super) fn change_network(&mut self, page: usize, is_on: bool) {
        let state = &mut self.pages[page];
        if state.is_online == is_on {
            return;
        }
        state.is_online = is_on;
        let hears = state.hears_of_network;
        if is_on {
            if hears {
                self.feed(page, Input::PageChanged(PageChange::Online));
            }
            return;
        }
        state.connection += 1;
        let (in_flight, stream) = (state.in_flight.take(), state.stream);
        if hears {
            self.feed(page, Input::PageChanged(PageChange::Offline));
        }
        if let Some(attempt) = in_flight {
            let outcome = RefreshOutcome::Failed(Failure::new(FailureCause::Network));
            self.feed(page, Input::RefreshFinished { attempt, outcome });
        }
        if stream != Stream::None {
            self.end_stream(page, matches!(stream, Stream::Open(_)));
        }
    }
}
