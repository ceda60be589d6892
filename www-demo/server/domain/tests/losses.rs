//! Goal: no sequence of lost responses signs a browser out, however long it is offline, and two parties who both go on with
//! copies of one cookie are noticed.

mod world;

use std::time::Duration;

use nolapse_domain::{Limits, MAX_FORKS, RefreshToken, Verdict};
use proptest::prelude::*;
use world::{NOW, World};

const HOUR: u64 = 3_600;

/// Limits under which only the grace matters.
fn long_lived() -> Limits {
    Limits {
        idle: Duration::from_hours(24 * 3_650),
        absolute: Duration::from_hours(24 * 3_650),
        ..Limits::default()
    }
}

/// The token that a response has; `None` if there is none.
fn granted(verdict: Verdict) -> Option<RefreshToken> {
    match verdict {
        Verdict::Rotate(token) | Verdict::Repeat(token) | Verdict::Fork(token) => Some(token),
        Verdict::Theft
        | Verdict::Superseded
        | Verdict::Void
        | Verdict::LimitReached(_)
        | Verdict::Refuse(_)
        | Verdict::Unknown => None,
    }
}

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
    // An overlapping request of the same browser is told to repeat itself; later it is a copy.
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
        match world.refresh(&held, NOW) {
            Verdict::Fork(_) => forks += 1,
            other => assert_eq!(other, Verdict::Repeat(world.newest())),
        }
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

/// Two holders of one cookie, each of which goes on with what it got.
struct Parties {
    world: World,
    held: [RefreshToken; 2],
}

impl Parties {
    fn new() -> Self {
        let world = World::new(long_lived());
        let held = [world.newest(), world.newest()];
        Self { world, held }
    }

    /// One of them refreshes; returns whether the session goes on.
    fn refresh(&mut self, party: usize) -> bool {
        let verdict = self.world.refresh(&self.held[party].clone(), NOW);
        if let Some(token) = granted(verdict) {
            self.held[party] = token;
        }
        self.world.session.ended.is_none()
    }
}

#[test]
fn issue11_line2_two_parties_who_both_go_on_are_noticed_at_every_offset_beyond_the_grace() {
    for period in [50, 90, 120, HOUR] {
        for offset in (1..period).step_by(if period == HOUR { 97 } else { 1 }) {
            let mut parties = Parties::new();
            let mut rounds = 0;
            let is_noticed = loop {
                if rounds == 50 {
                    break false;
                }
                rounds += 1;
                if !parties.refresh(0) {
                    break true;
                }
                parties.world.pass(Duration::from_secs(offset));
                if !parties.refresh(1) {
                    break true;
                }
                parties.world.pass(Duration::from_secs(period - offset));
            };

            let grace = parties.world.limits.grace.as_secs();
            assert_eq!(is_noticed, offset > grace, "{offset} s of {period} s");
            assert!(
                !is_noticed || rounds <= 3,
                "{offset} s of {period} s: {rounds}"
            );
        }
    }
}

#[test]
fn issue11_line2_a_thief_who_goes_on_while_the_owner_is_away_is_noticed_when_the_owner_is_back() {
    for away in [40, HOUR, 20 * HOUR] {
        let mut parties = Parties::new();
        for _ in 0..2 {
            assert!(parties.refresh(1));
            parties.world.pass(Duration::from_secs(50));
        }
        parties.world.pass(Duration::from_secs(away));

        assert!(!parties.refresh(0), "{away}");
    }
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
                    match step {
                        Step::Refresh => browser.held = response.unwrap_or(browser.held),
                        Step::Delay => browser.late = response,
                        _ => {}
                    }
                }
                Step::Arrive => browser.held = browser.late.take().unwrap_or(browser.held),
                Step::Crash => browser.held = browser.on_disk.clone(),
            }
            prop_assert!(world.session.siblings.len() <= usize::from(MAX_FORKS));
        }
    }

    #[test]
    fn issue11_line2_two_parties_are_noticed_once_both_have_come_back_after_a_fork(
        turns in prop::collection::vec((0..2_usize, 30_001..80_000_u64), 2..60),
    ) {
        let mut parties = Parties::new();
        let mut since_fork = [0, 0];
        for (party, pause) in turns {
            parties.world.pass(Duration::from_millis(pause));
            let before = parties.world.session.siblings.len();
            if !parties.refresh(party) {
                return Ok(());
            }
            match parties.world.session.siblings.len() {
                forks if forks > before => since_fork = [1, 1],
                _ => since_fork[party] += i32::from(since_fork[party] > 0),
            }
            prop_assert!(since_fork.iter().any(|uses| *uses < 2), "{since_fork:?}");
        }
    }

    #[test]
    fn issue11_line2_two_parties_with_jitter_are_noticed_within_three_periods_of_their_first_fork(
        periods in prop::collection::vec((45_000..55_000_u64, 45_000..55_000_u64), 400),
        offset in 0..50_000_u64,
    ) {
        let mut parties = Parties::new();
        let mut turns: Vec<(u64, usize)> = Vec::new();
        let mut at = [0, offset];
        for (owners, thiefs) in periods {
            turns.extend([(at[0], 0), (at[1], 1)]);
            at = [at[0] + owners, at[1] + thiefs];
        }
        turns.sort_unstable();
        let begun = parties.world.now;
        let mut since_fork = None;
        for (at, party) in turns {
            parties.world.now = begun + Duration::from_millis(at);
            if !parties.refresh(party) {
                return Ok(());
            }
            if since_fork.is_some() || parties.world.session.siblings != [] {
                let turns = since_fork.get_or_insert(0);
                *turns += 1;
                prop_assert!(*turns <= 6, "after the first fork");
            }
        }
    }
}
