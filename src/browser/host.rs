//! The loop between the core and the browser: inputs in, effects out, one alarm.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use wasm_bindgen::prelude::*;
use web_sys::{AbortController, AbortSignal};

use crate::core::{
    AttemptId, Clock, Config, Effect, Input, Moment, PageChange, Secret, Session, SessionError,
    Span, TabId, TabMessage, Timestamp, Version, WallTime,
};

use super::alarm::Alarm;
use super::bus::Bus;
use super::calls::Calls;
use super::client::Notice;
use super::exchange::{self, Exchange};
use super::fetch::{AnswerHandler, Bearer, answer_handler};
use super::lock::Locks;
use super::natives::Natives;
use super::options::Checked;
use super::origins::Origins;
use super::page::{PageWatch, is_hidden};
use super::replies::Replies;
use super::shelf::ShelfStore;
use super::table::Table;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn steady_ms() -> f64;

    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn wall_ms() -> f64;
}

/// Makes the value that JavaScript is rejected with.
pub(crate) type ErrorMaker = Box<dyn Fn(&SessionError) -> JsValue>;

/// One session's contact with the browser.
pub(super) struct Host {
    core: RefCell<Session>,
    clock: RefCell<Clock>,
    inbox: RefCell<VecDeque<Input>>,
    is_draining: Cell<bool>,
    last_touch: Cell<Timestamp>,
    name: String,
    alarm: Alarm,
    shelf: ShelfStore,
    bus: RefCell<Option<Bus>>,
    page: RefCell<Option<PageWatch>>,
    bearer: RefCell<Option<Rc<Bearer>>>,
    exchanges: RefCell<Table<AttemptId, AbortController>>,
    listener: Box<dyn Fn(&Notice)>,
    errors: ErrorMaker,
    /// The endpoint's URL, or the app's function.
    pub(super) refresher: JsValue,
    /// The same, or `undefined`.
    pub(super) sign_out: JsValue,
    pub(super) natives: Natives,
    pub(super) origins: Origins,
    pub(super) locks: Locks,
    pub(super) replies: Replies,
    pub(super) calls: Calls,
    pub(super) answered: AnswerHandler,
}

impl Host {
    /// Starts a session: it listens and, where there may be a session, asks for its first token.
    pub(super) fn start(
        checked: Checked,
        seed: u64,
        natives: Natives,
        listener: Box<dyn Fn(&Notice)>,
        errors: ErrorMaker,
    ) -> Rc<Self> {
        let mut key = String::from("nolapse:");
        key.push_str(&checked.name);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any 32 of the bits will do"
        )]
        let tab = TabId((seed >> 32) as u32 ^ seed as u32);
        let config = Config {
            timeout: checked.timeout,
            seed,
            tab,
            ..Config::default()
        };
        let host = Rc::new_cyclic(|host: &Weak<Self>| Self {
            core: RefCell::new(Session::new(config)),
            clock: RefCell::new(Clock::new(steady_ms(), wall_ms())),
            inbox: RefCell::default(),
            is_draining: Cell::new(false),
            last_touch: Cell::default(),
            alarm: Alarm::default(),
            shelf: ShelfStore::new(key.clone()),
            bus: RefCell::new(None),
            page: RefCell::new(Some(PageWatch::new(host))),
            bearer: RefCell::new(None),
            exchanges: RefCell::default(),
            listener,
            errors,
            refresher: checked.refresher,
            sign_out: checked.sign_out,
            natives,
            origins: Origins::new(checked.apis),
            locks: Locks::new(key.clone()),
            replies: Replies::default(),
            calls: Calls::default(),
            answered: answer_handler(host),
            name: key,
        });
        host.feed(Input::Started);
        if is_hidden() {
            host.feed(Input::PageChanged(PageChange::Hidden));
        }
        host
    }

    /// Takes an input in, and carries out what the core orders. Inputs that come meanwhile wait for their turn.
    pub(super) fn feed(self: &Rc<Self>, input: Input) {
        self.inbox.borrow_mut().push_back(input);
        if self.is_draining.replace(true) {
            return;
        }
        loop {
            let next = self.inbox.borrow_mut().pop_front();
            let Some(input) = next else {
                break;
            };
            let moment = self.moment();
            self.core.borrow_mut().handle(&moment, input);
            while let Some(effect) = self.next_effect() {
                self.perform(effect);
            }
        }
        self.is_draining.set(false);
        self.arm();
        self.deliver();
    }

    /// Pops one effect with the borrow already ended, because performing it may call back in.
    fn next_effect(&self) -> Option<Effect> {
        self.core.borrow_mut().poll_effect()
    }

    fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::AcquireLock { attempt } => self.locks.acquire(self, attempt),
            Effect::ReleaseLock { attempt } => self.locks.release(attempt),
            Effect::SendRefresh {
                attempt,
                reason,
                page,
                active_ago,
            } => {
                let refresh = Exchange::Refresh {
                    reason,
                    page,
                    active_ago,
                };
                exchange::start(self, attempt, refresh);
            }
            Effect::SendSignOut {
                attempt,
                everywhere,
            } => exchange::start(self, attempt, Exchange::SignOut { everywhere }),
            Effect::RunAdopt { attempt, request } => {
                exchange::start(self, attempt, Exchange::Adopt { request });
            }
            Effect::Abort { attempt } => {
                if let Some(controller) = self.end_exchange(attempt) {
                    controller.abort();
                }
            }
            Effect::Settle { request, answer } => self.replies.settle(request, answer),
            Effect::Broadcast(message) => {
                if let Some(bus) = &*self.bus.borrow() {
                    bus.post(&message);
                }
            }
            Effect::WriteMark(mark) => self.shelf.write(&mark),
            Effect::OpenChannel => self.open_channel(),
            Effect::CloseChannel => drop(self.bus.take()),
            Effect::Publish(status) => self.notify(&Notice::Status(status)),
            Effect::Emit(event) => self.notify(&Notice::Event(event)),
        }
    }

    fn open_channel(self: &Rc<Self>) {
        let host = Rc::downgrade(self);
        let heard = Box::new(move |message: Option<TabMessage>| {
            if let Some(host) = host.upgrade() {
                host.feed(message.map_or(Input::TabGarbled, Input::TabSpoke));
            }
        });
        let bus = Bus::open(&self.name, heard);
        drop(self.bus.replace(bus));
    }

    fn arm(self: &Rc<Self>) {
        let now = self.now();
        let deadline = self.core.borrow().poll_deadline(now);
        let host = Rc::downgrade(self);
        self.alarm.arm(now, deadline.map(|(at, _)| at), move || {
            if let Some(host) = host.upgrade() {
                host.feed(Input::DeadlineReached);
            }
        });
    }

    fn moment(&self) -> Moment {
        let (steady, wall) = (steady_ms(), wall_ms());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float cast saturates, and a date is no fraction"
        )]
        let wall_millis = wall as u64;
        Moment {
            now: self.clock.borrow_mut().read(steady, wall),
            wall: WallTime::from_millis(wall_millis),
            shelf: self.shelf.read(),
        }
    }

    /// Reads the page's own clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.borrow_mut().read(steady_ms(), wall_ms())
    }

    /// Whether a `storage` event for this key concerns the session.
    pub(super) fn is_shelf(&self, key: Option<&str>) -> bool {
        self.shelf.is_key(key)
    }

    /// Looks at the core, without changing it.
    pub(super) fn look<Seen>(&self, see: impl FnOnce(&Session, Timestamp) -> Seen) -> Seen {
        let now = self.now();
        see(&self.core.borrow(), now)
    }

    /// Returns how old the current token is.
    pub(super) fn token_age(&self, now: Timestamp) -> Span {
        self.core.borrow().token_age(now)
    }

    /// Notes that the user is there, at most once a second.
    pub(super) fn touch(&self) {
        let now = self.now();
        if now.since(self.last_touch.get()) >= Span::from_secs(1) {
            self.last_touch.set(now);
            self.core.borrow_mut().touch(now);
        }
    }

    /// Returns the token to send right now; `None` where the call has to wait.
    pub(super) fn bearer(&self) -> Option<Rc<Bearer>> {
        let now = self.now();
        let mut core = self.core.borrow_mut();
        core.touch(now);
        let (token, version) = core.usable_token(now)?;
        Some(self.bearer_of(token, version))
    }

    /// Returns a token as it is sent, made once for each version.
    pub(super) fn bearer_of(&self, token: &Secret, version: Version) -> Rc<Bearer> {
        let mut bearer = self.bearer.borrow_mut();
        match &*bearer {
            Some(bearer) if bearer.version == version => Rc::clone(bearer),
            Some(_) | None => Rc::clone(bearer.insert(Rc::new(Bearer::new(token, version)))),
        }
    }

    /// Begins an exchange with the auth server, which `Abort` can end.
    pub(super) fn begin_exchange(&self, attempt: AttemptId) -> Option<AbortSignal> {
        let controller = AbortController::new().ok()?;
        let signal = controller.signal();
        self.exchanges.borrow_mut().insert(attempt, controller);
        Some(signal)
    }

    /// Ends an exchange; `None` where it has ended before.
    pub(super) fn end_exchange(&self, attempt: AttemptId) -> Option<AbortController> {
        self.exchanges.borrow_mut().remove(attempt)
    }

    /// Tells the app.
    pub(super) fn notify(&self, notice: &Notice) {
        (self.listener)(notice);
    }

    /// Makes the value that JavaScript is rejected with.
    pub(super) fn to_js(&self, error: &SessionError) -> JsValue {
        (self.errors)(error)
    }

    /// Ends the work on this page: every waiting caller is told, nothing is left behind.
    pub(super) fn close(self: &Rc<Self>) {
        self.feed(Input::Closed);
        drop(self.page.take());
        drop(self.bearer.take());
    }
}
