//! Decodes inputs from the host: a kind, an id, up to three numbers and a text, whose parts are its lines.

use crate::core::codec::FieldReader;
use crate::core::{
    AttemptId, CallerId, Failure, FailureCause, Grant, Input, Millis, PageChange, RawGrant,
    RefreshOutcome, SignInOutcome, SignOutOutcome, TabMessage, UnexpectedAnswer, Version,
};
use crate::wire::EndReason;

use super::codes;

/// Decodes an input; an unknown one is recorded in the trace and has no effect.
pub(super) fn decode_input(kind: u32, id: f64, numbers: [f64; 3], text: &str) -> Input {
    let [a, b, _] = numbers;
    let id = whole(id);
    let caller = CallerId(id);
    let flag = a > 0.0;
    let span = |seconds| Millis::from_secs_f64(seconds);
    match kind {
        codes::STARTED => Input::Started,
        codes::TOKEN_REQUESTED => Input::TokenRequested {
            caller,
            min_validity: span(a / 1_000.0).unwrap_or_default(),
            waits_out: b == 0.0,
            context: text.into(),
        },
        codes::REFRESH_REQUESTED => Input::RefreshRequested {
            caller,
            force: flag,
        },
        codes::TOKEN_REJECTED => Input::TokenRejected {
            caller,
            version: Version::heard(whole(a)).unwrap_or_default(),
            context: text.into(),
        },
        codes::CALLER_ABORTED => Input::CallerAborted { caller },
        codes::SIGN_IN_REQUESTED => Input::SignInRequested { caller },
        codes::TOKENS_PROVIDED => Input::TokensProvided {
            caller,
            outcome: read_grant(a, b, text).map_or(SignInOutcome::Unusable, SignInOutcome::Granted),
        },
        codes::SIGN_OUT_REQUESTED => Input::SignOutRequested {
            caller,
            everywhere: flag,
        },
        codes::TAB_MESSAGE_RECEIVED => {
            TabMessage::decode(text).map_or(Input::Malformed, Input::TabMessageReceived)
        }
        codes::STORAGE_CHANGED => Input::StorageChanged,
        codes::PUSH_RECEIVED => Input::PushReceived,
        codes::STREAM_ENDED => Input::StreamEnded { was_open: id > 0 },
        codes::PAGE_CHANGED => u32::try_from(id)
            .ok()
            .and_then(read_change)
            .map_or(Input::Malformed, Input::PageChanged),
        codes::CLOSED => Input::Closed,
        codes::ACTIVE => Input::Active,
        codes::DEADLINE_REACHED => Input::DeadlineReached,
        _ => decode_result(kind, AttemptId(id), numbers, text),
    }
}

/// Decodes the result of a request of this attempt.
fn decode_result(kind: u32, attempt: AttemptId, numbers: [f64; 3], text: &str) -> Input {
    let [a, b, c] = numbers;
    let retry_after = Millis::from_secs_f64(b);
    match kind {
        codes::SIGN_IN_FINISHED => Input::SignInFinished {
            attempt,
            outcome: read_grant(a, b, text).map_or(SignInOutcome::Unusable, SignInOutcome::Granted),
        },
        codes::SIGN_IN_THREW => Input::SignInFinished {
            attempt,
            outcome: SignInOutcome::Threw,
        },
        codes::SIGN_OUT_NOTIFIED => Input::SignOutFinished {
            attempt,
            outcome: SignOutOutcome::Notified,
        },
        codes::SIGN_OUT_FAILED => Input::SignOutFinished {
            attempt,
            outcome: SignOutOutcome::Failed(read_failure(a, retry_after, text)),
        },
        codes::LOCK_GRANTED => Input::LockGranted { attempt },
        codes::LOCK_FAILED => Input::LockFailed { attempt },
        codes::REFRESH_GRANTED => Input::RefreshFinished {
            attempt,
            outcome: match read_grant(a, b, text) {
                Ok(grant) => RefreshOutcome::Granted(grant),
                Err(detail) => RefreshOutcome::Failed(unexpected(c, detail)),
            },
        },
        codes::REFRESH_ENDED => Input::RefreshFinished {
            attempt,
            outcome: match EndReason::parse(text) {
                Some(reason) => RefreshOutcome::Ended(reason),
                // The app's own function may omit the reason; the protocol requires one of an endpoint.
                None if a > 0.0 => RefreshOutcome::Failed(Failure::from_status(status(a), None)),
                None => RefreshOutcome::Ended(EndReason::Expired),
            },
        },
        codes::REFRESH_FAILED => Input::RefreshFinished {
            attempt,
            outcome: RefreshOutcome::Failed(read_failure(a, retry_after, text)),
        },
        _ => Input::Malformed,
    }
}

fn read_change(number: u32) -> Option<PageChange> {
    Some(match number {
        codes::VISIBLE => PageChange::Visible,
        codes::HIDDEN => PageChange::Hidden,
        codes::FROZEN => PageChange::Frozen,
        codes::RESUMED => PageChange::Resumed,
        codes::LEFT => PageChange::Left,
        codes::RETURNED => PageChange::Returned,
        codes::ONLINE => PageChange::Online,
        codes::OFFLINE => PageChange::Offline,
        _ => return None,
    })
}

/// Reads a token response: lifetime and refresh time in seconds (NaN if absent); the token, its type, the session id, the
/// user id and the user's JSON, which is empty if the response is no object.
fn read_grant(lifetime: f64, refresh_in: f64, text: &str) -> Result<Grant, UnexpectedAnswer> {
    let mut lines = FieldReader::new(text, b'\n');
    let (token, kind) = (lines.field(), lines.field());
    let (id, user_id, user) = (lines.field(), lines.field(), lines.remaining());
    if user.is_empty() {
        return Err(UnexpectedAnswer::NotJson);
    }
    Grant::check(&RawGrant {
        access_token: Some(token),
        token_type: (!kind.is_empty()).then_some(kind),
        expires_in: Some(lifetime),
        claimed_life: None,
        refresh_in: Some(refresh_in),
        session_id: id,
        user_id,
        user,
    })
}

/// Reads a failure: its status (0 without a response), the `Retry-After` delay, and its cause if the status does not
/// determine it.
fn read_failure(http_status: f64, retry_after: Option<Millis>, cause: &str) -> Failure {
    match FailureCause::parse(cause) {
        Some(cause) => Failure::new(cause),
        None if cause == UnexpectedAnswer::TooLarge.as_str() => {
            unexpected(http_status, UnexpectedAnswer::TooLarge)
        }
        None => Failure::from_status(status(http_status), retry_after),
    }
}

#[inline(never)]
fn unexpected(http_status: f64, detail: UnexpectedAnswer) -> Failure {
    Failure {
        detail: Some(detail),
        http_status: (http_status > 0.0).then(|| status(http_status)),
        ..Failure::new(FailureCause::UnexpectedAnswer)
    }
}

fn status(number: f64) -> u16 {
    u16::try_from(whole(number)).unwrap_or(u16::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and hosts count from zero, far below 2^53"
)]
fn whole(number: f64) -> u64 {
    number as u64
}
