//! Random numbers and jitter. The seed is an argument; the core has no source of randomness.

use super::millis::Millis;

/// Pseudo-random numbers from a seed (`SplitMix64`), for jitter.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Splits off independent random numbers.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Draws a duration from zero to `most`.
    pub(super) fn jitter(&mut self, most: Millis) -> Millis {
        share_of(most, self.next())
    }
}

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Returns a duration from zero to `most` derived from `number`, so that all tabs compute the same one.
pub(super) fn shared_jitter(most: Millis, number: u64) -> Millis {
    share_of(most, mix(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn share_of(most: Millis, bits: u64) -> Millis {
    // The upper 20 bits as a fraction of 2^20: a century does not overflow.
    Millis::from_millis((most.as_millis() * (bits >> 44)) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortest and the longest of many random durations, in milliseconds.
    fn bounds(spans: impl Iterator<Item = Millis>) -> (u64, u64) {
        spans.fold((u64::MAX, 0), |(least, most), span| {
            (least.min(span.as_millis()), most.max(span.as_millis()))
        })
    }

    #[test]
    fn draws_are_those_of_splitmix64() {
        let mut rng = Rng::new(1_234_567);

        let drawn = [rng.next(), rng.next(), rng.next()];

        // The reference sequence of the algorithm: https://prng.di.unimi.it/splitmix64.c
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn draws_and_agreed_parts_cover_the_whole_span() {
        let most = Millis::from_secs(1);
        let mut rng = Rng::new(1);
        let drawn = bounds((0..1_000).map(|_| rng.jitter(most)));
        let shared_jitter = bounds((0..1_000).map(|number| shared_jitter(most, number)));

        for (least, longest) in [drawn, shared_jitter] {
            assert!(
                least < 20 && (980..1_000).contains(&longest),
                "{least} to {longest}"
            );
        }
    }
}
