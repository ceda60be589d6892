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
    pub(crate) const STEADY: Self = Self {
        during: 1.0,
        after: 1.15,
        streams: 0.0,
        failed: 0.0,
        wave: 1.1,
    };

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
