//! Goal: a tab applies the back-off and the session of the stored record, unless the record's version is lower than its own.
//!
//! Promises P10 and P19, for single records.

use nolapse::core::{
    Failure, FailureCause, Input, PersistedBackoff, Status, StorageRecord, StoredState, WallTime,
};

use crate::tab::{Tab, grant, nth_version, signed_in_record};

/// A stored record of this session, `ahead` versions above the tab's, with a back-off if `has_backoff`.
fn stored(tab: &Tab, ahead: i64, has_backoff: bool) -> StoredState {
    stored_with(tab, ahead, has_backoff, grant().session.fingerprint())
}

fn stored_with(tab: &Tab, ahead: i64, has_backoff: bool, fingerprint: u32) -> StoredState {
    let version = tab.version().number().saturating_add_signed(ahead);
    let later = WallTime::from_millis(tab.wall().as_millis() + 30_000);
    StoredState::Record(StorageRecord {
        backoff: has_backoff.then_some(PersistedBackoff {
            cause: FailureCause::ServerError,
            failures: 2,
            since: tab.wall(),
            until: later,
            server_requested: false,
            resets_at: tab.wall(),
        }),
        ..signed_in_record(nth_version(version), later, fingerprint)
    })
}

fn is_degraded(tab: &Tab) -> bool {
    matches!(
        tab.core.status(),
        Status::SignedIn {
            failure: Some(_),
            ..
        }
    )
}

fn well() -> Tab {
    let mut tab = Tab::open(1, StoredState::Empty);
    tab.adopt(grant());
    tab.adopt(grant());
    tab.now += 20_000;
    tab
}

#[test]
fn the_back_off_of_a_record_that_is_not_behind_is_applied() {
    for (ahead, heard) in [(-1, false), (0, true), (1, true)] {
        let mut tab = well();
        tab.stored = stored(&tab, ahead, true);

        tab.feed(Input::StorageChanged);

        assert_eq!(is_degraded(&tab), heard, "{ahead}");
    }
}

#[test]
fn a_record_that_is_ahead_without_a_back_off_ends_the_tabs_own() {
    for (ahead, ends) in [(-1, false), (0, false), (1, true)] {
        let mut tab = well();
        tab.refresh(true);
        let attempt = tab.send();
        tab.fail(attempt, Failure::from_status(503, None));
        assert!(is_degraded(&tab));
        tab.stored = stored(&tab, ahead, false);

        tab.feed(Input::StorageChanged);

        assert_eq!(is_degraded(&tab), !ends, "{ahead}");
    }
}

#[test]
fn p19_a_record_that_is_ahead_and_has_another_session_ends_the_use_of_this_ones_token() {
    let own = grant().session.fingerprint();
    for (ahead, fingerprint, stays) in [
        (-1, own ^ 1, true),
        (0, own ^ 1, true),
        (1, own, true),
        (1, own ^ 1, false),
    ] {
        let mut tab = well();
        tab.stored = stored_with(&tab, ahead, false, fingerprint);

        tab.feed(Input::StorageChanged);

        assert_eq!(tab.token().is_some(), stays, "{ahead} {fingerprint}");
    }
}
