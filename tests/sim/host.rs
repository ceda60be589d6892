//! Carries the core's orders out in the simulated world.

use nolapse::core::{AttemptId, Effect, Input, PageChange, SignInOutcome, TabMessage};

use super::browser::Locks;
use super::server::{Exchange, Question};
use super::{Happening, Line, Network, World};

/// How late one tab sees what another has written, at the most, in milliseconds.
const SHELF_DELAY: u64 = 10;

impl World {
    /// Gives a tab's core an input, and does what it orders.
    pub fn feed(&mut self, tab: usize, input: Input) {
        let browser = self.tabs[tab].browser;
        let context = self.tabs[tab].context(self.now, &self.browsers[browser]);
        self.note(tab, &input);
        self.tabs[tab].core.handle(&context, input);
        for effect in self.tabs[tab].core.take_effects() {
            self.perform(tab, effect);
        }
        self.arm(tab);
    }

    fn note(&mut self, tab: usize, input: &Input) {
        self.log.push(Line::Fed(self.now, tab, input.clone()));
    }

    /// Feeds the tab, now or when it runs again.
    pub fn deliver(&mut self, tab: usize, input: Input) {
        let browser = self.tabs[tab].browser;
        if self.tabs[tab].runs(&self.browsers[browser]) {
            self.feed(tab, input);
        } else if self.tabs[tab].is_alive {
            self.tabs[tab].backlog.push_back(input);
        }
    }

    /// A tab runs again: what has piled up reaches it, in any order that its browser likes.
    pub fn thaw(&mut self, tab: usize) {
        let browser = self.tabs[tab].browser;
        if !self.tabs[tab].runs(&self.browsers[browser]) {
            return;
        }
        let mut backlog: Vec<_> = self.tabs[tab].backlog.drain(..).collect();
        if self.random.below(2) == 0 {
            backlog.reverse();
        }
        for input in backlog {
            self.deliver(tab, input);
        }
        self.deliver(tab, Input::DeadlineReached);
    }

    fn perform(&mut self, tab: usize, effect: Effect) {
        let browser = self.tabs[tab].browser;
        match effect {
            Effect::AcquireLock { attempt } => self.ask_for_lock(tab, attempt),
            Effect::ReleaseLock { attempt } => self.release_lock(browser, tab, attempt),
            Effect::SendRefresh { attempt, .. } => {
                *self.counts.sent.entry(browser).or_default() += 1;
                self.counts.sent_at.push(self.now);
                self.send(tab, attempt, Question::Refresh);
            }
            Effect::SendSignOut {
                attempt,
                everywhere,
            } => self.send(tab, attempt, Question::SignOut { everywhere }),
            Effect::RunSignIn { attempt, caller } => {
                let user = self.call(tab, caller).map_or(1, |call| call.user);
                let delay = self.random.between(5, 200);
                self.plan(delay, Happening::SignedIn { tab, attempt, user });
            }
            Effect::Settle { caller, answer } => self.settle(tab, caller, answer),
            Effect::Broadcast(message) => self.broadcast(tab, &message),
            Effect::WriteRecord(mark) => self.write_storage(tab, mark.encode()),
            Effect::OpenChannel => self.tabs[tab].hears = true,
            Effect::CloseChannel => self.tabs[tab].hears = false,
            Effect::Publish(_) => *self.counts.published.entry(tab).or_default() += 1,
            Effect::Abort { .. } | Effect::Emit(_) => {}
        }
    }

    fn ask_for_lock(&mut self, tab: usize, attempt: AttemptId) {
        let index = self.tabs[tab].browser;
        let delay = self.random.between(0, 4);
        let browser = &mut self.browsers[index];
        match browser.locks {
            Locks::Missing => self.plan(delay, Happening::LockFailed { tab, attempt }),
            Locks::Broken => self.plan(delay, Happening::LockGranted { tab, attempt }),
            Locks::Hogged => {}
            Locks::Honest => {
                browser.lock_queue.push_back((tab, attempt));
                self.hand_lock_on(index);
            }
        }
    }

    fn hand_lock_on(&mut self, index: usize) {
        let browser = &mut self.browsers[index];
        if browser.lock_holder.is_some() {
            return;
        }
        if let Some((tab, attempt)) = browser.lock_queue.pop_front() {
            browser.lock_holder = Some((tab, attempt));
            browser.is_holder_told = false;
            let delay = self.random.between(0, 4);
            self.plan(delay, Happening::LockGranted { tab, attempt });
        }
    }

    pub fn grant_lock(&mut self, tab: usize, attempt: AttemptId) {
        let index = self.tabs[tab].browser;
        let is_alive = self.tabs[tab].is_alive;
        let browser = &mut self.browsers[index];
        let is_holder = browser.lock_holder == Some((tab, attempt));
        if is_alive && (is_holder || browser.locks == Locks::Broken) {
            browser.is_holder_told |= is_holder;
            self.deliver(tab, Input::LockGranted { attempt });
        }
    }

    /// The tab gives the lock back, or withdraws its request, unless the lock is on its way already: as Web Locks have
    /// it, a request can be aborted until it is granted.
    pub fn release_lock(&mut self, index: usize, tab: usize, attempt: AttemptId) {
        let browser = &mut self.browsers[index];
        browser
            .lock_queue
            .retain(|waiting| *waiting != (tab, attempt));
        if browser.is_holder_told {
            self.free_lock(index, tab, attempt);
        }
    }

    /// The lock goes to the next, whatever its holder does.
    pub fn free_lock(&mut self, index: usize, tab: usize, attempt: AttemptId) {
        let browser = &mut self.browsers[index];
        if browser.lock_holder == Some((tab, attempt)) {
            browser.lock_holder = None;
            self.hand_lock_on(index);
        }
    }

    /// Another script takes the lock away from its holder.
    pub fn steal_lock(&mut self, index: usize) {
        if let Some((tab, attempt)) = self.browsers[index].lock_holder.take() {
            self.deliver(tab, Input::LockFailed { attempt });
            self.hand_lock_on(index);
        }
    }

    fn broadcast(&mut self, from: usize, message: &TabMessage) {
        let browser = self.tabs[from].browser;
        if !self.browsers[browser].has_channel || !self.tabs[from].hears {
            return;
        }
        self.say(browser, Some(from), &message.encode());
    }

    /// Puts a message on the channel.
    pub fn say(&mut self, browser: usize, from: Option<usize>, text: &str) {
        for tab in self.tabs_of(browser) {
            if Some(tab) == from || !self.tabs[tab].hears || self.random.below(100) < self.lost_news
            {
                continue;
            }
            let doubled = if self.lost_news > 0 {
                self.random.below(2)
            } else {
                0
            };
            for _ in 0..=doubled {
                let delay = self.random.between(0, self.late_news);
                let text = text.to_owned();
                self.plan(delay, Happening::Heard { tab, text });
            }
        }
    }

    pub fn hear(&mut self, tab: usize, text: &str) {
        if !self.tabs[tab].hears {
            return;
        }
        let input = TabMessage::decode(text).map_or(Input::Malformed, Input::TabMessageReceived);
        self.deliver(tab, input);
    }

    /// A tab writes the shelf: it sees it at once, the others a little later.
    pub fn write_storage(&mut self, tab: usize, text: String) {
        let browser = self.tabs[tab].browser;
        if !self.browsers[browser].has_shelf {
            return;
        }
        self.browsers[browser].stored = Some(text.clone());
        self.tabs[tab].stored = Some(text.clone());
        for other in self.tabs_of(browser) {
            if other != tab {
                let delay = self.random.between(0, SHELF_DELAY);
                let text = text.clone();
                self.plan(delay, Happening::ShelfSeen { tab: other, text });
            }
        }
    }

    fn send(&mut self, tab: usize, attempt: AttemptId, question: Question) {
        let browser = self.tabs[tab].browser;
        self.browsers[browser].in_flight += 1;
        self.counts.most_at_once = self
            .counts
            .most_at_once
            .max(self.browsers[browser].in_flight);
        let exchange = Box::new(Exchange {
            browser,
            tab,
            attempt,
            question,
            cookie: self.browsers[browser].cookie.clone(),
        });
        match self.network {
            Network::Offline => {
                let delay = self.random.between(1, 50);
                self.plan(
                    delay,
                    Happening::Answered(exchange, super::server::Reply::NoNetwork),
                );
            }
            Network::Stalling => {}
            Network::Captive => {
                let delay = self.random.between(5, 300);
                self.plan(
                    delay,
                    Happening::Answered(exchange, super::server::Reply::Html),
                );
            }
            Network::Fine | Network::LosingAnswers | Network::Slow => {
                let delay = self.random.between(2, 60);
                self.plan(delay, Happening::Arrived(exchange));
            }
        }
    }

    /// How long an answer takes.
    pub fn answer_delay(&mut self) -> u64 {
        match self.network {
            Network::Slow => self.random.between(3_000, 9_000),
            Network::Fine
            | Network::Offline
            | Network::Stalling
            | Network::LosingAnswers
            | Network::Captive => self.random.between(2, 120),
        }
    }

    /// Sets the tab's one timer, which rings late by nature and very late in hidden tabs.
    fn arm(&mut self, tab: usize) {
        let browser = self.tabs[tab].browser;
        let context = self.tabs[tab].context(self.now, &self.browsers[browser]);
        let Some((at, _)) = self.tabs[tab].core.poll_deadline(context.now) else {
            self.tabs[tab].alarm = None;
            return;
        };
        let mut delay = at.since(context.now).as_millis().min(1 << 40);
        delay += self.random.between(1, 4);
        let state = &mut self.tabs[tab];
        if state.is_throttled && !state.is_visible {
            // One wake-up a minute.
            let earliest = state.last_rung + 60_000;
            delay = delay.max(earliest.saturating_sub(self.now));
        }
        state.alarms_set += 1;
        state.alarm = Some(state.alarms_set);
        let set = state.alarms_set;
        self.plan(delay, Happening::Alarm { tab, set });
    }

    pub fn ring(&mut self, tab: usize, set: u64) {
        let browser = self.tabs[tab].browser;
        if self.tabs[tab].alarm != Some(set) || !self.tabs[tab].runs(&self.browsers[browser]) {
            return;
        }
        self.tabs[tab].last_rung = self.now;
        self.feed(tab, Input::DeadlineReached);
    }

    /// The page stops: where its user signed out in this very moment, nobody else may know of it yet, and a page that has
    /// not seen it may write over it.
    pub fn forgive_sign_out(&mut self, tab: usize) {
        let now = self.now;
        self.signed_out
            .retain(|over| over.tab != tab || over.at + SHELF_DELAY < now);
    }

    /// The page is closed, or crashes: no event reaches it, what it sent goes on.
    pub fn kill(&mut self, tab: usize) {
        let browser = self.tabs[tab].browser;
        self.tabs[tab].is_alive = false;
        self.tabs[tab].hears = false;
        self.forgive_sign_out(tab);
        for input in self.tabs[tab].backlog.drain(..) {
            if let Input::SignInFinished {
                outcome: SignInOutcome::Granted(grant),
                ..
            } = input
            {
                self.unseen.push(grant.session.id.to_string());
            }
        }
        let held = self.browsers[browser]
            .lock_holder
            .filter(|(holder, _)| *holder == tab);
        self.browsers[browser]
            .lock_queue
            .retain(|(waiting, _)| *waiting != tab);
        if let Some((_, attempt)) = held {
            self.free_lock(browser, tab, attempt);
        }
        for call in &mut self.calls {
            if call.tab == tab && call.ending.is_none() {
                call.ending = Some(super::Ending::PageGone);
            }
        }
    }

    /// The tab is reloaded: killed, and opened anew.
    pub fn reload(&mut self, tab: usize) -> usize {
        let browser = self.tabs[tab].browser;
        self.page(tab, PageChange::Left);
        self.kill(tab);
        self.open(browser)
    }

    /// The app's own request is not sent with `keepalive`: it ends with its page.
    pub fn finish_sign_in(&mut self, tab: usize, attempt: AttemptId, user: u32) {
        if !self.tabs[tab].is_alive {
            return;
        }
        let browser = self.tabs[tab].browser;
        let outcome = match self.network {
            Network::Fine | Network::Slow if self.server.mode == super::Mode::Fine => {
                let now = self.now;
                let (ticket, grant) =
                    self.server
                        .sign_in(now, user, self.browsers[browser].cookie.as_ref());
                self.browsers[browser].cookie = Some(ticket);
                self.browsers[browser].cookie_good_at = now;
                SignInOutcome::Granted(grant)
            }
            Network::Fine
            | Network::Slow
            | Network::Offline
            | Network::Stalling
            | Network::LosingAnswers
            | Network::Captive => SignInOutcome::Threw,
        };
        self.deliver(tab, Input::SignInFinished { attempt, outcome });
    }
}
