//! Goal: each caller is settled once, in order of arrival, by what it needs.

use crate::wire::EndReason;

use super::super::effect::Effect;
use super::super::ids::Version;
use super::*;

const NOW: Timestamp = Timestamp::from_millis(100_000);
const CALL_DEADLINE: Millis = Millis::from_secs(25);
const PLAIN: Need = Need::Token {
    min_validity: Millis::ZERO,
    asked: NOW,
    waits_out: true,
};
const ENDED: SessionError = SessionError::SignedOut {
    reason: Some(EndReason::Revoked),
};

/// One caller of each kind: a token, a rejected one, a forced one, a sign-in and a sign-out.
fn five() -> (Callers, Effects) {
    let mut callers = Callers::new(CALL_DEADLINE);
    let mut effects = Effects::new();
    let than = Version::default();
    let needs = [
        PLAIN,
        Need::Replaced { than },
        Need::Forced { asked: NOW, than },
    ];
    for (id, need) in (1..).map(CallerId).zip(needs) {
        callers.on_token_requested(NOW, id, need, Rc::default(), Offer::Nothing, &mut effects);
    }
    callers.on_sign_in_requested(CallerId(4));
    callers.on_sign_out_requested(CallerId(5));
    (callers, effects)
}

/// The callers that were settled, and whether with an error.
fn settled(effects: &mut Effects) -> Vec<(u64, bool)> {
    let taken = effects.take();
    let settled = taken.iter().filter_map(|effect| {
        if let Effect::Settle { caller, answer } = effect {
            Some((caller.0, answer.is_err()))
        } else {
            None
        }
    });
    settled.collect()
}

#[test]
fn the_most_urgent_caller_of_a_token_is_the_reason_of_a_refresh() {
    let (mut callers, mut effects) = five();
    assert!(effects.take().is_empty());
    assert_eq!(callers.len(), 3);
    let reasons = [
        (3, RefreshReason::Force),
        (2, RefreshReason::Rejected),
        (1, RefreshReason::Demand),
    ];
    for (id, reason) in reasons {
        assert_eq!(callers.reason(), Some(reason));
        callers.on_aborted(CallerId(id));
    }
    assert!(callers.is_empty() && callers.reason().is_none() && callers.deadline().is_none());
}

#[test]
fn the_end_of_a_session_rejects_callers_of_a_token_alone() {
    let (mut callers, mut effects) = five();
    callers.on_ended(ENDED, &mut effects);
    assert_eq!(settled(&mut effects), [(1, true), (2, true), (3, true)]);

    callers.on_sign_out_settled(true, &mut effects);
    assert_eq!(settled(&mut effects), [(5, false)]);
    assert_eq!(callers.next_sign_in(), Some(CallerId(4)));
}

#[test]
fn closing_rejects_all_of_them_in_order_of_arrival() {
    let (mut callers, mut effects) = five();
    callers.on_closed(&mut effects);
    let all = [(1, true), (2, true), (3, true), (4, true), (5, true)];
    assert_eq!(settled(&mut effects), all);
    callers.on_closed(&mut effects);
    assert!(settled(&mut effects).is_empty());
}

#[test]
fn a_caller_waits_until_its_deadline_and_longer_after_a_suspension() {
    let (mut callers, mut effects) = five();
    let deadline = NOW + CALL_DEADLINE;
    assert_eq!(callers.deadline(), Some((deadline, "callers")));
    let before = deadline.before(Millis::from_millis(1));
    callers.on_deadline(before, None, &mut effects);
    assert!(settled(&mut effects).is_empty());

    callers.on_resumed(before);
    callers.on_deadline(deadline, None, &mut effects);
    assert!(settled(&mut effects).is_empty());
    callers.on_deadline(before + CALL_DEADLINE, None, &mut effects);
    assert_eq!(settled(&mut effects).len(), 3);
    assert!(callers.next_sign_in().is_some());
}

#[test]
fn in_a_back_off_those_with_a_token_who_want_a_new_one_are_told() {
    let (mut callers, mut effects) = five();
    let never = Timestamp::default();
    callers.on_backoff(ENDED, never, false, &mut effects);
    assert!(settled(&mut effects).is_empty());

    callers.on_backoff(ENDED, never, true, &mut effects);
    assert_eq!(settled(&mut effects), [(3, true)]);
    callers.on_backoff(ENDED, NOW + CALL_DEADLINE * 2, false, &mut effects);
    assert_eq!(settled(&mut effects), [(1, true), (2, true)]);
}

#[test]
fn a_sign_in_is_found_by_its_attempt_and_cannot_be_aborted() {
    let (mut callers, _) = five();
    let attempt = AttemptId(9);
    callers.on_sign_in_requested(CallerId(6));
    callers.on_aborted(CallerId(4));
    assert!(callers.on_sign_in_finished(attempt).is_none());

    callers.on_sign_in_started(CallerId(4), attempt, NOW);

    assert_eq!(callers.next_sign_in(), Some(CallerId(6)));
    let finished = callers.on_sign_in_finished(attempt);
    assert_eq!(finished, Some((CallerId(4), NOW)));
    assert!(callers.on_sign_in_finished(attempt).is_none());
}

#[test]
fn more_callers_than_any_app_has_are_rejected() {
    let mut callers = Callers::new(CALL_DEADLINE);
    let mut effects = Effects::new();
    for id in 0..10_001 {
        callers.on_token_requested(
            NOW,
            CallerId(id),
            PLAIN,
            Rc::default(),
            Offer::Nothing,
            &mut effects,
        );
    }
    assert_eq!(settled(&mut effects), [(10_000, true)]);
}

#[test]
fn refreshes_for_rejected_tokens_are_limited_to_ten_at_once() {
    let mut callers = Callers::new(CALL_DEADLINE);
    for _ in 0..10 {
        assert_eq!(callers.limit_refresh(NOW, RefreshReason::Rejected), None);
    }
    let retry_in = Millis::from_secs(10);
    assert_eq!(
        callers.limit_refresh(NOW, RefreshReason::Rejected),
        Some(retry_in)
    );
}

#[test]
fn line04_a_caller_that_does_not_wait_out_a_back_off_is_rejected_when_one_begins() {
    let (mut callers, mut effects) = five();
    let need = Need::Token {
        min_validity: Millis::ZERO,
        asked: NOW,
        waits_out: false,
    };
    callers.on_token_requested(
        NOW,
        CallerId(6),
        need,
        Rc::default(),
        Offer::Nothing,
        &mut effects,
    );
    assert_eq!(callers.len(), 4);

    callers.on_backoff(ENDED, Timestamp::default(), false, &mut effects);

    assert_eq!(settled(&mut effects), [(6, true)]);
    assert_eq!(callers.len(), 3);
}
