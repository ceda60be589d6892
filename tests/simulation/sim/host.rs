//! Executes the core's effects in the simulated world.

use nolapse::core::{AttemptId, Effect, Input, PageChange, SignInOutcome, TabMessage};

use super::server::{Exchange, Question};
use super::{Happening, Line, Network, World};

/// The longest delay until a tab sees another tab's storage write, in milliseconds.
const STORAGE_DELAY: u64 = 10;

impl World {
    /// Feeds an input to a tab's core and executes its effects.
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

    /// Feeds an input to the tab, now or when it runs again.
    pub fn deliver(&mut self, tab: usize, input: Input) {
        let browser = self.tabs[tab].browser;
        if self.tabs[tab].runs(&self.browsers[browser]) {
            self.feed(tab, input);
        } else if self.tabs[tab].is_alive {
            self.tabs[tab].backlog.push_back(input);
        }
    }

    /// A tab runs again: delivers its backlog, possibly reversed, because browsers guarantee no order.
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
                let contexts = self.tabs[tab].core.contexts();
                self.send(tab, attempt, Question::Refresh, contexts);
            }
            Effect::SendSignOut {
                attempt,
                everywhere,
            } => {
                let question = Question::SignOut { everywhere };
                self.send(tab, attempt, question, String::new());
            }
            Effect::RunSignIn { attempt, caller } => {
                let user = self.call(tab, caller).map_or(1, |call| call.user);
                let delay = self.random.between(5, 200);
                self.plan(delay, Happening::SignedIn { tab, attempt, user });
            }
            Effect::Settle { caller, answer } => self.settle(tab, caller, answer),
            Effect::Broadcast(message) => self.broadcast(tab, &message),
            Effect::WriteRecord(record) => self.write_storage(tab, record.encode()),
            Effect::OpenChannel => self.tabs[tab].hears = true,
            Effect::CloseChannel => self.tabs[tab].hears = false,
            Effect::OpenStream => self.open_stream(tab),
            Effect::CloseStream => self.close_stream(tab),
            Effect::Publish(_) => *self.counts.published.entry(tab).or_default() += 1,
            Effect::Abort { attempt } => {
                self.aborted.insert((tab, attempt));
            }
            Effect::Emit(_) => {}
        }
    }

    fn broadcast(&mut self, from: usize, message: &TabMessage) {
        let browser = self.tabs[from].browser;
        if !self.browsers[browser].has_channel || !self.tabs[from].hears {
            return;
        }
        self.say(browser, Some(from), &message.encode());
    }

    /// Posts a message on the channel.
    pub fn say(&mut self, browser: usize, from: Option<usize>, text: &str) {
        for tab in self.tabs_of(browser) {
            if Some(tab) == from
                || !self.tabs[tab].hears
                || self.random.below(100) < self.lost_messages
            {
                continue;
            }
            let doubled = if self.lost_messages > 0 {
                self.random.below(2)
            } else {
                0
            };
            for _ in 0..=doubled {
                let delay = self.random.between(0, self.late_messages);
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

    /// Writes the record: the writing tab sees it at once, the others after a delay.
    pub fn write_storage(&mut self, tab: usize, text: String) {
        let browser = self.tabs[tab].browser;
        if !self.browsers[browser].has_storage {
            return;
        }
        self.browsers[browser].stored = Some(text.clone());
        self.tabs[tab].stored = Some(text.clone());
        for other in self.tabs_of(browser) {
            if other != tab {
                let delay = self.random.between(0, STORAGE_DELAY);
                let text = text.clone();
                self.plan(delay, Happening::ShelfSeen { tab: other, text });
            }
        }
    }

    fn send(&mut self, tab: usize, attempt: AttemptId, question: Question, contexts: String) {
        let browser = self.tabs[tab].browser;
        self.browsers[browser].in_flight += 1;
        self.browsers[browser].cookie_before = None;
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
            proof: self.proof(tab),
            key: self.key(tab),
            contexts,
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
            Network::Fine | Network::LosingAnswers | Network::Unanswered | Network::Slow => {
                let delay = self.random.between(2, 60);
                self.plan(delay, Happening::Arrived(exchange));
            }
        }
    }

    /// The delay of a response.
    pub fn answer_delay(&mut self) -> u64 {
        match self.network {
            Network::Slow => self.random.between(3_000, 9_000),
            Network::Fine
            | Network::Offline
            | Network::Stalling
            | Network::LosingAnswers
            | Network::Unanswered
            | Network::Captive => self.random.between(2, 120),
        }
    }

    /// Sets the tab's only timer, which always fires late, and very late in hidden tabs.
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
            // At most once a minute.
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

    /// Excuses a sign-out on a page that stops before the other tabs can have seen the record: a tab that has not seen it
    /// may overwrite it.
    pub fn forgive_sign_out(&mut self, tab: usize) {
        let now = self.now;
        self.signed_out
            .retain(|over| over.tab != tab || over.at + STORAGE_DELAY < now);
    }

    /// Closes or crashes the page: no event reaches it, its sent requests continue.
    pub fn kill(&mut self, tab: usize) {
        let browser = self.tabs[tab].browser;
        self.tabs[tab].is_alive = false;
        self.tabs[tab].hears = false;
        self.close_stream(tab);
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

    /// Crashes the browser before it has written its newest cookie to disk: the one before comes back, if the newest was
    /// never sent.
    pub fn crash(&mut self, browser: usize) {
        for tab in self.tabs_of(browser) {
            self.kill(tab);
        }
        let browser = &mut self.browsers[browser];
        browser.cookie = browser.cookie_before.take().or(browser.cookie.take());
    }

    /// Reloads the tab: kills it and opens a new one.
    pub fn reload(&mut self, tab: usize) -> usize {
        let browser = self.tabs[tab].browser;
        self.page(tab, PageChange::Left);
        self.kill(tab);
        self.open(browser)
    }

    /// Finishes the app's sign-in request, which is sent without `keepalive` and ends with its page.
    pub fn finish_sign_in(&mut self, tab: usize, attempt: AttemptId, user: u32) {
        if !self.tabs[tab].is_alive {
            return;
        }
        let browser = self.tabs[tab].browser;
        let outcome = match self.network {
            Network::Fine | Network::Slow if self.server.mode == super::Mode::Fine => {
                let (now, proof) = (self.now, self.proof_of_sign_in(tab));
                let cookie = self.browsers[browser].cookie.as_ref();
                let (ticket, grant) = self.server.sign_in(now, user, cookie, proof.as_ref());
                self.browsers[browser].cookie = Some(ticket);
                SignInOutcome::Granted(grant)
            }
            Network::Fine
            | Network::Slow
            | Network::Offline
            | Network::Stalling
            | Network::LosingAnswers
            | Network::Unanswered
            | Network::Captive => SignInOutcome::Threw,
        };
        self.deliver(tab, Input::SignInFinished { attempt, outcome });
    }
}
