//! Outages of the auth server: their kinds, and the results of callers meanwhile.

use std::fmt::Debug;

use nolapse::core::{Millis, SessionError};

use super::{Ending, Mode, Network, World};

/// The kind of an outage.
pub const OUTAGES: [(Mode, Network); 6] = [
    (Mode::Unavailable(None), Network::Fine),
    (Mode::Broken, Network::Fine),
    (Mode::Busy(None), Network::Fine),
    (Mode::Busy(Some(0)), Network::Fine),
    (Mode::Fine, Network::Offline),
    (Mode::Fine, Network::LosingAnswers),
];

impl World {
    /// Begins an outage of the auth server or of the network.
    pub fn begin_outage(&mut self, (mode, network): (Mode, Network)) {
        (self.server.mode, self.network) = (mode, network);
    }

    /// Ends the outage.
    pub fn end_outage(&mut self) {
        self.begin_outage((Mode::Fine, Network::Fine));
    }

    /// Makes each tab call an API every 250 ms for this time; returns when a refresh first succeeded meanwhile.
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

    /// The errors of the calls from this index on, each with the time that its caller waited.
    pub fn errors(&self, since: usize) -> Vec<(SessionError, u64)> {
        let failed = self.calls[since..]
            .iter()
            .filter_map(|call| match &call.ending {
                Some(Ending::Failed(error)) => Some((*error, call.ended - call.asked)),
                _ => None,
            });
        failed.collect()
    }

    /// Asserts that a call failed.
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

/// The time of the next attempt in the error of a caller.
pub fn retry_in(error: SessionError) -> Millis {
    let (SessionError::Unreachable { retry_in, .. } | SessionError::Timeout { retry_in }) = error
    else {
        panic!("{error:?}");
    };
    retry_in
}
