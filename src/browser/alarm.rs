//! The tab's only timer.

use crate::core::Span;
use std::cell::RefCell;

use gloo_timers::callback::Timeout;

use crate::core::Timestamp;

/// The tab's only timer, armed anew after every input; dropping it silences it.
#[derive(Default)]
pub(super) struct Alarm {
    armed: RefCell<Option<Timeout>>,
}

impl Alarm {
    /// The longest wait that `setTimeout` takes: 31 bits of milliseconds. An alarm that comes early does no harm.
    const LONGEST: Span = Span::from_millis(0x7fff_ffff);

    /// Rings at that moment in place of any other; `None` silences it.
    ///
    /// Armed anew even for the same moment: a nap stops the timer and not the clock.
    pub(super) fn arm(
        &self,
        now: Timestamp,
        deadline: Option<Timestamp>,
        ring: impl FnOnce() + 'static,
    ) {
        let timeout = deadline.map(|deadline| {
            let wait = deadline.since(now).min(Self::LONGEST);
            Timeout::new(u32::try_from(wait.as_millis()).unwrap_or(0), ring)
        });
        drop(self.armed.replace(timeout));
    }
}
