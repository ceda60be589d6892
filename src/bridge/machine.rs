//! The wasm interface of the core: numbers and strings in, numbers and strings out.
//!
//! Few calls with primitive arguments keep the module small and fast: an input is one call with numbers and a text, and
//! commands are pushed to a queue (`bridge.js`) that the host drains after each call. The numeric codes are listed in
//! `bridge.js` too, and a test compares the two lists.

#[cfg(feature = "client")]
use std::rc::Rc;

#[cfg(feature = "client")]
use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;

use crate::core::{
    AfterResponse, Attempt, Body, Challenge, Clock, Config, Context, Millis, Session, StoredState,
    TabId, WallTime, after_response,
};

#[cfg(feature = "client")]
use crate::core::Effect;

use super::codes;
use super::decode::decode_input;
use super::encode::{self, Command};

#[wasm_bindgen(module = "/src/generated/host.js")]
extern "C" {
    #[wasm_bindgen(js_name = pushCommand)]
    fn push_command(kind: u32, id: f64, a: f64, b: f64, c: f64, d: f64, text: &str);
}

#[cfg(feature = "client")]
#[wasm_bindgen(module = "/src/generated/host.js")]
extern "C" {
    /// Calls the timer handler of that machine's host.
    fn fire_timer(machine: u32);
}

/// The longest delay that `setTimeout` accepts: 31 bits of milliseconds. A timer that fires early is harmless.
const LONGEST_WAIT: Millis = Millis::from_millis(0x7fff_ffff);

/// The return value of `feed` if the host needs no timer.
const NOTHING_TO_WAIT_FOR: f64 = -1.0;

/// Receives each effect before it is encoded.
#[cfg(feature = "client")]
pub(crate) type Observer = Rc<dyn Fn(&Effect)>;

/// One tab's session, driven by its JavaScript host.
#[wasm_bindgen]
pub struct Machine {
    core: Session,
    clock: Clock,
    #[cfg(feature = "client")]
    name: u32,
    #[cfg(feature = "client")]
    timer: Option<Timeout>,
    #[cfg(feature = "client")]
    observer: Option<Observer>,
}

#[cfg(feature = "client")]
impl Machine {
    /// Sets an observer that sees each effect before it is encoded.
    pub(crate) fn with_observer(mut self, by: Observer) -> Self {
        self.observer = Some(by);
        self
    }
}

#[wasm_bindgen]
impl Machine {
    /// Creates a machine in the initial state. `name` identifies it to its timer and in traces; `timeout` is in seconds,
    /// the clocks are in milliseconds as the browser reports them.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(name: u32, seed: f64, timeout: f64, steady: f64, wall: f64) -> Self {
        let config = Config {
            timeout: Millis::from_secs_f64(timeout).unwrap_or_default(),
            seed: seed.to_bits(),
            tab: TabId(name),
            ..Config::default()
        };
        Self {
            core: Session::new(config),
            clock: Clock::new(steady, wall),
            #[cfg(feature = "client")]
            name,
            #[cfg(feature = "client")]
            timer: None,
            #[cfg(feature = "client")]
            observer: None,
        }
    }

    /// Handles an input and pushes the resulting commands. `found` is the stored record. Returns the delay of the next
    /// timer in milliseconds; −1 if none is needed, or if the module sets its own.
    #[expect(
        clippy::too_many_arguments,
        reason = "numbers cross for nothing, an object does not"
    )]
    pub fn feed(
        &mut self,
        steady: f64,
        wall: f64,
        found: &str,
        kind: u32,
        id: f64,
        a: f64,
        b: f64,
        c: f64,
        text: &str,
    ) -> f64 {
        let context = Context {
            now: self.clock.read(steady, wall),
            wall: wall_time(wall),
            stored: read_stored(found),
        };
        self.core
            .handle(&context, decode_input(kind, id, [a, b, c], text));
        for effect in self.core.take_effects() {
            #[cfg(feature = "client")]
            if let Some(observer) = &self.observer {
                observer(&effect);
            }
            encode::of(effect).push();
        }
        let wait = self
            .core
            .poll_deadline(context.now)
            .map(|(deadline, _)| deadline.since(context.now).min(LONGEST_WAIT));
        self.arm(wait)
    }

    /// Queries the current token; changes nothing but the time of the app's last activity. Returns its version if it can be
    /// sent (−1 if not) and optionally pushes it as a command, or its remaining lifetime or its age in seconds.
    pub fn look(&mut self, steady: f64, wall: f64, what: u32) -> f64 {
        let now = self.clock.read(steady, wall);
        match what {
            codes::TOKEN_LEFT => self.core.token_left(now).as_secs_f64(),
            codes::AGE => self.core.token_age(now).as_secs_f64(),
            codes::USABLE | codes::TOKEN => {
                self.core.touch(now);
                let Some((token, version)) = self.core.usable_token(now) else {
                    return -1.0;
                };
                if what == codes::TOKEN {
                    Command::token(token, version).push();
                }
                encode::whole(version.number())
            }
            _ => -1.0,
        }
    }

    /// Whether to retry a replayable request with a new token, after a response with this status and `WWW-Authenticate`.
    #[must_use]
    pub fn should_retry(&self, status: u16, challenge: &str) -> bool {
        let challenge = Challenge::parse((!challenge.is_empty()).then_some(challenge));
        match after_response(status, Attempt::First, Body::Replayable, challenge) {
            AfterResponse::RefreshAndRetry => true,
            AfterResponse::Return => false,
        }
    }

    /// In a Rust app, the module sets its own timer.
    #[cfg(feature = "client")]
    fn arm(&mut self, wait: Option<Millis>) -> f64 {
        let name = self.name;
        // Reset even for the same time: suspension stops the timer and not the clock.
        self.timer = wait.map(|wait| {
            Timeout::new(u32::try_from(wait.as_millis()).unwrap_or(0), move || {
                fire_timer(name);
            })
        });
        NOTHING_TO_WAIT_FOR
    }

    /// In the npm package, the host sets the timer: passing closures costs more bytes than the host's timer code.
    #[cfg(not(feature = "client"))]
    #[expect(clippy::unused_self, reason = "the module's own timer is kept in it")]
    fn arm(&mut self, wait: Option<Millis>) -> f64 {
        wait.map_or(NOTHING_TO_WAIT_FOR, Millis::as_millis_f64)
    }
}

impl Command {
    fn push(self) {
        let [a, b, c, d] = self.numbers;
        push_command(self.kind, self.id, a, b, c, d, &self.text);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and a date is no fraction"
)]
fn wall_time(millis: f64) -> WallTime {
    WallTime::from_millis(millis as u64)
}

/// Reads the stored record; `?` means that storage is unavailable.
fn read_stored(text: &str) -> StoredState {
    match text {
        "?" => StoredState::Unavailable,
        text => StoredState::read(text),
    }
}
