//! The fleet in virtual time: pages, the network between them and the auth server, and what happens to both.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use nolapse::core::{AttemptId, Input};
use nolapse::wire::EndReason;
use nolapse_domain::{RefreshToken, Session as Row};

use super::cluster::{Cluster, float};
use super::course::{Course, Step};
use super::page::{Granted, Page, Rules};
use super::random::Random;
use super::rates::Rates;

mod browsers;
mod servers;

/// The seconds from one refresh of a page to the next, of a token that lives for 60 s.
pub(crate) const PERIOD_S: f64 = 49.0;
/// How long a request takes to the balancer, and its response back.
const ONE_WAY: (u64, u64) = (10, 90);

/// How large the fleet is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    pub(crate) pages: u32,
    pub(crate) seed: u64,
    /// How many times the steady rate of refreshes the servers and the database can carry out.
    pub(crate) headroom: f64,
}

#[derive(Debug)]
enum Event {
    Opened(usize),
    Alarm(usize),
    Called(usize),
    /// A request reaches the balancer.
    Arrived(Request),
    /// The server needs the database.
    Handled(Request, u32),
    /// The database has carried out what the server asked at this time.
    Committed(Request, u32, u64),
    Answered(Request, Reply),
    StreamArrived(usize, u32),
    StreamOpened(usize, u32, usize),
    StreamEnded(usize, u32, bool),
    Network(usize, bool),
    Step(Step),
}

#[derive(Debug)]
struct Request {
    page: usize,
    attempt: AttemptId,
    cookie: RefreshToken,
    connection: u32,
}

#[derive(Debug)]
enum Reply {
    Granted(Granted),
    Ended(EndReason),
    Unavailable(Option<u64>),
    /// The connection broke.
    Nothing,
}

/// An event and when it happens. Those of one moment keep their order.
#[derive(Debug)]
struct Planned {
    at: u64,
    number: u64,
    event: Event,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Everything there is.
pub(crate) struct World {
    now: u64,
    planned: BinaryHeap<Reverse<Planned>>,
    number: u64,
    pages: Vec<Page>,
    cluster: Cluster,
    rules: Rules,
    rates: Rates,
    random: Random,
    /// The rows as they were before the rotations that a standby may lack, oldest first.
    unreplicated: Vec<(usize, Row)>,
    /// When the database fails.
    fails_at: Option<u64>,
}

impl World {
    /// Plays a course with a fleet; `None` only if no token can be made.
    pub(crate) fn play(course: &Course, fleet: Fleet) -> Option<Rates> {
        let mut world = Self::new(course, fleet)?;
        for (at, step) in &course.steps {
            world.plan_at(*at, Event::Step(*step));
        }
        for page in 0..world.pages.len() {
            let at = world.random.below(course.opening);
            world.plan_at(at, Event::Opened(page));
        }
        while let Some(Reverse(Planned { at, event, .. })) = world.planned.pop()
            && at < course.ends
        {
            world.now = at;
            world.happen(event);
        }
        Some(world.rates)
    }

    fn new(course: &Course, fleet: Fleet) -> Option<Self> {
        let rules = Rules::new()?;
        let mut random = Random(fleet.seed);
        let pages = (0..fleet.pages).map(|number| Page::new(number, random.next(), &rules));
        let pages: Vec<Page> = pages.collect();
        let streams =
            float(u64::try_from(pages.iter().filter(|page| page.is_visible).count()).ok()?);
        let refreshes = f64::from(fleet.pages) / PERIOD_S;
        Some(Self {
            now: 0,
            planned: BinaryHeap::new(),
            number: 0,
            pages,
            cluster: Cluster::new(refreshes, fleet.headroom, streams),
            rules,
            rates: Rates::new(usize::try_from(course.ends / 1_000).ok()?, fleet.pages),
            random,
            unreplicated: Vec::new(),
            fails_at: course.database_fails_at(),
        })
    }

    fn plan_at(&mut self, at: u64, event: Event) {
        self.number += 1;
        let number = self.number;
        self.planned.push(Reverse(Planned { at, number, event }));
    }

    fn plan(&mut self, delay: u64, event: Event) {
        self.plan_at(self.now + delay, event);
    }

    fn one_way(&mut self) -> u64 {
        self.random.between(ONE_WAY.0, ONE_WAY.1)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Opened(page) => self.open(page),
            Event::Alarm(page) => {
                if self.pages[page].alarm == Some(self.now) {
                    self.pages[page].alarm = None;
                    self.feed(page, Input::DeadlineReached);
                }
            }
            Event::Called(page) => self.call(page),
            Event::Arrived(request) => self.arrive(request),
            Event::Handled(request, life) => self.query(request, life),
            Event::Committed(request, life, asked) => self.commit(request, life, asked),
            Event::Answered(request, reply) => self.answer(&request, reply),
            Event::StreamArrived(page, number) => self.open_stream(page, number),
            Event::StreamOpened(page, number, group) => self.on_stream_open(page, number, group),
            Event::StreamEnded(page, number, was_open) => {
                if self.pages[page].stream_number == number {
                    self.end_stream(page, was_open);
                }
            }
            Event::Network(page, is_on) => self.change_network(page, is_on),
            Event::Step(step) => self.step(step),
        }
    }
}
