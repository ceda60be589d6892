//! Goal: no sequence of lost responses signs a browser out, however long it is offline.

mod world;

use std::time::Duration;

use nolapse_domain::{Limits, MAX_FORKS, RefreshToken, Verdict};
use proptest::prelude::*;
use world::{NOW, World, granted, long_lived};

const HOUR: u64 = 3_600;

#[test]
fn issue11_line2_after_a_lost_response_the_session_goes_on_however_long_the_browser_was_offline() {
    for seconds in [1, 25, 31, 40, HOUR, 24 * HOUR, 30 * 24 * HOUR] {
        let mut world = World::new(long_lived());
        let held = world.newest();
        world.refresh(&held, NOW);

        world.pass(Duration::from_secs(seconds));
        let verdict = world.refresh(&held, NOW);
        let held = granted(verdict).unwrap_or_else(|| panic!("{seconds} s ended the session"));
        world.pass(Duration::from_secs(50));
        let next = world.refresh(&held, NOW);

        assert!(matches!(next, Verdict::Rotate(_)), "{seconds}: {next:?}");
    }
}

#[test]
fn issue11_line2_the_idle_and_absolute_limits_still_end_a_session_whose_response_was_lost() {
    let mut world = World::new(Limits::default());
    let held = world.newest();
    world.refresh(&held, NOW);

    world.pass(world.limits.idle);
    let idle = world.judge(&held, Some(world.limits.idle));
    world.pass(world.limits.absolute);
    let expired = world.judge(&held, NOW);

    assert!(matches!(idle, Verdict::LimitReached(_)), "{idle:?}");
    assert!(matches!(expired, Verdict::LimitReached(_)), "{expired:?}");
}

#[test]
fn issue11_line2_a_delayed_response_that_arrives_after_a_fork_is_as_good_as_the_newest() {
    let mut world = World::new(long_lived());
    let held = world.newest();
    let delayed = granted(world.refresh(&held, NOW)).expect("rotated");
    world.pass(Duration::from_secs(60));
    let forked = granted(world.refresh(&held, NOW)).expect("forked");
    assert_ne!(forked, delayed);

    world.pass(Duration::from_secs(HOUR));
    let used = world.refresh(&delayed, NOW);

    assert!(matches!(used, Verdict::Rotate(_)), "{used:?}");
    // An overlapping request of the same browser gets 503; a later one is a copy.
    assert_eq!(world.judge(&forked, NOW), Verdict::Superseded);
    world.pass(world.limits.grace + Duration::from_millis(1));
    assert_eq!(world.judge(&forked, NOW), Verdict::Theft);
}

#[test]
fn issue11_line2_concurrent_late_repeats_get_one_sibling_at_any_number_of_servers() {
    let mut world = World::new(long_lived());
    let held = world.newest();
    world.refresh(&held, NOW);
    world.pass(Duration::from_secs(60));
    let read = world.session.clone();

    let here = world.refresh(&held, NOW);
    // Another server has read the same row: it decides alike, and its compare-and-swap fails.
    let there = read.present(world.now, &held, NOW, &world.limits, &world.key);
    world.pass(world.limits.grace);
    let again = world.refresh(&held, NOW);

    assert_eq!(here, Verdict::Fork(world.newest()));
    assert_eq!(there, here);
    assert_ne!(read.secret_hash, world.session.secret_hash);
    assert_eq!(again, Verdict::Repeat(world.newest()));
}

#[test]
fn issue11_line2_a_request_that_a_fork_and_rotations_overtook_gets_the_newest_token() {
    let mut world = World::new(long_lived());
    let held = world.newest();
    world.refresh(&held, NOW);
    world.pass(Duration::from_secs(60));
    world.refresh(&held, NOW);
    for _ in 0..20 {
        world.pass(Duration::from_secs(1));
        world.refresh(&world.newest(), NOW);
    }

    assert_eq!(world.judge(&held, NOW), Verdict::Repeat(world.newest()));
}

#[test]
fn issue11_line2_siblings_are_bounded_and_the_newest_is_repeated_beyond() {
    let mut world = World::new(long_lived());
    let held = world.newest();
    world.refresh(&held, NOW);
    let mut forks = 0;
    for _ in 0..40 {
        world.pass(Duration::from_secs(HOUR));
        let verdict = world.refresh(&held, NOW);
        let is_fork = matches!(verdict, Verdict::Fork(_));
        forks += u64::from(is_fork);
        assert!(is_fork || verdict == Verdict::Repeat(world.newest()));
    }

    assert_eq!(forks, u64::from(MAX_FORKS));
    assert_eq!(world.session.siblings.len(), usize::from(MAX_FORKS));
    for sibling in &world.issued[1..] {
        let verdict = world.judge(sibling, NOW);
        assert!(matches!(verdict, Verdict::Rotate(_)), "{verdict:?}");
    }
    world.refresh(&world.newest(), NOW);
    assert_eq!(world.session.siblings, []);
}

#[test]
fn issue11_line2_a_change_of_keys_between_a_rotation_and_its_late_repeat_costs_nothing() {
    let mut world = World::new(long_lived());
    let held = world.newest();
    world.refresh(&held, NOW);
    world.pass(Duration::from_secs(HOUR));

    world.key.replace(vec![[4; 32], [5; 32]], 1);
    let forked = world.refresh(&held, NOW);
    world.key.replace(vec![[4; 32], [5; 32], [6; 32]], 2);
    let repeated = world.refresh(&held, NOW);
    world.pass(Duration::from_secs(HOUR));
    let again = world.refresh(&held, NOW);

    assert!(matches!(forked, Verdict::Fork(_)), "{forked:?}");
    assert_eq!(repeated, Verdict::Repeat(granted(forked).expect("a token")));
    assert!(matches!(again, Verdict::Fork(_)), "{again:?}");
}

#[test]
fn issue11_line2_a_change_of_the_password_voids_every_sibling() {
    let mut world = World::new(long_lived());
    let held = world.newest();
    world.refresh(&held, NOW);
    world.pass(Duration::from_secs(HOUR));
    world.refresh(&held, NOW);

    let secret = nolapse_domain::RefreshSecret::from_bytes([77; 32]);
    let newest = world.session.renew(world.now, secret);
    world.pass(Duration::from_secs(HOUR));

    for copy in world.issued.clone() {
        assert_eq!(world.judge(&copy, NOW), Verdict::Void);
    }
    assert!(matches!(world.judge(&newest, NOW), Verdict::Rotate(_)));
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    /// The browser refreshes, and its response arrives.
    Refresh,
    /// The server's response is lost.
    Lose,
    /// The response is late: it arrives at the next [`Step::Arrive`], if ever.
    Delay,
    Arrive,
    /// The browser is killed before it has written its newest cookie to disk.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..70_000_u64).prop_map(Step::Pass),
        1 => (0..200_000_000_u64).prop_map(Step::Pass),
        3 => Just(Step::Refresh),
        3 => Just(Step::Lose),
        2 => Just(Step::Delay),
        2 => Just(Step::Arrive),
        1 => Just(Step::Crash),
    ]
}

/// One browser: its cookie jar, the cookie on its disk, and a response that is late.
struct Browser {
    held: RefreshToken,
    on_disk: RefreshToken,
    late: Option<RefreshToken>,
    last_sent: Option<RefreshToken>,
}

impl Browser {
    fn send(&mut self, world: &mut World) -> Option<RefreshToken> {
        if self.last_sent.as_ref() != Some(&self.held) {
            // By now the responses to requests with an older cookie have arrived or been given up.
            self.late = None;
            self.on_disk = self.held.clone();
            self.last_sent = Some(self.held.clone());
        }
        granted(world.refresh(&self.held, NOW))
    }
}

proptest! {
    #[test]
    fn issue11_line2_no_sequence_of_losses_signs_a_browser_out(
        grace in prop::sample::select(&[0, 1_000, 30_000, 600_000][..]),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let limits = Limits { grace: Duration::from_millis(grace), ..long_lived() };
        let mut world = World::new(limits);
        let first = world.newest();
        let mut browser = Browser {
            held: first.clone(),
            on_disk: first,
            late: None,
            last_sent: None,
        };
        for step in steps {
            match step {
                Step::Pass(millis) => world.pass(Duration::from_millis(millis)),
                Step::Refresh | Step::Lose | Step::Delay => {
                    let response = browser.send(&mut world);
                    prop_assert!(response.is_some(), "signed out: {:?}", world.session);
                    if matches!(step, Step::Refresh) {
                        browser.held = response.unwrap_or(browser.held);
                    } else if matches!(step, Step::Delay) {
                        browser.late = response;
                    }
                }
                Step::Arrive => browser.held = browser.late.take().unwrap_or(browser.held),
                Step::Crash => browser.held = browser.on_disk.clone(),
            }
            prop_assert!(world.session.siblings.len() <= usize::from(MAX_FORKS));
        }
    }
}
