//! Orders as a host reads them: a kind, whose it is, up to four numbers and a text.
//!
//! Several words are lines of one text, an absent one an empty line; an absent number is NaN.

use crate::core::{
    Answer, Effect, Event, FailureCause, RequestId, Secret, SessionError, Source, Span, Status,
    TraceEntry, Version,
};
use crate::wire::{EndReason, RefreshReason};

use super::codes;

/// A text: pushing a character takes code that encodes any.
const LINE_END: &str = "\n";

/// One order.
pub(super) struct Order {
    pub(super) kind: u32,
    pub(super) id: f64,
    pub(super) numbers: [f64; 4],
    pub(super) text: String,
    is_begun: bool,
}

impl Order {
    const fn new(kind: u32) -> Self {
        Self {
            kind,
            id: 0.0,
            numbers: [f64::NAN; 4],
            text: String::new(),
            is_begun: false,
        }
    }

    /// Says which token is in use.
    pub(super) fn token(token: &Secret, version: Version) -> Self {
        let mut order = Self::new(codes::SETTLE_TOKEN);
        order.write_token(token, version);
        order
    }

    fn write_token(&mut self, token: &Secret, version: Version) {
        self.number(whole(version.number()));
        self.line(token.expose());
    }

    /// Says whose it is.
    fn of(&mut self, kind: u32, id: u64) {
        self.kind = kind;
        self.id = whole(id);
    }

    fn number(&mut self, number: f64) {
        self.numbers[0] = number;
    }

    fn line(&mut self, line: &str) {
        if self.is_begun {
            self.text.push_str(LINE_END);
        }
        self.is_begun = true;
        self.text.push_str(line);
    }
}

/// Writes an effect as an order.
pub(super) fn of(effect: Effect) -> Order {
    let mut order = Order::new(codes::OPEN_CHANNEL);
    write(&mut order, effect);
    order
}

fn write(order: &mut Order, effect: Effect) {
    match effect {
        Effect::AcquireLock { attempt } => order.of(codes::ACQUIRE_LOCK, attempt.0),
        Effect::ReleaseLock { attempt } => order.of(codes::RELEASE_LOCK, attempt.0),
        Effect::SendRefresh {
            attempt,
            reason,
            page,
            active_ago,
        } => {
            order.of(codes::SEND_REFRESH, attempt.0);
            order.number(active_ago.as_secs_f64());
            order.line(reason.as_str());
            order.line(page.as_str());
        }
        Effect::SendSignOut {
            attempt,
            everywhere,
        } => {
            order.of(codes::SEND_SIGN_OUT, attempt.0);
            order.number(flag(everywhere));
        }
        Effect::RunAdopt { attempt, request } => {
            order.of(codes::RUN_ADOPT, attempt.0);
            order.number(whole(request.0));
        }
        Effect::Abort { attempt } => order.of(codes::ABORT, attempt.0),
        Effect::Settle { request, answer } => write_answer(order, request, answer),
        Effect::Broadcast(message) => {
            order.kind = codes::BROADCAST;
            order.text = message.encode();
        }
        Effect::WriteMark(mark) => {
            order.kind = codes::WRITE_MARK;
            order.text = mark.encode();
        }
        Effect::OpenChannel => order.kind = codes::OPEN_CHANNEL,
        Effect::CloseChannel => order.kind = codes::CLOSE_CHANNEL,
        Effect::Publish(status) => write_status(order, &status),
        Effect::Emit(event) => write_event(order, event),
    }
}

fn write_answer(order: &mut Order, request: RequestId, answer: Result<Answer, SessionError>) {
    order.of(codes::SETTLE_DONE, request.0);
    match answer {
        Ok(Answer::Token { token, version }) => {
            order.kind = codes::SETTLE_TOKEN;
            order.write_token(&token, version);
        }
        Ok(Answer::Adopted) => {}
        Ok(Answer::SignedOut { server_told }) => order.number(flag(server_told)),
        Err(error) => write_error(order, error),
    }
}

fn write_error(order: &mut Order, error: SessionError) {
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
    order.kind = codes::SETTLE_ERROR;
    order.number(retry_in.map_or(f64::NAN, Span::as_secs_f64));
    order.line(error.code());
    order.line(error.message());
    order.line(word(reason));
    order.line(cause(failure));
}

fn write_status(order: &mut Order, status: &Status) {
    order.kind = codes::STATUS;
    order.line(status.name());
    match status {
        Status::Unknown { degraded } => order.line(cause(*degraded)),
        Status::SignedIn { session, degraded } => {
            order.line(cause(*degraded));
            order.line("");
            order.line(&session.id);
            order.line(&session.user);
        }
        Status::SignedOut {
            reason,
            server_told,
        } => {
            order.number(flag(*server_told));
            order.line("");
            order.line(word(*reason));
        }
    }
}

fn write_event(order: &mut Order, event: Event) {
    match event {
        Event::Refreshed {
            reason,
            source,
            waiting,
            duration,
            expires_in,
            refresh_in,
        } => {
            order.kind = codes::REFRESHED;
            order.numbers = [
                whole(waiting as u64),
                duration.as_millis_f64(),
                expires_in.as_secs_f64(),
                refresh_in.as_secs_f64(),
            ];
            order.line(reason.map_or("", RefreshReason::as_str));
            order.line(match source {
                Source::ThisTab => "this-tab",
                Source::OtherTab => "other-tab",
                Source::Adopted => "adopted",
            });
        }
        Event::RefreshFailed {
            reason,
            cause,
            http_status,
            duration,
            failures,
            retry_in,
        } => {
            order.kind = codes::REFRESH_FAILURE;
            order.numbers = [
                http_status.map_or(f64::NAN, f64::from),
                duration.as_millis_f64(),
                f64::from(failures),
                retry_in.as_secs_f64(),
            ];
            order.line(reason.as_str());
            order.line(cause.as_str());
        }
        Event::SignedOut { reason } => {
            order.kind = codes::SIGNED_OUT;
            order.line(reason.as_str());
        }
        Event::UserChanged { previous, user } => {
            order.kind = codes::USER_CHANGED;
            order.line(&previous);
            order.line(&user);
        }
        Event::Traced(entry) => write_step(order, entry),
    }
}

fn write_step(order: &mut Order, entry: TraceEntry) {
    order.kind = codes::TRACED;
    order.numbers = [
        whole(entry.at.as_millis()),
        f64::from(entry.tab.0),
        entry.attempt.map_or(f64::NAN, |attempt| whole(attempt.0)),
        f64::NAN,
    ];
    order.line(entry.trigger);
    order.line(entry.status);
    order.line(entry.page.as_str());
    order.line(entry.outcome.unwrap_or_default());
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

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a page's life, and counts of its requests, are far below 2^53"
)]
pub(super) fn whole(number: u64) -> f64 {
    number as f64
}
