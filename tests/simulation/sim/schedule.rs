//! Random schedules of faults and user actions.

use std::time::Duration;

use nolapse::core::PageChange;
use nolapse::wire::EndReason;
use proptest::prelude::*;

use super::{Line, Locks, Mode, Network, World};

/// One step of a schedule. Tab and browser indices are taken modulo their count.
#[derive(Clone, Debug)]
pub enum Step {
    Wait(u64),
    Nap(usize, u64),
    Call(usize),
    Burst(usize, usize),
    Abort(usize),
    Refresh(usize, bool),
    Reject(usize),
    Open(usize),
    Kill(usize),
    Reload(usize),
    Hide(usize),
    Show(usize),
    Throttle(usize),
    Freeze(usize),
    Resume(usize),
    Leave(usize),
    Return(usize),
    Online(usize),
    Net(Network),
    Serve(Mode),
    Restart,
    Revoke(usize),
    SetWall(usize, i64),
    Lock(usize, Locks),
    Steal(usize),
    Messages(u64, u64),
    Forge(usize, u8),
    SignIn(usize, u32),
    SignOut(usize, bool),
    Role(u32),
}

/// Which kinds of steps a schedule may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    /// No step that ends a session, so that any end is a defect.
    NobodySignsOut,
    /// All steps.
    Everything,
}

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![
        4 => Just(Network::Fine),
        1 => Just(Network::Offline),
        1 => Just(Network::Stalling),
        1 => Just(Network::LosingAnswers),
        1 => Just(Network::Captive),
        2 => Just(Network::Slow),
    ]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![
        6 => Just(Mode::Fine),
        1 => Just(Mode::Unavailable(None)),
        1 => (1_u64..30).prop_map(|after| Mode::Unavailable(Some(after))),
        1 => (1_u64..30).prop_map(|after| Mode::Busy(Some(after))),
        1 => Just(Mode::Broken),
        1 => Just(Mode::Html),
        1 => Just(Mode::NoToken),
        1 => Just(Mode::Silent),
        1 => Just(Mode::Missing),
    ]
}

fn locks() -> impl Strategy<Value = Locks> {
    prop_oneof![3 => Just(Locks::Honest), 1 => Just(Locks::Missing), 1 => Just(Locks::Hogged)]
}

fn peaceful() -> impl Strategy<Value = Step> {
    let tab = 0_usize..20;
    prop_oneof![
        8 => (1_u64..20_000).prop_map(Step::Wait),
        4 => (20_000_u64..200_000).prop_map(Step::Wait),
        2 => (tab.clone(), 1_000_u64..20_000_000).prop_map(|(tab, millis)| Step::Nap(tab, millis)),
        8 => tab.clone().prop_map(Step::Call),
        2 => (tab.clone(), 1_usize..40).prop_map(|(tab, calls)| Step::Burst(tab, calls)),
        2 => tab.clone().prop_map(Step::Abort),
        2 => (tab.clone(), any::<bool>()).prop_map(|(tab, force)| Step::Refresh(tab, force)),
        2 => tab.clone().prop_map(Step::Reject),
        2 => tab.clone().prop_map(Step::Open),
        1 => tab.clone().prop_map(Step::Kill),
        2 => tab.clone().prop_map(Step::Reload),
        2 => tab.clone().prop_map(Step::Hide),
        2 => tab.clone().prop_map(Step::Show),
        1 => tab.clone().prop_map(Step::Throttle),
        2 => tab.clone().prop_map(Step::Freeze),
        3 => tab.clone().prop_map(Step::Resume),
        2 => tab.clone().prop_map(Step::Leave),
        3 => tab.clone().prop_map(Step::Return),
        1 => tab.clone().prop_map(Step::Online),
        3 => network().prop_map(Step::Net),
        3 => mode().prop_map(Step::Serve),
        1 => Just(Step::Restart),
        2 => (tab.clone(), -90_000_000_i64..90_000_000).prop_map(|(tab, offset)| Step::SetWall(tab, offset)),
        2 => (tab.clone(), locks()).prop_map(|(tab, locks)| Step::Lock(tab, locks)),
        1 => tab.clone().prop_map(Step::Steal),
        2 => (0_u64..60, 1_u64..2_000).prop_map(|(lost, late)| Step::Messages(lost, late)),
        1 => (0_u32..9).prop_map(Step::Role),
    ]
}

fn anything() -> impl Strategy<Value = Step> {
    let tab = 0_usize..20;
    prop_oneof![
        12 => peaceful(),
        1 => tab.clone().prop_map(Step::Revoke),
        1 => (tab.clone(), any::<u8>()).prop_map(|(tab, kind)| Step::Forge(tab, kind)),
        2 => (tab.clone(), 1_u32..4).prop_map(|(tab, user)| Step::SignIn(tab, user)),
        2 => (tab.clone(), any::<bool>()).prop_map(|(tab, everywhere)| Step::SignOut(tab, everywhere)),
    ]
}

/// Schedules of fewer than `most` steps.
pub fn steps(menu: Menu, most: usize) -> BoxedStrategy<Vec<Step>> {
    match menu {
        Menu::NobodySignsOut => prop::collection::vec(peaceful(), 1..most).boxed(),
        Menu::Everything => prop::collection::vec(anything(), 1..most).boxed(),
    }
}

impl World {
    fn pick(&self, tab: usize) -> Option<usize> {
        let alive: Vec<_> = (0..self.tabs.len())
            .filter(|tab| self.tabs[*tab].is_alive)
            .collect();
        alive.get(tab.checked_rem(alive.len())?).copied()
    }

    fn pick_browser(&self, index: usize) -> usize {
        index % self.browsers.len()
    }

    /// Applies one step.
    pub fn apply(&mut self, step: &Step) {
        self.log.push(Line::Step(self.now, step.clone()));
        if self.apply_to_world(step) {
            return;
        }
        let (Step::Call(tab)
        | Step::Burst(tab, _)
        | Step::Abort(tab)
        | Step::Refresh(tab, _)
        | Step::Reject(tab)
        | Step::Kill(tab)
        | Step::Reload(tab)
        | Step::Hide(tab)
        | Step::Show(tab)
        | Step::Throttle(tab)
        | Step::Freeze(tab)
        | Step::Resume(tab)
        | Step::Leave(tab)
        | Step::Return(tab)
        | Step::Online(tab)
        | Step::SignIn(tab, _)
        | Step::SignOut(tab, _)) = step
        else {
            return;
        };
        if let Some(tab) = self.pick(*tab) {
            self.apply_to_tab(step, tab);
        }
    }

    fn apply_to_world(&mut self, step: &Step) -> bool {
        match step {
            Step::Wait(millis) => self.run(*millis),
            Step::Nap(browser, millis) => self.nap(self.pick_browser(*browser), *millis),
            Step::Open(browser) => {
                if self.tabs_of(self.pick_browser(*browser)).len() < 8 {
                    self.open(self.pick_browser(*browser));
                }
            }
            Step::Net(network) => self.network = *network,
            Step::Serve(mode) => self.server.mode = *mode,
            Step::Restart => {
                self.server.mode = Mode::Fine;
                self.network = Network::Fine;
            }
            Step::Revoke(browser) => {
                if let Some(session) = self.cookie_session(self.pick_browser(*browser)) {
                    self.server.revoke(self.now, session, EndReason::Revoked);
                }
            }
            Step::SetWall(browser, offset) => {
                let browser = self.pick_browser(*browser);
                self.set_wall(browser, *offset);
            }
            Step::Lock(browser, locks) => {
                let browser = self.pick_browser(*browser);
                self.browsers[browser].locks = *locks;
                self.had_lock &= *locks == Locks::Honest;
            }
            Step::Steal(browser) => {
                self.had_lock = false;
                self.steal_lock(self.pick_browser(*browser));
            }
            Step::Messages(lost, late) => (self.lost_messages, self.late_messages) = (*lost, *late),
            // Excludes forged tokens: one invents a session, whose end can hide a real session that starts at the same
            // time. tests/simulation/tabs.rs bounds that effect; it breaks no guarantee between unforged tabs.
            Step::Forge(browser, kind) => {
                let kind = if kind % 6 == 4 { kind - 1 } else { *kind };
                self.forge(self.pick_browser(*browser), kind);
            }
            Step::Role(role) => {
                self.server.roles.insert(1, *role);
            }
            _ => return false,
        }
        true
    }

    fn apply_to_tab(&mut self, step: &Step, tab: usize) {
        match step {
            Step::Call(_) => {
                self.api(tab);
            }
            Step::Burst(_, calls) => {
                for _ in 0..*calls {
                    self.api(tab);
                }
            }
            Step::Abort(_) => {
                let is_waiting = |call: &super::Call| {
                    call.tab == tab && call.ending.is_none() && call.is_for_token
                };
                let waiting = self.calls.iter().rposition(is_waiting);
                if let Some(call) = waiting {
                    self.abort(call);
                }
            }
            Step::Refresh(_, force) => {
                self.refresh(tab, *force);
            }
            Step::Reject(_) => {
                self.reject(tab);
            }
            Step::Kill(_) => self.kill(tab),
            Step::Reload(_) => {
                self.reload(tab);
            }
            Step::Hide(_) => self.page(tab, PageChange::Hidden),
            Step::Show(_) => self.page(tab, PageChange::Visible),
            Step::Throttle(_) => self.tabs[tab].is_throttled = true,
            Step::Freeze(_) => self.page(tab, PageChange::Frozen),
            Step::Resume(_) => self.page(tab, PageChange::Resumed),
            Step::Leave(_) => self.page(tab, PageChange::Left),
            Step::Return(_) => self.page(tab, PageChange::Returned),
            Step::Online(_) => self.page(tab, PageChange::Online),
            Step::SignIn(_, user) => {
                self.sign_in(tab, *user);
            }
            Step::SignOut(_, everywhere) => {
                self.sign_out(tab, *everywhere);
            }
            _ => {}
        }
    }

    /// Ends all faults: the network, the server, the channel and the locks work, and all tabs run unthrottled.
    pub fn make_peace(&mut self) {
        self.network = Network::Fine;
        self.server.mode = Mode::Fine;
        (self.lost_messages, self.late_messages) = (0, 5);
        for browser in 0..self.browsers.len() {
            self.browsers[browser].locks = Locks::Honest;
            let held = self.browsers[browser].lock_holder;
            if let Some((tab, attempt)) = held.filter(|(tab, _)| !self.tabs[*tab].is_alive) {
                self.free_lock(browser, tab, attempt);
            }
        }
        for tab in 0..self.tabs.len() {
            self.tabs[tab].is_throttled = false;
            self.page(tab, PageChange::Returned);
            self.page(tab, PageChange::Resumed);
            self.page(tab, PageChange::Visible);
            self.page(tab, PageChange::Online);
        }
    }

    /// Advances the time until everything in flight has finished.
    pub fn settle_down(&mut self) {
        self.run_for(Duration::from_secs(300));
    }
}
