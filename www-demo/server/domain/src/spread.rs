//! When browsers refresh that come late.

use std::time::Duration;

use crate::SecretHash;

/// How much later than planned a refresh may come before it counts as late: requests differ in how long they take.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Returns when a browser is to refresh next, if this refresh came later than planned; `None` if it came in time.
///
/// What makes browsers late makes many late at once: an outage, a failover, the return of a network, the start of a day. They would
/// refresh together from then on, and an hour would not part them. So each is given a moment of the whole period, from the
/// secret of its next refresh token, which is as good as random and the same for all repeats.
#[must_use]
pub fn spread(rested: Duration, lifetime: Duration, next: &SecretHash) -> Option<Duration> {
    let planned = lifetime.saturating_sub((lifetime / 6).min(Duration::from_secs(10)));
    if rested <= planned + TOLERANCE {
        return None;
    }
    let [first, second, ..] = *next.as_bytes();
    let drawn = u64::from(u16::from_be_bytes([first, second]));
    Some(Duration::from_secs(1 + drawn % planned.as_secs().max(1)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);

    fn hash(number: u16) -> SecretHash {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        SecretHash::from_bytes(bytes)
    }

    #[test]
    fn a_refresh_in_time_is_followed_by_the_next_as_planned() {
        for rested in [0, 20, 49, 51] {
            let rested = Duration::from_secs(rested);
            assert_eq!(spread(rested, LIFETIME, &hash(7)), None, "{rested:?}");
        }
    }

    #[test]
    fn refreshes_that_come_late_are_followed_by_the_next_at_any_moment_of_the_period() {
        let drawn = |number| spread(Duration::from_secs(52), LIFETIME, &hash(number));
        let seconds: BTreeSet<u64> = (0..1_000)
            .map(|number| drawn(number).map_or(0, |drawn| drawn.as_secs()))
            .collect();

        assert!(seconds.into_iter().eq(1..=50));
    }

    #[test]
    fn the_shortest_lifetime_has_a_moment_too() {
        let lifetime = Duration::from_secs(1);
        let drawn = spread(Duration::from_secs(9), lifetime, &hash(500));
        assert_eq!(drawn, Some(Duration::from_secs(1)));
    }
}
