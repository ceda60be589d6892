//! What is counted in each second, and what follows from it.

use super::cluster::float;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Refreshes that reach the balancer.
    Refresh,
    /// Those that are answered by 503.
    Unavailable,
    Granted,
    /// Streams that are asked for.
    Stream,
    /// Calls of users.
    Call,
    /// Calls that waited for more than a second.
    Late,
    /// Calls that were rejected.
    Failed,
    /// Sessions that ended.
    Ended,
}

const KINDS: usize = 8;

/// The numbers of each second.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    seconds: [Vec<u32>; KINDS],
    /// The longest wait for the auth server in each second, in milliseconds.
    pub(crate) waits: Vec<u64>,
    /// How many pages were played.
    pub(crate) pages: u32,
}

impl Rates {
    pub(crate) fn new(seconds: usize, pages: u32) -> Self {
        Self {
            seconds: std::array::from_fn(|_| vec![0; seconds]),
            waits: vec![0; seconds],
            pages,
        }
    }

    pub(crate) fn count(&mut self, kind: Kind, now: u64) {
        if let Some(number) = self.seconds[kind as usize].get_mut(second(now)) {
            *number += 1;
        }
    }

    pub(crate) fn note_wait(&mut self, now: u64, wait: u64) {
        if let Some(longest) = self.waits.get_mut(second(now)) {
            *longest = wait.max(*longest);
        }
    }

    /// Adds the numbers of an independent fleet.
    pub(crate) fn add(&mut self, other: &Self) {
        for (into, from) in self.seconds.iter_mut().zip(&other.seconds) {
            for (into, from) in into.iter_mut().zip(from) {
                *into += from;
            }
        }
        for (into, from) in self.waits.iter_mut().zip(&other.waits) {
            *into = (*from).max(*into);
        }
        self.pages += other.pages;
    }

    /// Returns the numbers of each second.
    pub(crate) fn of(&self, kind: Kind) -> &[u32] {
        &self.seconds[kind as usize]
    }

    /// Returns how many there were in a span of milliseconds.
    pub(crate) fn sum(&self, kind: Kind, span: (u64, u64)) -> u64 {
        let part = part(self.of(kind), span);
        part.iter().copied().map(u64::from).sum()
    }

    /// Returns the mean of a second.
    pub(crate) fn mean(&self, kind: Kind, span: (u64, u64)) -> f64 {
        float(self.sum(kind, span)) * 1_000.0 / float((span.1 - span.0).max(1))
    }

    /// Returns the highest mean over so many seconds, within a span.
    pub(crate) fn most(&self, kind: Kind, span: (u64, u64), seconds: u32) -> f64 {
        self.means(kind, span, seconds).fold(0.0, f64::max)
    }

    /// Returns the lowest mean over so many seconds, within a span.
    pub(crate) fn least(&self, kind: Kind, span: (u64, u64), seconds: u32) -> f64 {
        self.means(kind, span, seconds)
            .fold(f64::INFINITY, f64::min)
    }

    fn means(&self, kind: Kind, span: (u64, u64), seconds: u32) -> impl Iterator<Item = f64> {
        let windows = usize::try_from(seconds).unwrap_or(1).max(1);
        let windows = part(self.of(kind), span).windows(windows);
        windows.map(move |window| f64::from(window.iter().sum::<u32>()) / f64::from(seconds))
    }

    /// Returns the longest wait for the auth server, in milliseconds.
    pub(crate) fn longest_wait(&self) -> u64 {
        self.waits.iter().copied().max().unwrap_or(0)
    }
}

fn part(rates: &[u32], span: (u64, u64)) -> &[u32] {
    let (from, to) = (second(span.0), second(span.1));
    rates.get(from..to.min(rates.len())).unwrap_or_default()
}

fn second(now: u64) -> usize {
    usize::try_from(now / 1_000).unwrap_or(usize::MAX)
}
