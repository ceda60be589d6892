//! When browsers refresh that come late.

use std::time::Duration;

/// How much later than planned a refresh may come before it counts as late: requests differ in how long they take.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Returns when a browser is to refresh next whose refresh came later than planned: as if it had come in time. `None` if it did.
///
/// What makes one browser late makes many late at once: an outage, a failover, the return of a network, the start of a day. They
/// would refresh together from then on, and an hour would not part them. Their moments before were spread over the period, and so
/// each is given its own back.
#[must_use]
pub fn rejoin(rested: Duration, lifetime: Duration) -> Option<Duration> {
    // What clients plan by themselves.
    let planned = lifetime.saturating_sub((lifetime / 6).min(Duration::from_secs(10)));
    if rested <= planned + TOLERANCE {
        return None;
    }
    let late = rested.as_millis() % planned.as_millis().max(1);
    let late = u64::try_from(late).unwrap_or_default();
    let left = planned.saturating_sub(Duration::from_millis(late));
    Some(Duration::from_secs(left.as_secs().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);

    #[test]
    fn a_refresh_in_time_is_followed_by_the_next_as_planned() {
        for rested in [0, 20, 49, 51] {
            let rested = Duration::from_secs(rested);
            assert_eq!(rejoin(rested, LIFETIME), None, "{rested:?}");
        }
    }

    #[test]
    fn a_late_refresh_is_followed_by_one_at_its_session_s_own_moment() {
        for (rested, next) in [
            (52, 48),
            (60, 40),
            (99, 1),
            (100, 50),
            (130, 20),
            (86_425, 25),
        ] {
            let next = Duration::from_secs(next);
            assert_eq!(
                rejoin(Duration::from_secs(rested), LIFETIME),
                Some(next),
                "{rested}"
            );
        }
    }

    #[test]
    fn no_lifetime_is_too_short_or_too_long() {
        for lifetime in [
            Duration::ZERO,
            Duration::from_millis(1),
            Duration::from_hours(168),
        ] {
            let next = rejoin(Duration::from_hours(999), lifetime);
            assert!(
                next.is_some_and(|next| next >= Duration::from_secs(1)),
                "{lifetime:?}"
            );
        }
    }
}
