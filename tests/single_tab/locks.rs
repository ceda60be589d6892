//! Goal: the lock only serialises the tabs and is never required.
//!
//! Promise P17, in a single tab: behaviour if the lock is not granted, granted too late, granted twice or stolen.

use nolapse::core::{Grant, Input, Millis, StoredState, TabMessage, WallTime};

use crate::tab::{Tab, grant, signed_in_record};

/// How long after the request a token with a lifetime of 60 s is sent, in milliseconds.
const USABLE: u64 = 58_500;

#[test]
fn without_a_lock_a_refresh_waits_for_a_message_unless_none_would_do() {
    for force in [false, true] {
        let mut tab = Tab::signed_in(1);
        tab.now += 20_000;
        tab.want(force);
        let attempt = tab.wish().expect("it asks for the lock");

        tab.feed(Input::LockFailed { attempt });

        assert_eq!(tab.sends(), force);
        assert_eq!(tab.asks_the_tabs(), !force);
        if !force {
            let (at, what_for) = tab.alarm();
            assert_eq!(what_for, "peers");
            assert!(at <= tab.now + 300, "three beats at the most");
            tab.ring(at);
            assert!(tab.sends());
        }
    }
}

#[test]
fn the_pause_without_a_lock_is_drawn_from_three_beats() {
    let pauses = (0..100).filter_map(|seed| {
        let mut tab = Tab::signed_in(seed);
        tab.now += 20_000;
        tab.want(false);
        let attempt = tab.wish().expect("it asks for the lock");
        tab.feed(Input::LockFailed { attempt });
        let (at, what_for) = tab.alarm();
        (what_for == "peers").then_some(at - tab.now)
    });
    let longest = pauses.max().unwrap_or_default();
    assert!((270..=300).contains(&longest), "{longest}");
}

#[test]
fn p15_a_tab_that_is_behind_the_record_asks_its_peers_first_unless_no_token_of_theirs_would_do() {
    for (force, living, asks) in [
        (false, true, true),
        (true, true, false),
        (false, false, false),
    ] {
        let mut tab = Tab::open(1, StoredState::Empty);
        tab.adopt(grant());
        let fingerprint = grant().session.fingerprint();
        tab.now += 20_000;
        tab.want(force);
        let attempt = tab.wish().expect("it asks for the lock");
        let left = if living { 40_000 } else { 0 };
        let expires = WallTime::from_millis(tab.wall().as_millis() + left);
        let record = signed_in_record(tab.version().next(), expires, fingerprint);
        tab.stored = StoredState::Record(record);

        tab.feed(Input::LockGranted { attempt });

        assert_eq!(tab.asks_the_tabs(), asks, "forced {force}, living {living}");
        assert_eq!(tab.sends(), !asks, "forced {force}, living {living}");
    }
}

#[test]
fn p15_a_background_refresh_waits_longer_for_its_peers_while_the_token_lasts() {
    for (left, has_caller, pause) in [
        (5_000, false, 1_000),
        (2_001, false, 1_000),
        (2_000, false, 100),
        (5_000, true, 100),
    ] {
        let (mut tab, issued) = distrusting();
        let (at, _) = tab.alarm();
        tab.ring(at.max(issued + USABLE - left - 21));
        let attempt = tab.wish().expect("it asks for the lock");
        let version = tab.version();
        tab.hear(TabMessage::StateRequest { version });
        if has_caller {
            tab.need(Millis::from_secs(50));
        }
        tab.now += 21;

        tab.feed(Input::LockGranted { attempt });

        let case = format!("{left} ms left, a caller: {has_caller}");
        assert!(tab.asks_the_tabs(), "{case}");
        assert_eq!(tab.alarm(), (tab.now + pause, "peers"), "{case}");
        tab.hear_token(tab.version().next(), grant(), 0);
        assert!(!tab.sends() && tab.releases(attempt), "{case}");
    }
}

/// A tab with a new token whose lock was once not granted, and the time at which it received that token.
fn distrusting() -> (Tab, u64) {
    let mut tab = Tab::signed_in(1);
    let (at, _) = tab.alarm();
    tab.ring(at);
    assert!(tab.wish().is_some());
    let (until, _) = tab.alarm();
    tab.ring(until);
    let (at, what_for) = tab.alarm();
    assert_eq!(what_for, "peers");
    tab.ring(at);
    assert!(tab.sends());
    let sent = tab.now;
    let attempt = tab.sent().expect("it sends");
    tab.grant(
        attempt,
        Grant {
            refresh_in: Some(Millis::from_millis(53_300)),
            ..grant()
        },
    );
    (tab, sent)
}

#[test]
fn a_background_refresh_whose_lock_does_not_come_is_put_off_while_the_token_lasts() {
    for (left, put_off) in [(2_000, true), (501, true), (500, false)] {
        let (mut tab, issued) = distrusting();
        let (at, what_for) = tab.alarm();
        assert_eq!(what_for, "timer");
        tab.ring(at);
        let attempt = tab.wish().expect("it asks for the lock");
        let (until, what_for) = tab.alarm();
        assert_eq!(what_for, "lock");
        assert!((5_000..=5_500).contains(&(until - at)), "{}", until - at);

        let noticed = (issued + USABLE - left).max(until);
        tab.ring(noticed);

        assert!(tab.releases(attempt));
        assert_eq!(tab.asks_the_tabs(), !put_off, "{left}");
        if put_off {
            let half = (issued + USABLE - noticed) / 2;
            assert_eq!(tab.alarm(), (noticed + half, "timer"));
        }
    }
}

#[test]
fn a_lock_that_comes_while_another_attempt_waits_for_it_goes_back() {
    let (mut tab, _) = distrusting();
    let (at, _) = tab.alarm();
    tab.ring(at);
    let first = tab.wish().expect("it asks for the lock");
    let (until, _) = tab.alarm();
    tab.ring(until);
    let (at, _) = tab.alarm();
    tab.ring(at);
    let second = tab.wish().expect("it asks again");

    tab.feed(Input::LockGranted { attempt: first });

    assert!(tab.releases(first) && !tab.sends());
    tab.feed(Input::LockGranted { attempt: second });
    assert!(tab.sends());
}

#[test]
fn a_caller_is_not_put_off() {
    let (mut tab, issued) = distrusting();
    tab.now = issued + 30_000;
    tab.want(false);
    let (until, _) = tab.alarm();

    tab.ring(until);

    assert_eq!(tab.alarm().1, "peers");
}

#[test]
fn a_lock_that_comes_is_trusted_again() {
    let (mut tab, issued) = distrusting();
    tab.now = issued + 10_000;
    tab.refresh(true);
    let attempt = tab.send();
    tab.grant(attempt, grant());
    tab.now += 20_000;

    tab.want(false);

    let (until, _) = tab.alarm();
    assert!(until - tab.now >= 11_000, "{}", until - tab.now);
}

#[test]
fn p02_a_lock_that_took_longer_than_twenty_milliseconds_had_a_holder_whose_message_may_come() {
    for (has_peers, waited, listens) in [(false, 5_000, false), (true, 20, false), (true, 21, true)]
    {
        let (mut tab, attempt) = Tab::wanting(has_peers);
        tab.now += waited;

        tab.feed(Input::LockGranted { attempt });

        assert_eq!(tab.asks_the_tabs(), listens, "{has_peers} {waited}");
        assert_eq!(tab.sends(), !listens, "{has_peers} {waited}");
        if listens {
            assert_eq!(tab.alarm(), (tab.now + 100, "peers"));
        }
    }
}

#[test]
fn peers_are_expected_for_two_lifetimes_after_their_last_message() {
    for (silent, listens) in [(120_000, true), (120_001, false)] {
        let mut tab = Tab::signed_in(1);
        let version = tab.version();
        tab.hear(TabMessage::StateRequest { version });
        let heard = tab.now;
        tab.now = heard + silent - 30;
        tab.call();
        let attempt = tab.wish().expect("it asks for the lock");
        tab.now = heard + silent;

        tab.feed(Input::LockGranted { attempt });

        assert_eq!(tab.asks_the_tabs(), listens, "{silent}");
    }
}

#[test]
fn a_refreshing_peer_is_awaited_for_as_long_as_its_exchange_may_take() {
    for (since, listens) in [(10_000, true), (10_001, false)] {
        let mut tab = Tab::signed_in(1);
        tab.hear(TabMessage::RefreshStarted);
        tab.now += since;
        tab.need(Millis::from_secs(55));
        let attempt = tab.wish().expect("it asks for the lock");

        tab.feed(Input::LockGranted { attempt });

        assert_eq!(tab.asks_the_tabs(), listens, "{since}");
    }
}

#[test]
fn a_lock_is_waited_for_as_long_as_its_holder_works_and_never_for_more_than_two_exchanges() {
    let (mut tab, _) = Tab::wanting(false);
    let since = tab.now;
    let (first, _) = tab.alarm();
    assert!((since + 11_000..=since + 12_100).contains(&first));

    tab.now = since + 5_000;
    tab.hear(TabMessage::RefreshStarted);
    assert_eq!(tab.alarm(), (since + 16_000, "lock"));
    tab.now = since + 12_000;
    tab.hear(TabMessage::RefreshStarted);
    assert_eq!(tab.alarm(), (since + 22_000, "lock"));
    tab.ring(since + 22_000);
    assert_eq!(tab.alarm().1, "peers");
}
