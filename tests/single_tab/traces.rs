//! Goal: a trace shows each trigger, its attempt and its outcome.

use nolapse::core::{Effect, Event, Failure, Input, TraceEntry};

use crate::tab::{BEGIN, Tab};

/// The trace entry of the last input.
fn traced(tab: &Tab) -> Option<TraceEntry> {
    tab.effects.iter().find_map(|effect| {
        if let Effect::Emit(Event::Traced(entry)) = effect {
            Some(*entry)
        } else {
            None
        }
    })
}

#[test]
fn p31_a_step_says_what_happened_and_what_came_of_it_and_nothing_is_no_step() {
    let mut tab = Tab::signed_in(1);
    tab.ring(BEGIN + 10);
    assert_eq!(traced(&tab), None);

    tab.feed(Input::Malformed);
    let step = traced(&tab).expect("a step");
    assert_eq!((step.trigger, step.outcome), ("malformed", Some("ignored")));
    assert_eq!((step.status, step.attempt), ("signed_in", None));
    assert_eq!(step.at.as_millis(), BEGIN + 10);

    tab.refresh(true);
    let step = traced(&tab).expect("a step");
    assert_eq!((step.trigger, step.outcome), ("refresh_requested", None));
    assert_eq!(step.attempt, tab.wish());
    let attempt = tab.send();
    assert_eq!(traced(&tab).and_then(|step| step.attempt), Some(attempt));
    tab.fail(attempt, Failure::from_status(503, None));
    let step = traced(&tab).expect("a step");
    assert_eq!(
        (step.trigger, step.outcome),
        ("refresh_finished", Some("server_error"))
    );

    tab.sign_out(false);
    let step = traced(&tab).expect("a step");
    assert_eq!(
        (step.trigger, step.status),
        ("sign_out_requested", "signed_out")
    );
}
