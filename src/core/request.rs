//! The retry rules of the fetch wrapper.

/// What to do with an API's response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterResponse {
    /// Return it to the caller.
    Return,
    /// Refresh the token and retry the request.
    RefreshAndRetry,
}

/// The number of the request's attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The first attempt.
    First,
    /// The retry.
    Retry,
}

/// Whether the request's body can be sent again, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The body can be sent again, or there is none.
    Replayable,
    /// The body was a stream that has been consumed.
    Spent,
}

/// The `WWW-Authenticate` challenge of a 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// No readable header: it is not sent, or not exposed to this origin (CORS).
    None,
    /// The token is rejected (`invalid_token`, RFC 6750 §3.1), or there is no error code.
    InvalidToken,
    /// Another token of the same session would not help: `insufficient_scope`, or
    /// `insufficient_user_authentication` (RFC 9470 §3), or another scheme than Bearer.
    Other,
}

impl Challenge {
    /// Parses the header's value.
    #[must_use]
    pub fn parse(header: Option<&str>) -> Self {
        let Some(header) = header else {
            return Self::None;
        };
        let Some(parameters) = after(header.as_bytes(), b"bearer") else {
            return Self::Other;
        };
        let Some(error) = after(parameters, b"error=") else {
            return Self::InvalidToken;
        };
        let code = error.strip_prefix(b"\"").unwrap_or(error);
        if code
            .get(..13)
            .is_some_and(|code| code.eq_ignore_ascii_case(b"invalid_token"))
        {
            Self::InvalidToken
        } else {
            Self::Other
        }
    }
}

/// Returns the text after `word`, ignoring ASCII case; `None` if it does not occur.
fn after<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let at = text
        .windows(word.len())
        .position(|window| window.eq_ignore_ascii_case(word))?;
    text.get(at + word.len()..)
}

/// Decides whether to retry: once, only for 401, only if another token may help and the body can be
/// sent again.
#[must_use]
pub const fn after_response(
    status: u16,
    attempt: Attempt,
    body: Body,
    challenge: Challenge,
) -> AfterResponse {
    match (status, attempt, body, challenge) {
        (401, Attempt::First, Body::Replayable, Challenge::None | Challenge::InvalidToken) => {
            AfterResponse::RefreshAndRetry
        }
        _ => AfterResponse::Return,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p23_only_a_first_401_that_another_token_may_mend_is_retried() {
        use AfterResponse::{RefreshAndRetry, Return};
        for (status, attempt, body, header, expected) in [
            (401, Attempt::First, Body::Replayable, None, RefreshAndRetry),
            (
                401,
                Attempt::First,
                Body::Replayable,
                Some("Bearer"),
                RefreshAndRetry,
            ),
            (
                401,
                Attempt::First,
                Body::Replayable,
                Some("Bearer error=\"invalid_token\""),
                RefreshAndRetry,
            ),
            (
                401,
                Attempt::First,
                Body::Replayable,
                Some("bearer realm=\"x\", error=invalid_token"),
                RefreshAndRetry,
            ),
            (
                401,
                Attempt::First,
                Body::Replayable,
                Some("Bearer error=\"insufficient_scope\""),
                Return,
            ),
            (
                401,
                Attempt::First,
                Body::Replayable,
                Some("Bearer error=\"insufficient_user_authentication\", max_age=\"5\""),
                Return,
            ),
            (
                401,
                Attempt::First,
                Body::Replayable,
                Some("Basic realm=\"x\""),
                Return,
            ),
            (401, Attempt::First, Body::Spent, None, Return),
            (401, Attempt::Retry, Body::Replayable, None, Return),
            (403, Attempt::First, Body::Replayable, None, Return),
            (200, Attempt::First, Body::Replayable, None, Return),
            (500, Attempt::First, Body::Replayable, None, Return),
        ] {
            let decided = after_response(status, attempt, body, Challenge::parse(header));
            assert_eq!(
                decided, expected,
                "{status} {attempt:?} {body:?} {header:?}"
            );
        }
    }
}
