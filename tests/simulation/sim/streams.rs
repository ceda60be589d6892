//! Push streams: which tab of a browser holds one, and what the auth server sends on it.

use std::collections::BTreeMap;

use nolapse::core::{Input, Millis};
use nolapse_domain::SessionId;

use super::{Happening, Locks, Mode, Network, World};

/// The streams of a world.
#[derive(Default)]
pub struct Streams {
    /// Whether tabs that are opened from now on have the option.
    pub is_on: bool,
    /// When each attempt reached the network, and by which tab.
    pub attempts: Vec<(u64, usize)>,
    /// The most that one browser has had open at once.
    pub most_at_once: usize,
    /// Attempts of tabs that were hidden or did not run.
    pub unseen: usize,
    /// The tabs that want a stream, in the order in which they asked.
    wanted: Vec<usize>,
    /// The streams of the tabs that have the lock, or whose browser has none.
    by_tab: BTreeMap<usize, Stream>,
    next: u64,
}

#[derive(Clone, Copy)]
struct Stream {
    id: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    /// The server sends on it what happens to this session.
    Open(Option<SessionId>),
    Ended,
}

/// What happens to the stream with this id, of this tab.
#[derive(Clone, Copy, Debug)]
pub struct StreamEvent {
    pub tab: usize,
    pub id: u64,
    pub what: What,
}

#[derive(Clone, Copy, Debug)]
pub enum What {
    /// The request reaches the auth server.
    Arrived,
    /// A push message arrives.
    Pushed,
    /// It ends, or is not opened.
    Ended { was_open: bool },
}

impl World {
    /// Like [`World::signed_in`], with the option `push`.
    pub fn pushed(seed: u64, tabs: usize) -> Self {
        Self::pushed_with(Millis::from_secs(60), seed, tabs)
    }

    /// Like [`World::pushed`], with this token lifetime.
    pub fn pushed_with(lifetime: Millis, seed: u64, tabs: usize) -> Self {
        let mut world = Self::new(seed);
        world.server.lifetime = lifetime;
        world.streams.is_on = true;
        world.open_signed_in(tabs);
        world
    }

    /// The host opens the stream as soon as no other tab of the browser holds it.
    pub fn open_stream(&mut self, tab: usize) {
        if !self.streams.wanted.contains(&tab) {
            self.streams.wanted.push(tab);
        }
        if self.is_stream_holder(tab) {
            self.connect(tab);
        }
    }

    /// The host closes the stream, and the next tab that waits opens its own.
    pub fn close_stream(&mut self, tab: usize) {
        let was_holder = self.streams.by_tab.remove(&tab).is_some();
        self.streams.wanted.retain(|wanting| *wanting != tab);
        let browser = self.tabs[tab].browser;
        let mut waiting = self.streams.wanted.iter().copied();
        let next = waiting.find(|next| self.tabs[*next].browser == browser);
        if let Some(next) = next.filter(|next| was_holder && !self.has_stream(*next)) {
            self.connect(next);
        }
    }

    /// The tabs of a browser that hold a stream that is open.
    pub fn streaming(&self, browser: usize) -> Vec<usize> {
        let is_open = |tab: &usize| {
            let state = self.streams.by_tab.get(tab).map(|stream| stream.state);
            matches!(state, Some(State::Open(_)))
        };
        self.tabs_of(browser).into_iter().filter(is_open).collect()
    }

    /// The auth server, or who claims to be it, sends a push message.
    pub fn push(&mut self, tab: usize) {
        if let Some(Stream { id, .. }) = self.streams.by_tab.get(&tab).copied() {
            let delay = self.random.between(2, 60);
            self.plan_stream(delay, tab, id, What::Pushed);
        }
    }

    /// Ends all streams, as a restart of the auth server does.
    pub fn break_streams(&mut self) {
        let tabs: Vec<usize> = self.streams.by_tab.keys().copied().collect();
        for tab in tabs {
            self.break_stream(tab);
        }
    }

    pub fn break_stream(&mut self, tab: usize) {
        if let Some(stream) = self.streams.by_tab.get_mut(&tab)
            && matches!(stream.state, State::Open(_))
        {
            stream.state = State::Ended;
            let id = stream.id;
            self.plan_stream(1, tab, id, What::Ended { was_open: true });
        }
    }

    pub fn on_stream_event(&mut self, StreamEvent { tab, id, what }: StreamEvent) {
        let Some(stream) = self.streams.by_tab.get_mut(&tab).filter(|it| it.id == id) else {
            return;
        };
        match what {
            What::Arrived => self.arrive_stream(tab, id),
            What::Pushed => self.deliver(tab, Input::PushReceived),
            What::Ended { was_open } => {
                stream.state = State::Ended;
                self.deliver(tab, Input::StreamEnded { was_open });
            }
        }
    }

    /// Lets the auth server send on its streams what has happened to their sessions, and an outage end them.
    pub fn watch_streams(&mut self) {
        let open = self.streams.by_tab.iter().filter_map(|(tab, stream)| {
            let State::Open(session) = stream.state else {
                return None;
            };
            Some((*tab, stream.id, session))
        });
        for (tab, id, session) in open.collect::<Vec<_>>() {
            if !self.has_streams() {
                self.break_stream(tab);
            } else if !session.is_some_and(|session| self.server.is_alive(session)) {
                self.end_session_on(tab, id);
            }
        }
    }

    fn end_session_on(&mut self, tab: usize, id: u64) {
        if let Some(stream) = self.streams.by_tab.get_mut(&tab) {
            stream.state = State::Ended;
        }
        let delay = self.random.between(2, 60);
        self.plan_stream(delay, tab, id, What::Pushed);
        self.plan_stream(delay + 1, tab, id, What::Ended { was_open: true });
    }

    fn has_streams(&self) -> bool {
        self.server.mode == Mode::Fine && matches!(self.network, Network::Fine | Network::Slow)
    }

    fn has_stream(&self, tab: usize) -> bool {
        self.streams.by_tab.contains_key(&tab)
    }

    fn is_stream_holder(&self, tab: usize) -> bool {
        let browser = self.tabs[tab].browser;
        let has_lock = !matches!(self.browsers[browser].locks, Locks::Missing | Locks::Broken);
        let mut holders = self.streams.by_tab.keys();
        self.has_stream(tab) || !has_lock || !holders.any(|it| self.tabs[*it].browser == browser)
    }

    fn connect(&mut self, tab: usize) {
        self.streams.next += 1;
        let id = self.streams.next;
        let state = State::Connecting;
        self.streams.by_tab.insert(tab, Stream { id, state });
        self.streams.attempts.push((self.now, tab));
        let is_seen = self.tabs[tab].is_visible && !self.tabs[tab].is_frozen;
        self.streams.unseen += usize::from(!is_seen);
        let delay = self.random.between(2, 60);
        match self.network {
            Network::Stalling | Network::Unanswered => {}
            _ if self.has_streams() => self.plan_stream(delay, tab, id, What::Arrived),
            _ => self.plan_stream(delay, tab, id, What::Ended { was_open: false }),
        }
    }

    fn arrive_stream(&mut self, tab: usize, id: u64) {
        let browser = self.tabs[tab].browser;
        let session = self.cookie_session(browser);
        if let Some(stream) = self.streams.by_tab.get_mut(&tab) {
            stream.state = State::Open(session);
        }
        let open = self.streaming(browser).len();
        self.streams.most_at_once = self.streams.most_at_once.max(open);
        if !session.is_some_and(|session| self.server.is_alive(session)) {
            self.end_session_on(tab, id);
        }
    }

    fn plan_stream(&mut self, delay: u64, tab: usize, id: u64, what: What) {
        self.plan(delay, Happening::Stream(StreamEvent { tab, id, what }));
    }
}
