//! A deterministic simulation in virtual time: the second host of the core.
//!
//! Simulates browsers with tabs, a lock, storage, a channel, a cookie jar and adjustable clocks; a network that loses,
//! delays, duplicates and reorders; and the reference server's rotation rules. Everything derives from one seed.

#![allow(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::cast_precision_loss,
    clippy::needless_pass_by_value,
    clippy::struct_excessive_bools,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "tests use what production code may not"
)]

mod browser;
mod calls;
mod exchange;
mod forge;
mod forged;
mod host;
pub mod keys;
mod locks;
mod outages;
mod passwords;
mod random;
mod record;
mod schedule;
pub mod server;
mod streams;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use nolapse::core::{AttemptId, Config, Input, Millis, PageChange, TabId};

pub use browser::{Browser, Locks, Tab};
pub use calls::{Call, Ending, SignedOut};
pub use forged::{Forged, ForgedVersion, record};
pub use keys::DeviceKey;
pub use outages::{OUTAGES, retry_in};
pub use random::Random;
pub use record::{Counts, Line};
pub use schedule::{Menu, Step, steps};
pub use server::{Mode, Server};
pub use streams::{StreamEvent, Streams};

/// How the network between browsers and servers behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Responses take a few to a few hundred milliseconds.
    Fine,
    /// Requests fail at once.
    Offline,
    /// Requests hang for ever.
    Stalling,
    /// Requests arrive, responses do not: the requests fail after a delay.
    LosingAnswers,
    /// Requests arrive, responses do not, and no error reports it: only the client's timeout ends the requests.
    Unanswered,
    /// A captive portal responds to every request with its own page.
    Captive,
    /// Responses take up to nine seconds.
    Slow,
}

/// A scheduled simulation event.
#[derive(Clone, Debug)]
pub enum Happening {
    /// The browser grants the lock to a tab.
    LockGranted { tab: usize, attempt: AttemptId },
    /// A tab's request for the lock fails.
    LockFailed { tab: usize, attempt: AttemptId },
    /// A message reaches a tab.
    Heard { tab: usize, text: String },
    /// A tab sees another tab's storage write.
    ShelfSeen { tab: usize, text: String },
    /// A tab's timer fires.
    Alarm { tab: usize, set: u64 },
    /// A request reaches the auth server.
    Arrived(Box<server::Exchange>),
    /// A response reaches the browser.
    Answered(Box<server::Exchange>, server::Reply),
    /// Something happens to a push stream.
    Stream(StreamEvent),
    /// The app requests a password change.
    PasswordAsked { tab: usize },
    /// The app's sign-in function returns.
    SignedIn {
        tab: usize,
        attempt: AttemptId,
        user: u32,
    },
}

/// The simulated world.
pub struct World {
    pub now: u64,
    pub random: Random,
    pub browsers: Vec<Browser>,
    pub tabs: Vec<Tab>,
    pub server: Server,
    pub network: Network,
    /// The timeout of tabs that are opened from now on.
    pub timeout: Millis,
    /// Whether the response to an aborted request is discarded, as browsers do. Otherwise it still sets its cookie.
    pub discards_aborted: bool,
    /// The requests that tabs have aborted.
    pub aborted: BTreeSet<(usize, AttemptId)>,
    /// Whether the calls of two tabs in three are each in a context of its own.
    pub has_contexts: bool,
    pub calls: Vec<Call>,
    pub counts: Counts,
    pub streams: Streams,
    /// How many proofs of keys were signed, and how many keys were made.
    pub proofs_made: u64,
    pub keys_made: u8,
    /// Whether the lock has always worked as specified.
    pub had_lock: bool,
    /// Sessions that a user has signed out of.
    pub signed_out: Vec<SignedOut>,
    /// Sessions that no page has seen start: the page was killed before it ran again, but the cookie was set.
    pub unseen: Vec<String>,
    /// The percentage of tab messages that are lost.
    pub lost_messages: u64,
    /// The longest delay of a tab message, in milliseconds.
    pub late_messages: u64,
    /// The event log, printed on a failure.
    pub log: Vec<Line>,
    agenda: BinaryHeap<Reverse<(u64, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    next: u64,
}

impl World {
    /// Creates a world with a server and one browser without tabs.
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            now: 1_700_000_000_000,
            random: Random(seed),
            browsers: Vec::new(),
            tabs: Vec::new(),
            server: Server::new(),
            network: Network::Fine,
            timeout: Config::default().timeout,
            discards_aborted: false,
            aborted: BTreeSet::new(),
            has_contexts: false,
            calls: Vec::new(),
            counts: Counts::default(),
            streams: Streams::default(),
            proofs_made: 0,
            keys_made: 0,
            had_lock: true,
            signed_out: Vec::new(),
            unseen: Vec::new(),
            lost_messages: 0,
            late_messages: 5,
            log: Vec::new(),
            agenda: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            next: 0,
        };
        world.add_browser();
        world
    }

    /// Creates a world with one browser, a signed-in user and `tabs` tabs, each past its first refresh.
    pub fn signed_in(seed: u64, tabs: usize) -> Self {
        Self::signed_in_with(Millis::from_secs(60), seed, tabs)
    }

    /// Like [`World::signed_in`], with this token lifetime.
    pub fn signed_in_with(lifetime: Millis, seed: u64, tabs: usize) -> Self {
        let mut world = Self::new(seed);
        world.server.lifetime = lifetime;
        world.open_signed_in(tabs);
        world
    }

    /// Signs a user in on the first of that many tabs.
    pub fn open_signed_in(&mut self, tabs: usize) {
        if tabs > 0 {
            let first = self.open(0);
            self.sign_in(first, 1);
            self.run(1_000);
            for _ in 1..tabs {
                self.open(0);
                self.run(300);
            }
            self.run(1_000);
        }
    }

    /// Adds a browser with an empty cookie jar.
    pub fn add_browser(&mut self) -> usize {
        self.browsers.push(Browser::default());
        self.browsers.len() - 1
    }

    /// Opens a tab: a page load.
    pub fn open(&mut self, browser: usize) -> usize {
        self.open_with(browser, |_| {})
    }

    /// Opens a tab with a modified configuration.
    pub fn open_with(&mut self, browser: usize, change: impl FnOnce(&mut Config)) -> usize {
        let index = self.tabs.len();
        let mut config = Config {
            seed: self.random.next(),
            timeout: self.timeout,
            push: self.streams.is_on,
            tab: TabId(u32::try_from(index).unwrap_or(u32::MAX)),
            ..Config::default()
        };
        change(&mut config);
        let wall = self.browsers[browser].wall(self.now);
        let tab = Tab::new(
            browser,
            config,
            self.now,
            wall,
            self.browsers[browser].stored.as_ref(),
        );
        self.tabs.push(tab);
        self.feed(index, Input::Started);
        index
    }

    /// Schedules an event.
    pub fn plan(&mut self, delay: u64, happening: Happening) {
        let id = self.next;
        self.next += 1;
        self.agenda.push(Reverse((self.now + delay, id)));
        self.happenings.insert(id, happening);
    }

    /// Advances the time and processes all events that are due.
    pub fn run(&mut self, millis: u64) {
        let end = self.now + millis;
        self.watch_streams();
        while let Some(Reverse((at, id))) = self.agenda.peek().copied() {
            if at > end {
                break;
            }
            self.agenda.pop();
            self.now = self.now.max(at);
            if let Some(happening) = self.happenings.remove(&id) {
                self.happen(happening);
                self.watch_streams();
            }
        }
        self.now = end;
    }

    /// Advances the time.
    pub fn run_for(&mut self, time: Duration) {
        self.run(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::LockGranted { tab, attempt } => self.grant_lock(tab, attempt),
            Happening::LockFailed { tab, attempt } => {
                self.deliver(tab, Input::LockFailed { attempt });
            }
            Happening::Heard { tab, text } => self.hear(tab, &text),
            Happening::ShelfSeen { tab, text } => {
                self.tabs[tab].stored = Some(text);
                self.deliver(tab, Input::StorageChanged);
            }
            Happening::Alarm { tab, set } => self.ring(tab, set),
            Happening::Arrived(exchange) => self.arrive(*exchange),
            Happening::Answered(exchange, reply) => self.answer(*exchange, reply),
            Happening::Stream(event) => self.on_stream_event(event),
            Happening::PasswordAsked { tab } => self.ask_for_password(tab),
            Happening::SignedIn { tab, attempt, user } => self.finish_sign_in(tab, attempt, user),
        }
    }

    /// Applies a page lifecycle change.
    pub fn page(&mut self, tab: usize, change: PageChange) {
        if !self.tabs[tab].is_alive {
            return;
        }
        match change {
            PageChange::Hidden => self.tabs[tab].is_visible = false,
            PageChange::Visible => self.tabs[tab].is_visible = true,
            PageChange::Frozen | PageChange::Left => {
                if change == PageChange::Frozen {
                    self.forgive_sign_out(tab);
                }
                self.feed(tab, Input::PageChanged(change));
                self.tabs[tab].is_frozen = true;
                return;
            }
            PageChange::Resumed | PageChange::Returned => {
                self.tabs[tab].is_frozen = false;
                self.feed(tab, Input::PageChanged(change));
                self.thaw(tab);
                return;
            }
            PageChange::Online | PageChange::Offline => {}
        }
        self.deliver(tab, Input::PageChanged(change));
    }

    /// Suspends a browser's computer: time passes, the monotonic clocks stop, nothing runs.
    pub fn nap(&mut self, browser: usize, millis: u64) {
        for tab in self.tabs_of(browser) {
            self.tabs[tab].steady_stopped += millis;
            self.break_stream(tab);
        }
        self.browsers[browser].is_asleep = true;
        self.run(millis);
        self.browsers[browser].is_asleep = false;
        self.set_wall(browser, self.browsers[browser].wall_offset);
        for tab in self.tabs_of(browser) {
            self.thaw(tab);
        }
    }

    /// Sets the wall clock. The tabs read it before the next suspension: a clock set back between two events, with a
    /// suspension between them too, hides that suspension from any page (the API's 401 then triggers the refresh). Setting
    /// it back drops messages in flight, because their timestamps would no longer show their age.
    pub fn set_wall(&mut self, browser: usize, offset: i64) {
        if offset < self.browsers[browser].wall_offset {
            self.happenings
                .retain(|_, happening| !matches!(happening, Happening::Heard { .. }));
            for tab in &mut self.tabs {
                tab.backlog
                    .retain(|input| !matches!(input, Input::TabMessageReceived(_)));
            }
        }
        self.browsers[browser].wall_offset = offset;
        for tab in self.tabs_of(browser) {
            self.tabs[tab].context(self.now, &self.browsers[browser]);
        }
    }

    /// The tabs of a browser that still exist.
    pub fn tabs_of(&self, browser: usize) -> Vec<usize> {
        (0..self.tabs.len())
            .filter(|tab| self.tabs[*tab].browser == browser && self.tabs[*tab].is_alive)
            .collect()
    }
}
