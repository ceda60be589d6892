//! The wasm interface of the core: numbers and strings in, numbers and strings out.
//!
//! Few calls with primitive arguments keep the module small and fast: an input is one call with numbers and a text, and
//! commands are pushed to a queue (`bridge.js`) that the host drains after each call.

#[cfg(feature = "client")]
use std::rc::Rc;

#[cfg(feature = "client")]
use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;

use crate::core::{
    Answer, Clock, Config, Context, Effect, Millis, Secret, Session, StoredState, TabId, Timestamp,
    Version, WallTime,
};

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
    #[wasm_bindgen(js_name = fireTimer)]
    fn fire_timer(machine: u32);
}

/// The longest delay that `setTimeout` accepts: 31 bits of milliseconds. A timer that fires early is harmless.
const LONGEST_WAIT: Millis = Millis::from_millis(0x7fff_ffff);

/// The return value of `feed` if the host needs no timer.
const NOTHING_TO_WAIT_FOR: f64 = -1.0;

/// Receives each effect before it is encoded; returns whether the Rust app has handled it.
#[cfg(feature = "client")]
pub(crate) type Observer = Rc<dyn Fn(&Effect) -> bool>;

/// One tab's session, driven by its JavaScript host.
#[wasm_bindgen]
pub struct Machine {
    core: Session,
    clock: Clock,
    /// The version of the token that the host has; `None` if it has none that it can send.
    sent: Option<Version>,
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
    /// Creates a machine in the initial state. `name` identifies it to its timer and in traces; the timeout
    /// and the clocks are in milliseconds; `push`: whether there is a push stream.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(name: u32, seed: f64, timeout_ms: f64, push: bool, steady: f64, wall: f64) -> Self {
        let config = Config {
            push,
            timeout: Millis::from_secs_f64(timeout_ms / 1_000.0).unwrap_or_default(),
            seed: seed.to_bits(),
            tab: TabId(name),
            ..Config::default()
        };
        Self {
            core: Session::new(config),
            clock: Clock::new(steady, wall),
            sent: None,
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
            if self
                .observer
                .as_ref()
                .is_some_and(|handles| handles(&effect))
            {
                continue;
            }
            self.push(effect, context.now);
        }
        let times = self.token_times(context.now);
        if let Some((token, version)) = self.core.usable_token(context.now) {
            send_token(&mut self.sent, token, version, times);
        } else if let Some(version) = self.sent.take() {
            Command::no_token(version).push();
        }
        let wait = self
            .core
            .poll_deadline(context.now)
            .map(|(deadline, _)| deadline.since(context.now).min(LONGEST_WAIT));
        self.arm(wait)
    }

    /// Pushes an effect as a command. A settled caller's token is pushed before it, if the host does not have it.
    fn push(&mut self, effect: Effect, now: Timestamp) {
        if let Effect::Settle {
            answer: Ok(Answer::Token { token, version }),
            ..
        } = &effect
        {
            let times = self.token_times(now);
            send_token(&mut self.sent, token, *version, times);
        }
        let is_refresh = matches!(effect, Effect::SendRefresh { .. });
        let mut command = encode::of(effect);
        if is_refresh {
            command.line(&self.core.contexts());
        }
        command.push();
    }

    /// Returns how long the token can still be sent, and its age.
    fn token_times(&self, now: Timestamp) -> [Millis; 2] {
        [self.core.token_left(now), self.core.token_age(now)]
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

/// Pushes the token, unless the host has it.
fn send_token(sent: &mut Option<Version>, token: &Secret, version: Version, times: [Millis; 2]) {
    if sent.replace(version) != Some(version) {
        Command::token(token, version, times).push();
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
