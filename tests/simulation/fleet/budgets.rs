//! What the figures of each course may be at most.

/// Peaks in steady rates of refreshes, and a share of calls in per cent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// The most refreshes during the event.
    pub(crate) during: f64,
    /// The most refreshes after it.
    pub(crate) after: f64,
    /// The most streams that are asked for.
    pub(crate) streams: f64,
    /// The calls of the event and of the minute after it that fail.
    pub(crate) failed: f64,
    /// The most refreshes from ten minutes after the event on.
    pub(crate) wave: f64,
}

impl Budget {
    pub(crate) const STEADY: Self = Self::new([1.0, 1.15, 0.0, 0.0, 1.1]);
    pub(crate) const OUTAGE_1: Self = Self::new([4.7, 1.6, 0.8, 43.0, 1.15]);
    pub(crate) const OUTAGE_10: Self = Self::new([4.7, 1.3, 0.8, 94.0, 1.15]);
    pub(crate) const DEPLOY: Self = Self::new([1.25, 1.2, 0.3, 0.0, 1.1]);
    pub(crate) const FAILOVER: Self = Self::new([2.3, 2.4, 0.05, 0.0, 1.1]);
    pub(crate) const FLAPPING: Self = Self::new([1.9, 1.3, 1.3, 1.0, 1.15]);
    pub(crate) const CELLS_AWAY: Self = Self::new([1.0, 3.6, 0.8, 26.0, 1.1]);
    pub(crate) const RUSH: Self = Self::new([2.0, 1.25, 0.5, 0.0, 1.1]);

    /// In the order of the fields.
    const fn new([during, after, streams, failed, wave]: [f64; 5]) -> Self {
        Self {
            during,
            after,
            streams,
            failed,
            wave,
        }
    }

    /// Returns the budget of a sample with this much noise.
    #[cfg(test)]
    pub(crate) fn plus(self, noise: f64) -> Self {
        let factor = 1.0 + noise;
        Self {
            during: self.during * factor,
            after: self.after * factor,
            streams: self.streams * factor,
            failed: self.failed * factor,
            wave: self.wave * factor,
        }
    }
}
