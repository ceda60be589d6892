//! Back-off after failures of the auth server.

use super::context::Context;
use super::error::{FailureCause, SessionError};
use super::input::Failure;
use super::millis::Millis;
use super::rate_limiter::RateLimiter;
use super::rng::Rng;
use super::storage_record::PersistedBackoff;
use super::tab_message::TabMessage;
use super::time::Timestamp;

/// The state of the auth server as seen by this tab.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    limiter: RateLimiter,
    /// When the page or its network last came back; earlier failures do not predict the next attempt.
    last_retry_hint: Timestamp,
    streak: Option<FailureStreak>,
    rng: Rng,
}

/// Consecutive failures, from the first on.
#[derive(Clone, Copy, Debug)]
struct FailureStreak {
    cause: FailureCause,
    failures: u32,
    /// When its first attempt was sent.
    since: Timestamp,
    until: Timestamp,
    /// The end of the back-off while no caller waits.
    idle_retry_at: Timestamp,
    server_requested: bool,
}

/// The back-off of one tab in the time of another.
#[derive(Clone, Copy, Debug)]
struct BackoffSnapshot {
    cause: FailureCause,
    failures: u32,
    retry_in: Millis,
    server_requested: bool,
    resets_in: Millis,
}

impl Backoff {
    /// At most 16 attempts at once and 24 an hour, so that no hour has more than 40 (P10).
    const CAPACITY: u32 = 16;
    const INTERVAL: Millis = Millis::from_secs(150);
    /// The longest step of the exponential back-off.
    const LONGEST: Millis = Millis::from_secs(240);
    /// The shortest pause: no second has more than two attempts.
    const SHORTEST: Millis = Millis::from_millis(500);
    /// How long callers wait for the auth server to recover, from the first failure of a streak (P49).
    const WINDOW: Millis = Millis::from_secs(25);
    /// The pause between attempts while callers wait for recovery: from `PACE` to `PACE + PACE_SPREAD`. Recovery is noticed
    /// within 4 s, and an outage of 20 s costs at most 10 attempts (P49).
    const PACE: Millis = Millis::from_millis(3_100);
    const PACE_SPREAD: Millis = Millis::from_millis(400);
    /// The longest `Retry-After` that is honoured, also when another tab received it.
    const MOST: Millis = Millis::from_secs(600);

    pub(super) const fn new(rng: Rng) -> Self {
        Self {
            limiter: RateLimiter::new(Self::CAPACITY, Self::INTERVAL),
            last_retry_hint: Timestamp::from_millis(0),
            streak: None,
            rng,
        }
    }

    /// Records a failed attempt and schedules the next one.
    pub(super) fn fail(&mut self, now: Timestamp, sent: Timestamp, failure: &Failure) {
        self.limiter.consume(now);
        let failures = self.failures().saturating_add(1);
        let since = self
            .streak
            .map_or(sent.max(self.last_retry_hint), |streak| streak.since);
        let window = since + Self::WINDOW;
        let is_waited_out = failure.cause.is_transient() && now < window;
        let is_outdated = self.last_retry_hint > sent;
        let pause = if is_outdated || is_waited_out && failures == 1 {
            self.rng.jitter(Millis::from_secs(1)).max(Self::SHORTEST)
        } else if is_waited_out {
            // The last attempt that callers wait for is at the end of the window, not after it.
            let pace = Self::PACE + self.rng.jitter(Self::PACE_SPREAD);
            pace.min(window.since(now)).max(Self::SHORTEST)
        } else {
            let step = Millis::from_secs(1) * (1_u64 << failures.min(8));
            // Frequent attempts for waiting callers must not lengthen the back-off beyond 4 times the streak's age.
            let step = step.min(now.since(since).max(Self::WINDOW) * 4);
            self.rng.jitter(step.min(Self::LONGEST)).max(Self::SHORTEST)
        };
        let asked = failure.retry_after.filter(|wait| !wait.is_zero());
        let asked = asked.map(|wait| {
            // Jitter, so that clients given the same `Retry-After` do not retry at once.
            wait.min(Self::MOST) + self.rng.jitter(Millis::from_secs(1))
        });
        let until = now + pause.max(asked.unwrap_or_default());
        let until = until.max(self.limiter.next());
        self.streak = Some(FailureStreak {
            cause: failure.cause,
            failures,
            since,
            until,
            idle_retry_at: until.max(now + self.idle_delay(failures)),
            server_requested: asked.is_some(),
        });
    }

    /// Draws the back-off without waiting callers: up to 1.5, 12, 96 and 240 s, so that many idle pages do not multiply the
    /// load of a failing server.
    fn idle_delay(&mut self, failures: u32) -> Millis {
        let step = Millis::from_millis(1_500)
            * (1_u64 << failures.saturating_sub(1).saturating_mul(3).min(8));
        self.rng.jitter(step.min(Self::LONGEST))
    }

    /// Resets the failures: the auth server has responded.
    pub(super) fn succeed(&mut self) {
        self.streak = None;
        self.limiter.reset();
    }

    /// Restarts the failure streak after a suspension or a loss of network: earlier failures do not predict the next
    /// attempt, and callers wait for recovery again (P04).
    pub(super) fn restart(&mut self, now: Timestamp) {
        self.last_retry_hint = now;
        if let Some(streak) = &mut self.streak {
            streak.since = now;
        }
        self.retry_now(now);
    }

    /// Retries now after a hint such as `online`, unless `Retry-After` or the rate limit forbids it.
    pub(super) fn retry_now(&mut self, now: Timestamp) {
        let allowed = self.limiter.next();
        if let Some(streak) = &mut self.streak
            && !streak.server_requested
        {
            streak.until = streak.until.min(now.max(allowed));
            streak.idle_retry_at = streak.until;
        }
    }

    /// Merges a back-off that another tab reports. A message cannot prove that the server requested it; only the storage
    /// record can.
    pub(super) fn on_message(&mut self, now: Timestamp, message: &TabMessage) {
        if let TabMessage::BackoffStarted {
            cause,
            failures,
            retry_in,
            resets_in,
        } = *message
        {
            let snapshot = BackoffSnapshot {
                cause,
                failures,
                retry_in,
                server_requested: false,
                resets_in,
            };
            self.merge(now, snapshot);
        }
    }

    /// Returns the message with the back-off for other tabs; `None` without failures.
    pub(super) fn message(&self, now: Timestamp) -> Option<TabMessage> {
        self.snapshot(now)
            .map(|snapshot| TabMessage::BackoffStarted {
                cause: snapshot.cause,
                failures: snapshot.failures,
                retry_in: snapshot.retry_in,
                resets_in: snapshot.resets_in,
            })
    }

    /// Merges the back-off of another tab if it is longer, has more failures or was requested by the server.
    fn merge(&mut self, now: Timestamp, snapshot: BackoffSnapshot) {
        let longest = if snapshot.server_requested {
            Self::MOST
        } else {
            Self::LONGEST
        };
        let until = now + snapshot.retry_in.min(longest);
        let resets_in = snapshot
            .resets_in
            .min(Self::INTERVAL * u64::from(Self::CAPACITY));
        self.limiter.postpone_reset(now + resets_in);
        if self.streak.is_none_or(|streak| {
            let is_longer = streak.until < until;
            let is_later = streak.failures < snapshot.failures;
            is_longer || is_later || snapshot.server_requested && !streak.server_requested
        }) {
            self.streak = Some(FailureStreak {
                cause: snapshot.cause,
                failures: snapshot.failures.clamp(1, 64),
                since: self.streak.map_or(now, |streak| streak.since),
                until,
                idle_retry_at: until.max(now + self.idle_delay(snapshot.failures.clamp(1, 64))),
                server_requested: snapshot.server_requested,
            });
        }
    }

    /// Merges the persisted back-off and the age of its failure streak, so that callers of all tabs wait equally long.
    pub(super) fn merge_persisted(&mut self, context: &Context, backoff: &PersistedBackoff) {
        let snapshot = BackoffSnapshot {
            cause: backoff.cause,
            failures: backoff.failures,
            retry_in: backoff.until.since(context.wall.max(backoff.since)),
            server_requested: backoff.server_requested,
            resets_in: backoff.resets_at.since(context.wall.max(backoff.since)),
        };
        self.merge(context.now, snapshot);
        // No tab was open to retry for a long time: the next failure starts a new streak.
        let is_complete = context.wall.since(backoff.until) > Self::LONGEST;
        if let Some(streak) = &mut self.streak {
            let age = context.wall.since(backoff.since);
            let since = if is_complete {
                context.now
            } else {
                context.now.before(age)
            };
            streak.since = since.max(self.last_retry_hint);
        }
    }

    /// Returns the back-off for other tabs; `None` without failures.
    fn snapshot(&self, now: Timestamp) -> Option<BackoffSnapshot> {
        self.streak.map(|streak| BackoffSnapshot {
            cause: streak.cause,
            failures: streak.failures,
            retry_in: streak.until.since(now),
            server_requested: streak.server_requested,
            resets_in: self.limiter.resets_at().since(now),
        })
    }

    /// Returns the back-off to store in the record; `None` without failures.
    pub(super) fn persisted(&self, context: &Context) -> Option<PersistedBackoff> {
        self.snapshot(context.now).map(|snapshot| PersistedBackoff {
            cause: snapshot.cause,
            failures: snapshot.failures,
            // Capped just above the window, which is all a reader needs: if the clock is set back, the back-off seems longer
            // by at most this age.
            since: context.wall.before(
                self.age(context.now)
                    .min(Self::WINDOW + Millis::from_secs(1)),
            ),
            until: context.wall + snapshot.retry_in,
            server_requested: snapshot.server_requested,
            resets_at: context.wall + snapshot.resets_in,
        })
    }

    pub(super) fn failures(&self) -> u32 {
        self.streak.map_or(0, |streak| streak.failures)
    }

    pub(super) fn cause(&self) -> Option<FailureCause> {
        self.streak.map(|streak| streak.cause)
    }

    /// Returns when the next attempt is allowed; in the past if it is allowed now.
    pub(super) fn until(&self) -> Timestamp {
        self.streak
            .map_or(Timestamp::default(), |streak| streak.until)
    }

    /// Returns when the next attempt is allowed without waiting callers.
    pub(super) fn idle_retry_at(&self) -> Timestamp {
        self.streak
            .map_or(Timestamp::default(), |streak| streak.idle_retry_at)
    }

    /// Returns when the next attempt is due; `None` without failures.
    pub(super) fn retry_at(&self, has_callers: bool) -> Option<Timestamp> {
        self.streak.map(|streak| {
            if has_callers {
                streak.until
            } else {
                streak.idle_retry_at
            }
        })
    }

    /// Returns the age of the failure streak.
    fn age(&self, now: Timestamp) -> Millis {
        self.streak
            .map_or(Millis::ZERO, |streak| now.since(streak.since))
    }

    /// Returns the earliest deadline of callers that keep waiting: zero if waiting may help, the maximum if it cannot.
    /// During a back-off imposed by `Retry-After` or the rate limiter, callers must be able to wait for its end.
    pub(super) fn reject_before(&self, now: Timestamp) -> Timestamp {
        let Some(streak) = self.streak else {
            return Timestamp::default();
        };
        let window = streak.since + Self::WINDOW;
        let is_imposed = streak.server_requested || self.limiter.next() >= streak.until;
        let of_use = if is_imposed {
            streak.until
        } else {
            Timestamp::default()
        };
        if streak.cause.is_transient() && now < window && of_use <= window {
            of_use
        } else {
            Timestamp::from_millis(u64::MAX)
        }
    }

    /// Returns the error for rejected callers; `None` without failures.
    pub(super) fn error(&self, now: Timestamp) -> Option<SessionError> {
        self.streak
            .map(|streak| SessionError::from_failure(streak.cause, streak.until.since(now)))
    }
}

#[cfg(test)]
mod tests;
