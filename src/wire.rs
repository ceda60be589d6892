//! The HTTP contract between the SDK and an auth server, versions 1 and 2: names only, no transport.
//!
//! Shared with the reference server, so that a path, a header or a code is spelled once.

/// Version 1 of this contract, sent in [`VERSION_HEADER`].
pub const VERSION: &str = "1";

/// Version 2, the member `version` of a body of [`PLAIN_TYPE`]. A browser sends such a request to another origin without a
/// preflight, so that what protects it is its `Origin`.
pub const PLAIN_VERSION: &str = "2";

/// The media type of requests of version 2: JSON under a name that CORS lets pass (Fetch, "CORS-safelisted request-header").
pub const PLAIN_TYPE: &str = "text/plain";

/// The header of a proof of possession (RFC 9449 §4), for requests that can have one.
pub const PROOF_HEADER: &str = "dpop";

/// The header of a nonce for proofs (RFC 9449 §8), which is the member `dpop_nonce` of the body too.
pub const NONCE_HEADER: &str = "dpop-nonce";

/// The header that every cookie-authenticated call of version 1 carries. A foreign page cannot send it without a
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

/// Signs in with the second factor, after `POST` to [`SIGN_IN_PATH`]: `POST`, JSON ticket and code.
pub const TOTP_SIGN_IN_PATH: &str = "/auth/sign-in/totp";

/// Signs in with a passkey: `POST`, JSON credential. Options are issued below it.
pub const PASSKEY_SIGN_IN_PATH: &str = "/auth/passkeys/sign-in";

/// Creates an account with a passkey and signs it in: `POST`, JSON e-mail and credential. Options are issued below it.
pub const PASSKEY_SIGN_UP_PATH: &str = "/auth/passkeys/sign-up";

/// Lists the user's passkeys (`GET`) and adds one (`POST`); one of them below it is renamed (`POST`) or removed (`DELETE`).
pub const PASSKEYS_PATH: &str = "/auth/passkeys";

/// The user's one-time passwords: their state (`GET`), a new secret (`POST`), none any more (`DELETE`).
pub const TOTP_PATH: &str = "/auth/totp";

/// Authenticates the session's user again (RFC 9470): `POST`, JSON password, code or credential. Options are issued below it.
pub const STEP_UP_PATH: &str = "/auth/step-up";

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
        /// The browser no longer has the key that the session is bound to. The session itself goes on.
        KeyLost => "key_lost",
    }
}

spelled! {
    /// The `error` of an answer that is not a success.
    ErrorCode {
        /// 401: e-mail and password do not match an account; 403: the current password is another one.
        InvalidCredentials => "invalid_credentials",
        /// 401: the password is right, and a second factor is needed; `ticket` is for it.
        SecondFactorRequired => "second_factor_required",
        /// 401 and 403: the one-time password or recovery code is wrong, or was used.
        InvalidCode => "invalid_code",
        /// 401: no account has this passkey; it may have been removed.
        UnknownPasskey => "unknown_passkey",
        /// 401 and 403: the response of the authenticator is not valid here, or was used.
        PasskeyRefused => "passkey_refused",
        /// 401: the session is over; `reason` says why.
        SessionEnded => "session_ended",
        /// 401: the access token is missing, expired or not ours (RFC 6750 §3.1).
        InvalidToken => "invalid_token",
        /// 403: the access token does not allow this (RFC 6750 §3.1).
        InsufficientScope => "insufficient_scope",
        /// 401: the authentication is too old or too weak for this (RFC 9470 §3).
        InsufficientUserAuthentication => "insufficient_user_authentication",
        /// 401: the session is bound to a key, and the request has no valid proof of it (RFC 9449 §5).
        InvalidDpopProof => "invalid_dpop_proof",
        /// 401: the proof's time is not the server's; repeat it with the nonce of this answer (RFC 9449 §8).
        UseDpopNonce => "use_dpop_nonce",
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
        /// 409: there is a passkey with this credential.
        PasskeyExists => "passkey_exists",
        /// 409: it is the last way to sign in to the account.
        LastWayIn => "last_way_in",
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
