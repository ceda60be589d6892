//! Outages of the auth server: what they look like, and what callers get meanwhile.

use std::fmt::Debug;

use nolapse::core::{Millis, SessionError};

use super::{Ending, Mode, Network, World};

/// What an outage looks like from outside.
pub const OUTAGES: [(Mode, Network); 6] = [
    (Mode::Unavailable(None), Network::Fine),
    (Mode::Broken, Network::Fine),
    (Mode::Busy(None), Network::Fine),
    (Mode::Busy(Some(0)), Network::Fine),
    (Mode::Fine, Network::Offline),
    (Mode::Fine, Network::LosingAnswers),
];

impl World {
    /// The auth server, or the network, fails in this way from now on.
    pub fn begin_outage(&mut self, (mode, network): (Mode, Network)) {
        (self.server.mode, self.network) = (mode, network);
    }

    /// Everything answers again.
    pub fn end_outage(&mut self) {
        self.begin_outage((Mode::Fine, Network::Fine));
    }

    /// Lets each tab call an API every 250 ms for so long; returns the first moment when a refresh had succeeded meanwhile.
    pub fn call_for(&mut self, tabs: usize, millis: u64) -> Option<u64> {
        let granted = self.counts.granted;
        let mut first = None;
        for _ in 0..millis / 250 {
            for tab in 0..tabs {
                self.api(tab);
            }
            for _ in 0..25 {
                self.run(10);
                if first.is_none() && self.counts.granted > granted {
                    first = Some(self.now);
                }
            }
        }
        first
    }

    /// The errors of the calls since so many, each with how long its caller waited.
    pub fn errors(&self, since: usize) -> Vec<(SessionError, u64)> {
        let failed = self.calls[since..]
            .iter()
            .filter_map(|call| match &call.ending {
                Some(Ending::Failed(error)) => Some((*error, call.ended - call.asked)),
                _ => None,
            });
        failed.collect()
    }

    /// Asserts that a call came to an error.
    #[track_caller]
    pub fn assert_failed(&self, call: usize, case: &dyn Debug) {
        let ending = self.ending(call);
        assert!(
            matches!(ending, Some(Ending::Failed(_))),
            "{case:?}: {ending:?}"
        );
    }

    /// Ends the outage, and asserts that a call that waited through it has a token 4.5 s later.
    #[track_caller]
    pub fn assert_outage_ends(&mut self, call: usize, case: &dyn Debug) {
        self.end_outage();
        self.run(4_500);
        assert!(self.got_token(call), "{case:?}: {:?}", self.ending(call));
    }
}

/// When the next attempt is due, as callers are told.
pub fn retry_in(error: SessionError) -> Millis {
    let (SessionError::Unreachable { retry_in, .. } | SessionError::Timeout { retry_in }) = error
    else {
        panic!("{error:?}");
    };
    retry_in
}
