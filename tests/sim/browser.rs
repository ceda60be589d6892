//! Browsers and their tabs, as far as the core can tell.

use std::collections::VecDeque;

use nolapse::core::{AttemptId, Clock, Config, Input, Moment, Session, Shelf, WallTime};
use nolapse_domain::RefreshToken;

/// How a browser's lock behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// As specified: one holder, the others queue.
    Honest,
    /// There is none, or asking for it throws.
    Missing,
    /// Somebody holds it and never lets go.
    Hogged,
    /// Everybody gets it at once.
    Broken,
}

/// One browser: what its tabs share.
#[derive(Debug)]
pub struct Browser {
    /// The refresh cookie.
    pub cookie: Option<RefreshToken>,
    /// When the cookie was last the server's newest.
    pub cookie_good_at: u64,
    /// `localStorage`.
    pub shelf: Option<String>,
    /// Whether the page may use `localStorage`.
    pub has_shelf: bool,
    /// Whether there is a `BroadcastChannel`.
    pub has_channel: bool,
    pub locks: Locks,
    pub lock_holder: Option<(usize, AttemptId)>,
    /// Whether the holder has been told: before, it cannot give back what it does not know it has.
    pub is_holder_told: bool,
    pub lock_queue: VecDeque<(usize, AttemptId)>,
    /// How far the computer's clock is off, in milliseconds.
    pub wall_offset: i64,
    pub is_asleep: bool,
    /// Refreshes and sign-outs in flight.
    pub in_flight: usize,
}

impl Default for Browser {
    fn default() -> Self {
        Self {
            cookie: None,
            cookie_good_at: 0,
            shelf: None,
            has_shelf: true,
            has_channel: true,
            locks: Locks::Honest,
            lock_holder: None,
            is_holder_told: false,
            lock_queue: VecDeque::new(),
            wall_offset: 0,
            is_asleep: false,
            in_flight: 0,
        }
    }
}

impl Browser {
    /// What `Date.now()` says.
    pub fn wall(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.wall_offset)
    }
}

/// One tab.
#[derive(Debug)]
pub struct Tab {
    pub browser: usize,
    pub core: Session,
    pub clock: Clock,
    pub opened: u64,
    /// How long the steady clock has stood still.
    pub steady_stopped: u64,
    /// The tab's copy of the shelf.
    pub shelf: Option<String>,
    pub is_alive: bool,
    pub is_visible: bool,
    pub is_frozen: bool,
    pub hears: bool,
    pub alarm: Option<u64>,
    pub alarms_set: u64,
    pub last_rung: u64,
    /// Whether hidden timers ring once a minute at the most.
    pub is_throttled: bool,
    /// What could not be delivered while the tab did not run.
    pub backlog: VecDeque<Input>,
}

impl Tab {
    pub fn new(
        browser: usize,
        config: Config,
        now: u64,
        wall: u64,
        shelf: Option<&String>,
    ) -> Self {
        Self {
            browser,
            core: Session::new(config),
            clock: Clock::new(0.0, wall as f64),
            opened: now,
            steady_stopped: 0,
            shelf: shelf.cloned(),
            is_alive: true,
            is_visible: true,
            is_frozen: false,
            hears: false,
            alarm: None,
            alarms_set: 0,
            last_rung: 0,
            is_throttled: false,
            backlog: VecDeque::new(),
        }
    }

    /// Whether its code can run.
    pub fn runs(&self, browser: &Browser) -> bool {
        self.is_alive && !self.is_frozen && !browser.is_asleep
    }

    /// What the tab sees now.
    pub fn moment(&mut self, now: u64, browser: &Browser) -> Moment {
        let wall = browser.wall(now);
        let running = (now - self.opened).saturating_sub(self.steady_stopped);
        let seen = match (&self.shelf, browser.has_shelf) {
            (_, false) => Shelf::Unavailable,
            (None, true) => Shelf::Empty,
            (Some(text), true) => Shelf::read(text),
        };
        Moment {
            now: self.clock.read(running as f64, wall as f64),
            wall: WallTime::from_millis(wall),
            shelf: seen,
        }
    }
}
