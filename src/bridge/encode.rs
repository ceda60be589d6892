//! Encodes effects as commands for the host: a kind, an id, up to four numbers and a text.
//!
//! Several strings are lines of one text, an absent one is an empty line; an absent number is NaN.

use crate::core::{
    Answer, CallerId, Effect, Event, FailureCause, Millis, Secret, SessionError, Source, Status,
    TraceEntry, Version,
};
use crate::wire::{EndReason, RefreshReason};

use super::codes;

/// A `str`: pushing a `char` would add the code that encodes any character.
const LINE_END: &str = "\n";

/// One command.
pub(super) struct Command {
    pub(super) kind: u32,
    pub(super) id: f64,
    pub(super) numbers: [f64; 4],
    pub(super) text: String,
    is_begun: bool,
}

impl Command {
    const fn new(kind: u32) -> Self {
        Self {
            kind,
            id: 0.0,
            numbers: [f64::NAN; 4],
            text: String::new(),
            is_begun: false,
        }
    }

    /// The command that makes a token the host's current one, with how long it can still be sent, and its age.
    pub(super) fn token(token: &Secret, version: Version, [left, age]: [Millis; 2]) -> Self {
        let mut command = Self::no_token(version);
        command.numbers[0] = left.as_millis_f64();
        command.numbers[1] = age.as_millis_f64();
        command.line(token.expose());
        command
    }

    /// The command that takes the current token from the host: no call can be sent with it now.
    pub(super) fn no_token(version: Version) -> Self {
        let mut command = Self::new(codes::TOKEN_CHANGED);
        command.id = whole(version.number());
        command
    }

    /// Sets the kind and the id.
    fn of(&mut self, kind: u32, id: u64) {
        self.kind = kind;
        self.id = whole(id);
    }

    fn number(&mut self, number: f64) {
        self.numbers[0] = number;
    }

    pub(super) fn line(&mut self, line: &str) {
        if self.is_begun {
            self.text.push_str(LINE_END);
        }
        self.is_begun = true;
        self.text.push_str(line);
    }
}

/// Encodes an effect as a command.
pub(super) fn of(effect: Effect) -> Command {
    let mut command = Command::new(codes::OPEN_CHANNEL);
    write(&mut command, effect);
    command
}

#[inline(never)]
fn write(command: &mut Command, effect: Effect) {
    match effect {
        Effect::AcquireLock { attempt } => command.of(codes::ACQUIRE_LOCK, attempt.0),
        Effect::ReleaseLock { attempt } => command.of(codes::RELEASE_LOCK, attempt.0),
        Effect::SendRefresh {
            attempt,
            reason,
            page,
            active_ago,
        } => {
            command.of(codes::SEND_REFRESH, attempt.0);
            command.number(active_ago.as_millis_f64());
            command.line(reason.as_str());
            command.line(page.as_str());
        }
        Effect::SendSignOut {
            attempt,
            everywhere,
        } => {
            command.of(codes::SEND_SIGN_OUT, attempt.0);
            command.number(flag(everywhere));
        }
        Effect::RunSignIn { attempt, caller } => {
            command.of(codes::RUN_SIGN_IN, attempt.0);
            command.number(whole(caller.0));
        }
        Effect::Abort { attempt } => command.of(codes::ABORT, attempt.0),
        Effect::Settle { caller, answer } => write_answer(command, caller, &answer),
        Effect::Broadcast(message) => {
            command.kind = codes::BROADCAST;
            command.text = message.encode();
        }
        Effect::WriteRecord(record) => {
            command.kind = codes::WRITE_RECORD;
            command.text = record.encode();
        }
        Effect::OpenChannel => command.kind = codes::OPEN_CHANNEL,
        Effect::CloseChannel => command.kind = codes::CLOSE_CHANNEL,
        Effect::OpenStream => command.kind = codes::OPEN_STREAM,
        Effect::CloseStream => command.kind = codes::CLOSE_STREAM,
        Effect::Publish(status) => write_status(command, &status),
        Effect::Emit(event) => write_event(command, event),
    }
}

fn write_answer(command: &mut Command, caller: CallerId, answer: &Result<Answer, SessionError>) {
    command.of(codes::SETTLE_DONE, caller.0);
    match answer {
        Ok(Answer::Token { .. }) => command.kind = codes::SETTLE_TOKEN,
        Ok(Answer::SignedIn) => {}
        Ok(Answer::SignedOut { server_notified }) => command.number(flag(*server_notified)),
        Err(error) => write_error(command, *error),
    }
}

fn write_error(command: &mut Command, error: SessionError) {
    let (reason, failure, retry_in) = match error {
        SessionError::SignedOut { reason } => (reason, None, None),
        SessionError::Unreachable { cause, retry_in } => (None, Some(cause), Some(retry_in)),
        SessionError::Timeout { retry_in } => (None, Some(FailureCause::Timeout), Some(retry_in)),
        SessionError::Misconfigured { retry_in } => {
            (None, Some(FailureCause::Misconfigured), Some(retry_in))
        }
        SessionError::MinValidity
        | SessionError::ContextRefused
        | SessionError::Overloaded
        | SessionError::Closed
        | SessionError::InvalidTokenResponse
        | SessionError::SignInThrew => (None, None, None),
    };
    command.kind = codes::SETTLE_ERROR;
    command.number(retry_in.map_or(f64::NAN, Millis::as_millis_f64));
    command.line(error.code());
    command.line(error.message());
    command.line(word(reason));
    command.line(cause(failure));
}

fn write_status(command: &mut Command, status: &Status) {
    command.kind = codes::STATUS;
    command.line(status.name());
    match status {
        Status::Unknown { failure } => command.line(cause(*failure)),
        Status::SignedIn { session, failure } => {
            command.line(cause(*failure));
            command.line("");
            command.line(&session.id);
            command.line(&session.user);
        }
        Status::SignedOut {
            reason,
            server_notified,
        } => {
            command.number(flag(*server_notified));
            command.line("");
            command.line(word(*reason));
        }
    }
}

#[inline(never)]
fn write_event(command: &mut Command, event: Event) {
    match event {
        Event::Refreshed {
            reason,
            source,
            waiting,
            duration,
            expires_in,
            refresh_in,
        } => {
            command.kind = codes::REFRESHED;
            command.numbers = [
                whole(waiting as u64),
                duration.as_millis_f64(),
                expires_in.as_secs_f64(),
                refresh_in.as_secs_f64(),
            ];
            command.line(reason.map_or("", RefreshReason::as_str));
            command.line(match source {
                Source::ThisTab => "this_tab",
                Source::OtherTab => "other_tab",
                Source::SignIn => "sign_in",
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
            command.kind = codes::REFRESH_FAILURE;
            command.numbers = [
                http_status.map_or(f64::NAN, f64::from),
                duration.as_millis_f64(),
                f64::from(failures),
                retry_in.as_millis_f64(),
            ];
            command.line(reason.as_str());
            command.line(cause.as_str());
        }
        Event::SignedOut { reason } => {
            command.kind = codes::SIGNED_OUT;
            command.line(reason.as_str());
        }
        Event::UserChanged { previous, user } => {
            command.kind = codes::USER_CHANGED;
            command.line(&previous);
            command.line(&user);
        }
        Event::Traced(entry) => write_step(command, entry),
    }
}

fn write_step(command: &mut Command, entry: TraceEntry) {
    command.kind = codes::TRACED;
    command.numbers = [
        whole(entry.at.as_millis()),
        f64::from(entry.tab.0),
        entry.attempt.map_or(f64::NAN, |attempt| whole(attempt.0)),
        f64::NAN,
    ];
    command.line(entry.trigger);
    command.line(entry.status);
    command.line(entry.page.as_str());
    command.line(entry.outcome.unwrap_or_default());
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
