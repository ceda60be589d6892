//! The lock of a browser: requests, grants and steals.

use nolapse::core::{AttemptId, Input};

use super::browser::Locks;
use super::{Happening, World};

impl World {
    /// A tab asks for the lock, of whatever kind its browser has.
    pub fn ask_for_lock(&mut self, tab: usize, attempt: AttemptId) {
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

    /// Releases the lock or aborts the request for it, unless the grant is already in progress: Web Locks allow an abort
    /// only until the lock is granted.
    pub fn release_lock(&mut self, index: usize, tab: usize, attempt: AttemptId) {
        let browser = &mut self.browsers[index];
        browser
            .lock_queue
            .retain(|waiting| *waiting != (tab, attempt));
        if browser.is_holder_told {
            self.free_lock(index, tab, attempt);
        }
    }

    /// Passes the lock to the next request, regardless of the holder.
    pub fn free_lock(&mut self, index: usize, tab: usize, attempt: AttemptId) {
        let browser = &mut self.browsers[index];
        if browser.lock_holder == Some((tab, attempt)) {
            browser.lock_holder = None;
            self.hand_lock_on(index);
        }
    }

    /// Another script steals the lock.
    pub fn steal_lock(&mut self, index: usize) {
        if let Some((tab, attempt)) = self.browsers[index].lock_holder.take() {
            self.deliver(tab, Input::LockFailed { attempt });
            self.hand_lock_on(index);
        }
    }
}
