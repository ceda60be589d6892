use super::super::fixtures::at;
use super::*;

const NOW: u64 = 1_000_000;

fn push() -> Push {
    Push::new(true, Rng::new(1))
}

/// What the host is told to do at this time.
fn told(push: &mut Push, now: u64, need: StreamNeed) -> Vec<Effect> {
    let mut effects = Effects::new();
    push.on_situation(at(now), need, &mut effects);
    effects.take()
}

/// A stream that is open.
fn open() -> Push {
    let mut push = push();
    assert_eq!(told(&mut push, NOW, StreamNeed::Now), [Effect::OpenStream]);
    push
}

/// The pause after the stream ended, in milliseconds.
fn pause(push: &mut Push, was_open: bool) -> u64 {
    push.stream = Stream::Open;
    push.on_ended(at(NOW), was_open);
    push.retry_at.since(at(NOW)).as_millis()
}

#[test]
fn part3_a_stream_is_opened_once_and_closed_once() {
    let mut push = open();

    assert_eq!(told(&mut push, NOW, StreamNeed::Now), []);
    assert_eq!(told(&mut push, NOW, StreamNeed::Later), []);
    assert_eq!(push.deadline(StreamNeed::Now), None);
    assert_eq!(
        told(&mut push, NOW, StreamNeed::None),
        [Effect::CloseStream]
    );
    assert_eq!(told(&mut push, NOW, StreamNeed::None), []);
}

#[test]
fn part3_without_the_option_there_is_no_stream() {
    let mut push = Push::new(false, Rng::new(1));

    for need in [StreamNeed::Now, StreamNeed::Later, StreamNeed::None] {
        assert_eq!(told(&mut push, NOW, need), []);
        assert_eq!(push.deadline(need), None);
    }
}

#[test]
fn part3_a_stream_that_ended_is_opened_at_its_deadline() {
    let mut push = open();
    push.on_ended(at(NOW), true);

    let (due, reason) = push.deadline(StreamNeed::Now).expect("a deadline");
    assert_eq!(reason, "stream");
    assert!(due > at(NOW));
    let due = due.as_millis();
    assert_eq!(told(&mut push, due - 1, StreamNeed::Now), []);
    assert_eq!(told(&mut push, due, StreamNeed::Later), []);
    assert_eq!(told(&mut push, due, StreamNeed::Now), [Effect::OpenStream]);
}

#[test]
fn part3_the_lock_of_a_stream_that_ended_is_released_when_the_page_is_hidden() {
    let mut push = open();
    push.on_ended(at(NOW), false);

    assert_eq!(
        told(&mut push, NOW, StreamNeed::None),
        [Effect::CloseStream]
    );
}

#[test]
fn part3_pauses_are_spread_and_grow_with_each_failure() {
    for (failures, longest) in [(1, 30), (2, 60), (3, 120), (4, 240), (9, 240)] {
        let pauses: Vec<u64> = (0..500)
            .map(|seed| {
                let mut push = Push::new(true, Rng::new(seed));
                for _ in 1..failures {
                    pause(&mut push, false);
                }
                pause(&mut push, false)
            })
            .collect();
        let most = longest * 1_000;
        assert!(pauses.iter().all(|pause| (500..=most).contains(pause)));
        let mean = pauses.iter().sum::<u64>() / 500;
        assert!(mean.abs_diff(most / 2) < most / 15, "{failures}: {mean}");
    }
}

#[test]
fn part3_a_stream_that_was_open_begins_the_pauses_anew() {
    let mut push = push();
    for _ in 0..9 {
        pause(&mut push, false);
    }

    assert!((0..50).all(|_| pause(&mut push, true) <= 30_000));
}

#[test]
fn part3_an_end_that_is_reported_late_changes_nothing() {
    let mut push = open();
    told(&mut push, NOW, StreamNeed::None);

    push.on_ended(at(NOW), true);

    assert_eq!(told(&mut push, NOW, StreamNeed::Now), [Effect::OpenStream]);
}

#[test]
fn part3_a_page_that_comes_back_opens_the_stream_at_once() {
    let mut push = open();
    push.on_resumed();
    assert_eq!(told(&mut push, NOW, StreamNeed::Now), [Effect::OpenStream]);

    push.on_ended(at(NOW), true);
    push.on_resumed();
    assert_eq!(told(&mut push, NOW, StreamNeed::Now), [Effect::OpenStream]);
}

#[test]
fn part3_a_push_message_is_answered_by_a_refresh_sent_after_it() {
    let mut push = push();
    assert_eq!(push.refresh_at(), NEVER);

    told(&mut push, NOW, StreamNeed::Now);
    push.on_message(at(NOW));
    push.on_ended(at(NOW), true);
    assert_eq!(push.refresh_at(), at(NOW));
    push.on_token(at(NOW - 1));
    assert_eq!(push.refresh_at(), at(NOW), "this token is from before it");

    assert_eq!(told(&mut push, NOW, StreamNeed::Now), []);
    push.on_token(at(NOW));
    assert_eq!(push.refresh_at(), NEVER);
    assert_eq!(told(&mut push, NOW, StreamNeed::Now), [Effect::OpenStream]);
}

#[test]
fn part3_messages_of_sessions_that_did_end_are_not_counted() {
    let mut push = push();
    for session in 0..10 {
        let now = NOW + session * 1_000;
        told(&mut push, now, StreamNeed::Now);
        push.on_message(at(now));
        assert_eq!(push.refresh_at(), at(now), "{session}");
        told(&mut push, now, StreamNeed::None);
        push.on_token(at(now + 500));
    }
}

#[test]
fn part3_ten_thousand_push_messages_are_three_refreshes_and_one_a_minute() {
    let mut push = push();
    let mut refreshes = 0;
    // An hour, each refresh taking 100 ms.
    for step in 0..10_000 {
        let now = NOW + step * 360;
        push.on_message(at(now));
        if push.refresh_at() <= at(now) {
            refreshes += 1;
            push.on_token(at(now + 100));
        }
    }
    assert!((60..=63).contains(&refreshes), "{refreshes}");
}
