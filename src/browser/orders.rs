//! Orders as a host reads them: a kind, whose it is, up to four numbers and a text.
//!
//! Several words are lines of one text, an absent one an empty line; an absent number is NaN.

use crate::core::{
    Answer, Effect, Event, FailureCause, Secret, SessionError, Source, Span, Status, TraceEntry,
    Version,
};
use crate::wire::{EndReason, RefreshReason};

use super::codes;

/// One order.
pub(super) struct Order {
    pub(super) kind: u32,
    pub(super) id: f64,
    pub(super) numbers: [f64; 4],
    pub(super) text: String,
}

impl Order {
    fn new(kind: u32, id: u64) -> Self {
        Self {
            kind,
            id: whole(id),
            numbers: [f64::NAN; 4],
            text: String::new(),
        }
    }

    /// Says which token is in use.
    pub(super) fn token(token: &Secret, version: Version) -> Self {
        Self::new(codes::SETTLE_TOKEN, 0)
            .number(whole(version.number()))
            .line(token.expose())
    }

    fn number(mut self, number: f64) -> Self {
        if let Some(free) = self.numbers.iter_mut().find(|number| number.is_nan()) {
            *free = number;
        }
        self
    }

    fn numbers(mut self, numbers: [f64; 4]) -> Self {
        self.numbers = numbers;
        self
    }

    fn line(mut self, line: &str) -> Self {
        self.text.push_str(line);
        self
    }

    fn lines(mut self, lines: &[&str]) -> Self {
        for (place, line) in lines.iter().enumerate() {
            if place > 0 {
                self.text.push('\n');
            }
            self.text.push_str(line);
        }
        self
    }
}

/// Writes an effect as an order.
pub(super) fn of(effect: Effect) -> Order {
    match effect {
        Effect::AcquireLock { attempt } => Order::new(codes::ACQUIRE_LOCK, attempt.0),
        Effect::ReleaseLock { attempt } => Order::new(codes::RELEASE_LOCK, attempt.0),
        Effect::SendRefresh {
            attempt,
            reason,
            page,
            active_ago,
        } => Order::new(codes::SEND_REFRESH, attempt.0)
            .number(active_ago.as_secs_f64())
            .lines(&[reason.as_str(), page.as_str()]),
        Effect::SendSignOut {
            attempt,
            everywhere,
        } => Order::new(codes::SEND_SIGN_OUT, attempt.0).number(flag(everywhere)),
        Effect::RunAdopt { attempt, request } => {
            Order::new(codes::RUN_ADOPT, attempt.0).number(whole(request.0))
        }
        Effect::Abort { attempt } => Order::new(codes::ABORT, attempt.0),
        Effect::Settle { request, answer } => {
            let order = match answer {
                Ok(Answer::Token { token, version }) => Order::token(&token, version),
                Ok(Answer::Adopted) => Order::new(codes::SETTLE_DONE, 0),
                Ok(Answer::SignedOut { server_told }) => {
                    Order::new(codes::SETTLE_DONE, 0).number(flag(server_told))
                }
                Err(error) => refusal(error),
            };
            Order {
                id: whole(request.0),
                ..order
            }
        }
        Effect::Broadcast(message) => Order::new(codes::BROADCAST, 0).line(&message.encode()),
        Effect::WriteMark(mark) => Order::new(codes::WRITE_MARK, 0).line(&mark.encode()),
        Effect::OpenChannel => Order::new(codes::OPEN_CHANNEL, 0),
        Effect::CloseChannel => Order::new(codes::CLOSE_CHANNEL, 0),
        Effect::Publish(status) => published(&status),
        Effect::Emit(event) => emitted(event),
    }
}

fn refusal(error: SessionError) -> Order {
    let (reason, failure, retry_in) = match error {
        SessionError::SignedOut { reason } => (reason, None, None),
        SessionError::Unreachable { cause, retry_in } => (None, Some(cause), Some(retry_in)),
        SessionError::Timeout { retry_in } => (None, Some(FailureCause::Timeout), Some(retry_in)),
        SessionError::Misconfigured { retry_in } => {
            (None, Some(FailureCause::Misconfigured), Some(retry_in))
        }
        SessionError::MinValidity
        | SessionError::Overloaded
        | SessionError::Closed
        | SessionError::NotAdoptable
        | SessionError::SignInThrew => (None, None, None),
    };
    Order::new(codes::SETTLE_ERROR, 0)
        .number(retry_in.map_or(f64::NAN, Span::as_secs_f64))
        .lines(&[error.code(), error.message(), word(reason), cause(failure)])
}

fn published(status: &Status) -> Order {
    let state = status.name();
    let order = Order::new(codes::STATUS, 0);
    match status {
        Status::Unknown { degraded } => order.lines(&[state, cause(*degraded)]),
        Status::SignedIn { session, degraded } => {
            order.lines(&[state, cause(*degraded), "", &session.id, &session.user])
        }
        Status::SignedOut {
            reason,
            server_told,
        } => order
            .number(flag(*server_told))
            .lines(&[state, "", word(*reason)]),
    }
}

fn emitted(event: Event) -> Order {
    match event {
        Event::Refreshed {
            reason,
            source,
            waiting,
            duration,
            expires_in,
            refresh_in,
        } => Order::new(codes::REFRESHED, 0)
            .numbers([
                whole(waiting as u64),
                millis(duration),
                expires_in.as_secs_f64(),
                refresh_in.as_secs_f64(),
            ])
            .lines(&[
                reason.map_or("", RefreshReason::as_str),
                match source {
                    Source::ThisTab => "this-tab",
                    Source::OtherTab => "other-tab",
                    Source::Adopted => "adopted",
                },
            ]),
        Event::RefreshFailed {
            reason,
            cause,
            http_status,
            duration,
            failures,
            retry_in,
        } => Order::new(codes::REFRESH_FAILURE, 0)
            .numbers([
                http_status.map_or(f64::NAN, f64::from),
                millis(duration),
                f64::from(failures),
                retry_in.as_secs_f64(),
            ])
            .lines(&[reason.as_str(), cause.as_str()]),
        Event::SignedOut { reason } => Order::new(codes::SIGNED_OUT, 0).line(reason.as_str()),
        Event::UserChanged { previous, user } => {
            Order::new(codes::USER_CHANGED, 0).lines(&[&previous, &user])
        }
        Event::Traced(entry) => traced(entry),
    }
}

fn traced(entry: TraceEntry) -> Order {
    Order::new(codes::TRACED, 0)
        .numbers([
            whole(entry.at.as_millis()),
            f64::from(entry.tab.0),
            entry.attempt.map_or(f64::NAN, |attempt| whole(attempt.0)),
            f64::NAN,
        ])
        .lines(&[
            entry.trigger,
            entry.status,
            entry.page.as_str(),
            entry.outcome.unwrap_or_default(),
        ])
}

fn word(reason: Option<EndReason>) -> &'static str {
    reason.map_or("", EndReason::as_str)
}

fn cause(cause: Option<FailureCause>) -> &'static str {
    cause.map_or("", FailureCause::as_str)
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn millis(duration: Span) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a page's life, and counts of its requests, are far below 2^53"
)]
pub(super) fn whole(number: u64) -> f64 {
    number as f64
}
