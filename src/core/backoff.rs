//! The rest that an auth server is given after a failure, and how often it is asked at the most.

use super::error::{FailureCause, SessionError};
use super::input::Failure;
use super::mark::Cooling;
use super::span::Span;
use super::time::{Moment, Timestamp};

/// Draws from a seed (`SplitMix64`), so that tabs and browsers do not move in step.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Draws a duration from nothing to `most`.
    pub(super) fn up_to(&mut self, most: Span) -> Span {
        share_of(most, self.next())
    }
}

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Returns the same part of `most` for the same number, so that tabs that know the number agree.
pub(super) fn agreed(most: Span, number: u64) -> Span {
    share_of(most, mix(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn share_of(most: Span, bits: u64) -> Span {
    // The upper bits as a fraction, in millionths: no span of a century overflows.
    Span::from_millis((most.as_millis() * (bits >> 44)) >> 20)
}

/// An allowance of `CAPACITY` attempts, one of which comes back each `interval` (a leaky bucket kept as one moment).
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    interval: Span,
    capacity: u32,
    /// When the allowance will be whole again; the past where it is.
    whole_at: Timestamp,
}

impl Allowance {
    pub(super) const fn new(capacity: u32, interval: Span) -> Self {
        Self {
            interval,
            capacity,
            whole_at: Timestamp::from_millis(0),
        }
    }

    pub(super) fn spend(&mut self, now: Timestamp) {
        let most = now + self.interval * u64::from(self.capacity);
        self.whole_at = (self.whole_at.max(now) + self.interval).min(most);
    }

    /// Returns when the next attempt is allowed: now or earlier where there is some left.
    pub(super) fn next(&self) -> Timestamp {
        self.whole_at
            .before(self.interval * u64::from(self.capacity - 1))
    }

    fn restore(&mut self) {
        self.whole_at = Timestamp::default();
    }
}

/// How the auth server fares, as far as this tab knows.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    allowance: Allowance,
    /// When the page or its network last came back: what failed before says nothing of the next attempt.
    hope: Timestamp,
    trouble: Option<Trouble>,
}

/// The course of one row of failures.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    cause: FailureCause,
    failures: u32,
    /// When its first attempt was sent.
    since: Timestamp,
    until: Timestamp,
    /// The end of the rest where nobody waits.
    calm_until: Timestamp,
    mandatory: bool,
}

/// A rest that another tab tells of, in this tab's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub(super) cause: FailureCause,
    pub(super) failures: u32,
    pub(super) retry_in: Span,
    pub(super) mandatory: bool,
    pub(super) whole_in: Span,
}

impl Backoff {
    /// At most 16 attempts at once and 24 an hour, so that no hour has more than 40 (P10).
    const CAPACITY: u32 = 16;
    const INTERVAL: Span = Span::from_secs(150);
    /// The longest step of the exponential back-off.
    const LONGEST: Span = Span::from_secs(240);
    /// The shortest pause: no second has more than two attempts.
    const SHORTEST: Span = Span::from_millis(500);
    /// For how long from the first of a row of failures callers wait for the auth server to come back (P49).
    const WINDOW: Span = Span::from_secs(25);
    /// The pause between attempts while callers wait for the auth server to come back: from this, and up to a spread
    /// more. A server's return is noticed within 4 s, and an outage of 20 s costs at most 10 attempts (P49).
    const PACE: Span = Span::from_millis(3_100);
    const PACE_SPREAD: Span = Span::from_millis(400);
    /// The longest `Retry-After` that is honoured, and the longest rest that is believed of another tab.
    const MOST: Span = Span::from_secs(600);

    pub(super) const fn new() -> Self {
        Self {
            allowance: Allowance::new(Self::CAPACITY, Self::INTERVAL),
            hope: Timestamp::from_millis(0),
            trouble: None,
        }
    }

    /// Notes a failed attempt and decides when the next one may be.
    pub(super) fn fail(
        &mut self,
        now: Timestamp,
        sent: Timestamp,
        failure: &Failure,
        chance: &mut Chance,
    ) {
        self.allowance.spend(now);
        let failures = self.failures().saturating_add(1);
        let since = self
            .trouble
            .map_or(sent.max(self.hope), |trouble| trouble.since);
        let window = since + Self::WINDOW;
        let is_waited_out = failure.cause.is_transient() && now < window;
        let is_outdated = self.hope > sent;
        let pause = if is_outdated || is_waited_out && failures == 1 {
            chance.up_to(Span::from_secs(1)).max(Self::SHORTEST)
        } else if is_waited_out {
            // The last attempt that callers wait for is at the end of their window, not beyond it.
            let pace = Self::PACE + chance.up_to(Self::PACE_SPREAD);
            pace.min(window.since(now)).max(Self::SHORTEST)
        } else {
            let step = Span::from_secs(1) * (1_u64 << failures.min(8));
            // Attempts of callers that waited make no longer rests than their time does.
            let step = step.min(now.since(since).max(Self::WINDOW) * 4);
            chance.up_to(step.min(Self::LONGEST)).max(Self::SHORTEST)
        };
        let asked = failure.retry_after.filter(|wait| !wait.is_zero());
        let asked = asked.map(|wait| {
            // Those who were sent away together shall not come back together.
            wait.min(Self::MOST) + chance.up_to(Span::from_secs(1))
        });
        let until = now + pause.max(asked.unwrap_or_default());
        let until = until.max(self.allowance.next());
        self.trouble = Some(Trouble {
            cause: failure.cause,
            failures,
            since,
            until,
            calm_until: until.max(now + Self::calm(failures, chance)),
            mandatory: asked.is_some(),
        });
    }

    /// Draws the rest of a tab in which nobody waits, in steps of 1.5, 12, 96 and 240 s: a fleet of idle pages must not
    /// multiply what reaches a server in trouble.
    fn calm(failures: u32, chance: &mut Chance) -> Span {
        let step = Span::from_millis(1_500)
            * (1_u64 << failures.saturating_sub(1).saturating_mul(3).min(8));
        chance.up_to(step.min(Self::LONGEST))
    }

    /// Notes that the auth server has answered.
    pub(super) fn succeed(&mut self) {
        self.trouble = None;
        self.allowance.restore();
    }

    /// Begins the row of failures anew: the page slept, or the network was away, and what failed before says nothing of
    /// the auth server now. Callers wait for it again (P04).
    pub(super) fn begin_anew(&mut self, now: Timestamp) {
        self.hope = now;
        if let Some(trouble) = &mut self.trouble {
            trouble.since = now;
        }
        self.hurry(now);
    }

    /// Ends the rest where something has changed that gives hope, as far as the server's word and the allowance permit.
    pub(super) fn hurry(&mut self, now: Timestamp) {
        let allowed = self.allowance.next();
        if let Some(trouble) = &mut self.trouble
            && !trouble.mandatory
        {
            trouble.until = trouble.until.min(now.max(allowed));
            trouble.calm_until = trouble.until;
        }
    }

    /// Takes over what another tab has learned, where it is more than this one knows.
    pub(super) fn adopt(&mut self, now: Timestamp, rest: Rest, chance: &mut Chance) {
        let longest = if rest.mandatory {
            Self::MOST
        } else {
            Self::LONGEST
        };
        let until = now + rest.retry_in.min(longest);
        let whole_in = rest
            .whole_in
            .min(Self::INTERVAL * u64::from(Self::CAPACITY));
        self.allowance.whole_at = self.allowance.whole_at.max(now + whole_in);
        if self.trouble.is_none_or(|trouble| {
            let is_longer = trouble.until < until;
            let is_later = trouble.failures < rest.failures;
            is_longer || is_later || rest.mandatory && !trouble.mandatory
        }) {
            self.trouble = Some(Trouble {
                cause: rest.cause,
                failures: rest.failures.clamp(1, 64),
                since: self.trouble.map_or(now, |trouble| trouble.since),
                until,
                calm_until: until.max(now + Self::calm(rest.failures.clamp(1, 64), chance)),
                mandatory: rest.mandatory,
            });
        }
    }

    /// Takes over what the shelf says, and the age of the row of failures with it: callers of all tabs wait for as long.
    pub(super) fn adopt_mark(&mut self, moment: &Moment, cooling: &Cooling, chance: &mut Chance) {
        let rest = Rest {
            cause: cooling.cause,
            failures: cooling.failures,
            retry_in: cooling.until.since(moment.wall.max(cooling.since)),
            mandatory: cooling.mandatory,
            whole_in: cooling.whole_at.since(moment.wall.max(cooling.since)),
        };
        self.adopt(moment.now, rest, chance);
        // Where attempts ceased long ago, no tab was there to make them: the next one begins a row.
        let is_over = moment.wall.since(cooling.until) > Self::LONGEST;
        if let Some(trouble) = &mut self.trouble {
            let age = moment.wall.since(cooling.since);
            let since = if is_over {
                moment.now
            } else {
                moment.now.before(age)
            };
            trouble.since = since.max(self.hope);
        }
    }

    /// Returns what other tabs should know; `None` while all is well.
    pub(super) fn rest(&self, now: Timestamp) -> Option<Rest> {
        self.trouble.map(|trouble| Rest {
            cause: trouble.cause,
            failures: trouble.failures,
            retry_in: trouble.until.since(now),
            mandatory: trouble.mandatory,
            whole_in: self.allowance.whole_at.since(now),
        })
    }

    /// Returns what is written on the shelf; `None` while all is well.
    pub(super) fn cooling(&self, moment: &Moment) -> Option<Cooling> {
        self.rest(moment.now).map(|rest| Cooling {
            cause: rest.cause,
            failures: rest.failures,
            // No more than tells that callers do not wait any longer: by so much would a rest seem longer where the clock
            // is set back.
            since: moment
                .wall
                .before(self.age(moment.now).min(Self::WINDOW + Span::from_secs(1))),
            until: moment.wall + rest.retry_in,
            mandatory: rest.mandatory,
            whole_at: moment.wall + rest.whole_in,
        })
    }

    pub(super) fn failures(&self) -> u32 {
        self.trouble.map_or(0, |trouble| trouble.failures)
    }

    pub(super) fn cause(&self) -> Option<FailureCause> {
        self.trouble.map(|trouble| trouble.cause)
    }

    /// Returns when the next attempt may be; the past where it may be now.
    pub(super) fn until(&self) -> Timestamp {
        self.trouble
            .map_or(Timestamp::default(), |trouble| trouble.until)
    }

    /// Returns when the next attempt may be that nobody waits for.
    pub(super) fn calm_until(&self) -> Timestamp {
        self.trouble
            .map_or(Timestamp::default(), |trouble| trouble.calm_until)
    }

    /// Returns how long ago the row of failures began.
    fn age(&self, now: Timestamp) -> Span {
        self.trouble
            .map_or(Span::ZERO, |trouble| now.since(trouble.since))
    }

    /// Returns before which deadline callers do not wait for the next attempt: none where waiting may help, any where it
    /// does not. A rest that the server asked for, or that the allowance makes, is known to be of no use to callers who
    /// cannot wait for its end.
    pub(super) fn hopeless_before(&self, now: Timestamp) -> Timestamp {
        let Some(trouble) = self.trouble else {
            return Timestamp::default();
        };
        let window = trouble.since + Self::WINDOW;
        let is_imposed = trouble.mandatory || self.allowance.next() >= trouble.until;
        let of_use = if is_imposed {
            trouble.until
        } else {
            Timestamp::default()
        };
        if trouble.cause.is_transient() && now < window && of_use <= window {
            of_use
        } else {
            Timestamp::from_millis(u64::MAX)
        }
    }

    /// Returns what callers are told.
    pub(super) fn error(&self, now: Timestamp) -> Option<SessionError> {
        self.trouble
            .map(|trouble| SessionError::from_failure(trouble.cause, trouble.until.since(now)))
    }
}

#[cfg(test)]
mod tests;
