//! What happens at the auth server: requests, streams, and the steps of a course.

use super::super::cluster::{RETRY_AFTER_S, Turn};
use super::super::course::Step;
use super::super::page::Stream;
use super::super::rates::Kind;
use super::{Event, Reply, Request, World};

/// The time over which the devices of a cell find that the network has returned.
const REATTACH: u64 = 3_000;
/// How far the promoted standby is behind: what was committed later is lost.
const LAG: u64 = 100;

impl World {
    /// A refresh reaches the balancer.
    pub(super) fn arrive(&mut self, request: Request) {
        self.rates.count(Kind::Refresh, self.now);
        self.rates.note_wait(self.now, self.cluster.wait(self.now));
        match self.cluster.handle(self.now) {
            Turn::Done(at) => self.plan_at(at, Event::Handled(request, self.cluster.life)),
            Turn::Busy(at) => self.reply(at, request, Reply::Unavailable(Some(RETRY_AFTER_S))),
            Turn::Refused => self.reply(self.now, request, Reply::Unavailable(None)),
        }
    }

    /// The server asks the database. What it had under way as it stopped is lost.
    pub(super) fn query(&mut self, request: Request, life: u32) {
        if !self.cluster.is_any_up() && life != self.cluster.life {
            return self.reply(self.now, request, Reply::Nothing);
        }
        let life = self.cluster.life;
        match self.cluster.commit(self.now) {
            Turn::Done(at) => self.plan_at(at, Event::Committed(request, life, self.now)),
            Turn::Busy(at) => self.reply(at, request, Reply::Unavailable(Some(RETRY_AFTER_S))),
            Turn::Refused => self.reply(self.now, request, Reply::Unavailable(None)),
        }
    }

    /// The database has carried out the refresh. If it failed meanwhile, every other one is committed and not answered.
    pub(super) fn commit(&mut self, request: Request, life: u32, asked: u64) {
        let is_lost = life != self.cluster.life;
        if is_lost && self.random.below(2) == 0 {
            return self.reply(self.now, request, Reply::Unavailable(Some(RETRY_AFTER_S)));
        }
        let row = &mut self.pages[request.page].row;
        let lag = self.fails_at.and_then(|at| at.checked_sub(self.now));
        if lag.is_some_and(|lag| lag < LAG) {
            self.unreplicated.push((request.page, row.clone()));
        }
        let reply = match self.rules.refresh(asked, row, &request.cookie) {
            _ if is_lost => Reply::Unavailable(Some(RETRY_AFTER_S)),
            Ok(Some(granted)) => Reply::Granted(granted),
            Ok(None) => Reply::Unavailable(Some(1)),
            Err(reason) => Reply::Ended(reason),
        };
        self.reply(self.now, request, reply);
    }

    fn reply(&mut self, at: u64, request: Request, reply: Reply) {
        if matches!(reply, Reply::Unavailable(_)) {
            self.rates.count(Kind::Unavailable, at);
        }
        let delay = self.one_way();
        self.plan_at(at + delay, Event::Answered(request, reply));
    }

    /// The request for a stream reaches the balancer.
    pub(super) fn open_stream(&mut self, page: usize, number: u32) {
        if self.pages[page].stream_number != number {
            return;
        }
        self.rates.count(Kind::Stream, self.now);
        let delay = self.one_way();
        match self.cluster.open_stream(self.now) {
            Some((group, at)) => {
                self.pages[page].stream = Stream::Open(group);
                self.plan_at(at + delay, Event::StreamOpened(page, number, group));
            }
            None => self.plan(delay, Event::StreamEnded(page, number, false)),
        }
    }

    /// The stream is open at the page, unless its server has stopped meanwhile.
    pub(super) fn on_stream_open(&mut self, page: usize, number: u32, group: usize) {
        if self.pages[page].stream_number == number && !self.cluster.is_up(group) {
            self.end_stream(page, false);
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::AllStop => {
                self.cluster.stop_all();
                self.end_streams(|_| true);
            }
            Step::AllStart => self.cluster.start_all(),
            Step::Stop(group) => {
                self.cluster.stop(group);
                self.end_streams(|of| of == group);
            }
            Step::LeaveOut(group) => self.cluster.leave_out(group),
            Step::Start(group) => self.cluster.start(group),
            Step::DatabaseFails { until } => {
                self.cluster.fail_database(until);
                for (page, row) in self.unreplicated.drain(..).rev() {
                    self.pages[page].row = row;
                }
            }
            Step::CellsFail => self.change_cells(false, 500),
            Step::CellsReturn => self.change_cells(true, REATTACH),
        }
    }

    /// Servers end their streams; the pages hear of it.
    fn end_streams(&mut self, is_of: impl Fn(usize) -> bool) {
        for page in 0..self.pages.len() {
            if let Stream::Open(group) = self.pages[page].stream
                && is_of(group)
            {
                let number = self.pages[page].stream_number;
                let delay = self.one_way();
                self.plan(delay, Event::StreamEnded(page, number, true));
            }
        }
    }

    fn change_cells(&mut self, is_on: bool, span: u64) {
        for page in 0..self.pages.len() {
            if self.pages[page].is_mobile {
                let delay = self.random.between(0, span);
                self.plan(delay, Event::Network(page, is_on));
            }
        }
    }
}
