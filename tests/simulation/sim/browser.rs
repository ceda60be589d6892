//! Simulated browsers and tabs, as far as the core can observe them.

use std::collections::VecDeque;

use nolapse::core::{AttemptId, Clock, Config, Context, Input, Session, StoredState, WallTime};
use nolapse_domain::RefreshToken;

use super::DeviceKey;

/// How a browser's lock behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locks {
    /// As specified: one holder, the others queue.
    Honest,
    /// Unsupported, or the request throws.
    Missing,
    /// Held by another script that never releases it.
    Hogged,
    /// Granted to every request at once.
    Broken,
}

/// One browser: what its tabs share.
#[derive(Debug)]
pub struct Browser {
    /// The refresh cookie.
    pub cookie: Option<RefreshToken>,
    /// The cookie before it, as it may still be on disk, until the newest is sent.
    pub cookie_before: Option<RefreshToken>,
    /// A cookie whose successor had been used when the response with it arrived: later ones had overtaken it.
    pub overtaken: Option<RefreshToken>,
    /// `localStorage`.
    pub stored: Option<String>,
    /// Whether the page may use `localStorage`.
    pub has_storage: bool,
    /// Whether there is a `BroadcastChannel`.
    pub has_channel: bool,
    /// The key that sessions are bound to.
    pub key: DeviceKey,
    pub locks: Locks,
    pub lock_holder: Option<(usize, AttemptId)>,
    /// Whether the grant has reached the holder: before, the holder cannot release the lock.
    pub is_holder_told: bool,
    pub lock_queue: VecDeque<(usize, AttemptId)>,
    /// Offset of the wall clock, in milliseconds.
    pub wall_offset: i64,
    pub is_asleep: bool,
    /// Refreshes and sign-outs in flight.
    pub in_flight: usize,
}

impl Default for Browser {
    fn default() -> Self {
        Self {
            cookie: None,
            cookie_before: None,
            overtaken: None,
            stored: None,
            has_storage: true,
            has_channel: true,
            key: DeviceKey::Unwanted,
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
    /// The value of `Date.now()`.
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
    /// How long the monotonic clock has been stopped.
    pub steady_stopped: u64,
    /// The tab's view of `localStorage`.
    pub stored: Option<String>,
    pub is_alive: bool,
    pub is_visible: bool,
    pub is_frozen: bool,
    pub hears: bool,
    /// Whether `IndexedDB` fails in it.
    pub is_key_blocked: bool,
    pub alarm: Option<u64>,
    pub alarms_set: u64,
    pub last_rung: u64,
    /// Whether timers of the hidden page fire at most once a minute.
    pub is_throttled: bool,
    /// Inputs to deliver when the tab runs again.
    pub backlog: VecDeque<Input>,
}

impl Tab {
    pub fn new(
        browser: usize,
        config: Config,
        now: u64,
        wall: u64,
        stored: Option<&String>,
    ) -> Self {
        Self {
            browser,
            core: Session::new(config),
            clock: Clock::new(0.0, wall as f64),
            opened: now,
            steady_stopped: 0,
            stored: stored.cloned(),
            is_alive: true,
            is_visible: true,
            is_frozen: false,
            hears: false,
            is_key_blocked: false,
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

    /// The tab's current context.
    pub fn context(&mut self, now: u64, browser: &Browser) -> Context {
        let wall = browser.wall(now);
        let running = (now - self.opened).saturating_sub(self.steady_stopped);
        let seen = match (&self.stored, browser.has_storage) {
            (_, false) => StoredState::Unavailable,
            (None, true) => StoredState::Empty,
            (Some(text), true) => StoredState::read(text),
        };
        Context {
            now: self.clock.read(running as f64, wall as f64),
            wall: WallTime::from_millis(wall),
            stored: seen,
        }
    }
}
