//! The push stream: on it, the auth server tells that the session may have ended. A push message is a reason to refresh, and
//! no more: what the session is remains the auth server's response to that refresh.

use super::effect::Effect;
use super::effects::Effects;
use super::millis::Millis;
use super::rate_limiter::RateLimiter;
use super::rng::Rng;
use super::time::Timestamp;

/// The push stream as this tab wants it, and what was pushed on it.
#[derive(Debug)]
pub(super) struct Push {
    is_on: bool,
    stream: Stream,
    /// The longest pause after the last failure.
    step: Millis,
    retry_at: Timestamp,
    /// When the last push message arrived: a refresh sent since then has answered it.
    pushed_at: Timestamp,
    /// When the token is to be refreshed because of a push message; [`NEVER`] if it is not.
    refresh_at: Timestamp,
    limiter: RateLimiter,
    rng: Rng,
}

/// What the host was last told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Closed,
    /// It opens the stream as soon as it has the stream's lock.
    Open,
    /// The stream ended; the host still has the lock, so that the browser has one back-off.
    Broken,
}

/// Whether a tab needs the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamNeed {
    /// It does not: the user is not signed in, or the page is hidden or does not run.
    None,
    /// Not before a refresh succeeds; a stream that is open stays.
    Later,
    Now,
}

const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

impl Push {
    /// Half the longest pause after a stream that was open. A server that restarts ends all its streams at once: their browsers
    /// come back within 30 s, at about the rate of their refreshes.
    const FIRST: Millis = Millis::from_secs(15);
    const LONGEST: Millis = Millis::from_secs(240);
    /// The shortest pause.
    const SHORTEST: Millis = Millis::from_millis(500);
    /// A stream that lies costs at most 3 refreshes at once and one each minute.
    const CAPACITY: u32 = 3;
    const INTERVAL: Millis = Millis::from_secs(60);

    pub(super) const fn new(is_on: bool, rng: Rng) -> Self {
        Self {
            is_on,
            stream: Stream::Closed,
            step: Self::FIRST,
            retry_at: Timestamp::from_millis(0),
            pushed_at: Timestamp::from_millis(0),
            refresh_at: NEVER,
            limiter: RateLimiter::new(Self::CAPACITY, Self::INTERVAL),
            rng,
        }
    }

    /// Opens or closes the stream.
    pub(super) fn on_situation(&mut self, now: Timestamp, need: StreamNeed, effects: &mut Effects) {
        if need == StreamNeed::None {
            self.close(effects);
        } else if self.is_to_open(need) && now >= self.retry_at {
            self.stream = Stream::Open;
            effects.push(Effect::OpenStream);
        }
    }

    pub(super) fn close(&mut self, effects: &mut Effects) {
        if self.stream != Stream::Closed {
            self.stream = Stream::Closed;
            // The next one is of another session, or of a page that a user has come back to.
            self.retry_at = Timestamp::default();
            self.limiter.reset();
            effects.push(Effect::CloseStream);
        }
    }

    /// The stream ended, or could not be opened: draws when it is opened again, after a longer time with each failure.
    pub(super) fn on_ended(&mut self, now: Timestamp, was_open: bool) {
        if self.stream == Stream::Open {
            let step = if was_open { Self::FIRST } else { self.step };
            self.step = (step * 2).min(Self::LONGEST);
            self.retry_at = now + self.rng.jitter(self.step).max(Self::SHORTEST);
            self.stream = Stream::Broken;
        }
    }

    /// The page or its network came back: an open stream may have broken without an error.
    pub(super) fn on_resumed(&mut self) {
        self.retry_at = Timestamp::default();
        if self.stream == Stream::Open {
            self.stream = Stream::Broken;
        }
    }

    /// A push message arrived.
    pub(super) fn on_message(&mut self, now: Timestamp) {
        self.pushed_at = now;
        if self.refresh_at == NEVER {
            self.refresh_at = now.max(self.limiter.next());
            self.limiter.consume(self.refresh_at);
        }
    }

    /// A token was received whose refresh was sent at `issued`.
    pub(super) fn on_token(&mut self, issued: Timestamp) {
        if self.refresh_at != NEVER && issued >= self.pushed_at {
            self.refresh_at = NEVER;
            // The stream was that of an earlier session, and has ended with it.
            self.retry_at = Timestamp::default();
        }
    }

    /// Returns when a push message makes a refresh due; in the far future without one.
    pub(super) fn refresh_at(&self) -> Timestamp {
        self.refresh_at
    }

    /// Returns when the stream is opened, without further input.
    pub(super) fn deadline(&self, need: StreamNeed) -> Option<(Timestamp, &'static str)> {
        self.is_to_open(need).then_some((self.retry_at, "stream"))
    }

    fn is_to_open(&self, need: StreamNeed) -> bool {
        self.is_on && need == StreamNeed::Now && self.stream != Stream::Open
    }
}

#[cfg(test)]
mod tests;
