//! The HTTP contract between the SDK and an auth server, version 1: names only, no transport.
//!
//! Shared with the reference server, so that a path, a header or a code is spelled once.

/// The version of this contract, sent in [`VERSION_HEADER`] with each call to the auth server.
pub const VERSION: &str = "1";

/// The header that every cookie-authenticated call carries. A foreign page cannot send it without a
/// preflight, which the server refuses (RFC 10017 §6.1.3.3.2).
pub const VERSION_HEADER: &str = "nolapse-version";

/// The cookie that holds the refresh secret. The prefix keeps script and other hosts from setting it.
pub const COOKIE: &str = "__Host-Http-nolapse";

/// The cookie that holds an access token for servers that render pages, where the auth server sets one.
pub const PAGE_COOKIE: &str = "__Host-Http-nolapse-page";

/// Creates an account and signs it in: `POST`, JSON e-mail and password.
pub const SIGN_UP_PATH: &str = "/auth/sign-up";

/// Signs in: `POST`, JSON e-mail and password.
pub const SIGN_IN_PATH: &str = "/auth/sign-in";

/// The identity providers that users may sign in through: `GET`. What is of one is below it.
pub const PROVIDERS_PATH: &str = "/auth/providers";

/// Exchanges the cookie for an access token and a new cookie: `POST`.
pub const REFRESH_PATH: &str = "/auth/refresh";

/// Says whose session a browser's cookie is: `POST`, for servers alone. Changes nothing.
pub const SESSION_PATH: &str = "/auth/session";

/// Ends this session, or all sessions of its user: `POST`.
pub const SIGN_OUT_PATH: &str = "/auth/sign-out";

/// Tells a page that its session may have ended: `GET`, a stream of server-sent events.
pub const EVENTS_PATH: &str = "/auth/events";

/// Lists the user's sessions (`GET`); one of them below it is ended with `DELETE`.
pub const SESSIONS_PATH: &str = "/auth/sessions";

/// Streams revocations to servers, as Server-Sent Events: `GET`, with a secret of the auth server's.
pub const REVOCATIONS_PATH: &str = "/auth/revocations";

/// Gives the user another password and ends all their other sessions: `POST`, JSON.
pub const PASSWORD_PATH: &str = "/auth/password";

/// The public keys that sign access tokens, as a JWK Set (RFC 7517 §5): `GET`.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";

/// Issuer and keys, for libraries that are given the issuer alone (RFC 8414 §3): `GET`.
pub const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";

/// The most contexts of one refresh.
pub const MAX_CONTEXTS: usize = 16;

/// The longest name of a context, in bytes. Names are visible ASCII.
pub const MAX_CONTEXT_BYTES: usize = 100;

/// The largest answer to a refresh that a client reads, in bytes.
pub const MAX_TOKEN_RESPONSE_BYTES: usize = 64 * 1024;

macro_rules! spelled {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the spelling on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Reads the spelling on the wire; `None` where it is not of the closed list.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

spelled! {
    /// Why a client refreshes, told to the auth server as `reason`.
    RefreshReason {
        /// The timer of the background poller fired.
        Timer => "timer",
        /// The page was loaded and may have a session.
        Load => "load",
        /// A call needs a token and there is no usable one.
        Demand => "demand",
        /// An API refused a token that was valid by the clock.
        Rejected => "rejected",
        /// The app asked for it.
        Force => "force",
    }
}

spelled! {
    /// Whether the refreshing page can be seen, told to the auth server as `page`.
    PageVisibility {
        /// At least partly on screen.
        Visible => "visible",
        /// In the background.
        Hidden => "hidden",
    }
}

spelled! {
    /// Why a session ended, the `reason` beside the error `session_ended`.
    EndReason {
        /// The user signed out, here or on another tab or device.
        SignedOut => "signed_out",
        /// The session was revoked from elsewhere.
        Revoked => "revoked",
        /// The session reached its absolute limit.
        Expired => "expired",
        /// Nobody used the session for longer than its idle limit.
        Idle => "idle",
        /// A refresh secret was used after its successor was: theft is assumed.
        ReuseDetected => "reuse_detected",
        /// The user was disabled.
        UserDisabled => "user_disabled",
        /// The request carried no usable cookie: never set, cleared, or blocked by the browser.
        NoCookie => "no_cookie",
    }
}

spelled! {
    /// The `error` of an answer that is not a success.
    ErrorCode {
        /// 401: e-mail and password do not match an account; 403: the current password is another one.
        InvalidCredentials => "invalid_credentials",
        /// 401: the session is over; `reason` says why.
        SessionEnded => "session_ended",
        /// 401: the access token is missing, expired or not ours (RFC 6750 §3.1).
        InvalidToken => "invalid_token",
        /// 403: the access token does not allow this (RFC 6750 §3.1).
        InsufficientScope => "insufficient_scope",
        /// 401: the access token is too old for this action (RFC 9470 §3).
        InsufficientUserAuthentication => "insufficient_user_authentication",
        /// 400: the request is malformed.
        InvalidRequest => "invalid_request",
        /// 403: the request did not come from an allowed origin, or without the version header.
        ForbiddenOrigin => "forbidden_origin",
        /// 404: there is nothing at this path.
        NotFound => "not_found",
        /// 405: the path exists, the method does not.
        MethodNotAllowed => "method_not_allowed",
        /// 409: the account exists already.
        AccountExists => "account_exists",
        /// 409: there are as many of these as are allowed; delete some first.
        LimitReached => "limit_reached",
        /// 413: the body is larger than any valid one.
        PayloadTooLarge => "payload_too_large",
        /// 415: the body is not JSON.
        UnsupportedMediaType => "unsupported_media_type",
        /// 429: too many requests; `Retry-After` says when to come back.
        TooManyRequests => "too_many_requests",
        /// 503: the server cannot answer now; `Retry-After` says when to come back.
        Unavailable => "unavailable",
        /// 500: the server failed.
        Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back_as_itself() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.as_str()), Some(*reason));
        }
        for reason in RefreshReason::ALL {
            assert_eq!(RefreshReason::parse(reason.as_str()), Some(*reason));
        }
        for page in PageVisibility::ALL {
            assert_eq!(PageVisibility::parse(page.as_str()), Some(*page));
        }
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(code.as_str()), Some(*code));
        }
        assert_eq!(EndReason::parse("Revoked"), None);
    }
}
