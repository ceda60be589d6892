//! The proof of possession of a request (RFC 9449), and the refusals without a valid one.

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts},
};
use nolapse::wire::{EndReason, ErrorCode, PROOF_HEADER};

use super::{App, security_events::note};
use crate::{
    clock,
    domain::{Proof, SessionId, Timestamp, Unproven},
    problem::Problem,
    proof::{Refusal, Target},
};

/// Method and path of a request, which its proof is for.
#[derive(Clone, Debug)]
pub(super) struct ProofTarget {
    method: String,
    path: String,
}

impl ProofTarget {
    /// Reads those of a request.
    pub(super) fn of(request: &Request) -> Self {
        Self {
            method: request.method().as_str().to_owned(),
            path: request.uri().path().to_owned(),
        }
    }

    /// Reads those of a request without its body.
    pub(super) fn of_parts(parts: &Parts) -> Self {
        Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
        }
    }
}

/// The proof in the header `DPoP` of a request, verified; `None` if it has none.
pub(super) struct HeaderProof(pub(super) Option<Proof>);

impl FromRequestParts<App> for HeaderProof {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let target = ProofTarget::of_parts(parts);
        app.proof(&parts.headers, None, &target).map(Self)
    }
}

impl App {
    /// Verifies the proof of a request, which is in the header `DPoP` or in the body; `None` if it has none. A proof is judged
    /// whether it is needed or not: a client that sends one learns at sign-in that it would not be served later.
    pub(super) fn proof(
        &self,
        headers: &HeaderMap,
        in_body: Option<&str>,
        target: &ProofTarget,
    ) -> Result<Option<Proof>, Problem> {
        let mut sent = headers
            .get_all(HeaderName::from_static(PROOF_HEADER))
            .iter();
        let in_header = match sent.next().map(HeaderValue::to_str) {
            None => None,
            Some(Ok(text)) => Some(text),
            Some(Err(_)) => return Err(self.refuse(clock::now(), Refusal::Malformed)),
        };
        let text = match (in_header, in_body) {
            (None, None) => return Ok(None),
            (Some(text), None) | (None, Some(text)) if sent.next().is_none() => text,
            _ => return Err(Problem::invalid("there is more than one proof")),
        };
        let now = clock::now();
        let target = Target {
            method: &target.method,
            is_url: &|htu| self.is_own_url(htu, &target.path),
        };
        let verified = self.proofs.verify(now, text, &target);
        verified
            .map(Some)
            .map_err(|refusal| self.refuse(now, refusal))
    }

    /// Returns whether a URL without query and fragment is that of an endpoint, as a browser sees it: below the issuer, or
    /// below the origin of a page that it is proxied under.
    fn is_own_url(&self, url: &str, path: &str) -> bool {
        let Some((scheme, rest)) = url.split_once("://") else {
            return false;
        };
        let (authority, found) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
        let origin = format!("{scheme}://{authority}");
        let is_issuer = self.tokens.issuer.strip_prefix(&origin);
        let is_issuer = is_issuer.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let is_listed = || {
            let origin = HeaderValue::try_from(origin.as_str());
            origin.is_ok_and(|origin| self.settings.allowed_origins.matches(&origin))
        };
        let is_plain = !found.contains(['?', '#']);
        is_plain && found.ends_with(path) && (is_issuer || is_listed())
    }

    fn refuse(&self, now: Timestamp, refusal: Refusal) -> Problem {
        self.counters.count("proofs_refused");
        note(|subject| subject.reason = Some("invalid_proof"));
        match refusal {
            Refusal::Time | Refusal::Nonce => {
                let status = StatusCode::UNAUTHORIZED;
                let problem = Problem::new(status, ErrorCode::UseDpopNonce, refusal.text());
                problem.with_nonce(self.proofs.nonce(now))
            }
            Refusal::Malformed
            | Refusal::Type
            | Refusal::Algorithm
            | Refusal::Key
            | Refusal::Signature
            | Refusal::Method
            | Refusal::Url => invalid(refusal.text()),
        }
    }

    /// Returns the response to a request that does not prove that it has the key of its session. The session goes on, and so
    /// do its cookies.
    pub(super) fn unproven(&self, session: SessionId, why: Unproven) -> Problem {
        self.counters.count("proofs_refused");
        note(|subject| {
            subject.session = Some(session);
            subject.reason = Some(match why {
                Unproven::Missing => "no_proof",
                Unproven::OtherKey => "other_key",
                Unproven::Replayed | Unproven::TooMany => "proof_reuse",
                Unproven::NoCookie => "no_bound_cookie",
                Unproven::SkippedCookie => "skipped_bound_cookie",
                Unproven::UnusableCookie => "unusable_bound_cookie",
            });
        });
        match why {
            Unproven::Missing => invalid("the session is bound to a key; prove that you have it"),
            Unproven::OtherKey | Unproven::NoCookie => Problem::session_ended(EndReason::KeyLost),
            // Never a token, whoever says so; but the owner's browser tries again, and has the cookie then.
            Unproven::SkippedCookie => {
                Problem::unavailable("the browser could not refresh its bound cookie", 10)
            }
            Unproven::UnusableCookie => {
                Problem::unavailable("the bound cookie has expired; repeat the request", 1)
            }
            // Also of a request that the browser itself sent twice.
            Unproven::Replayed => invalid("the proof was used before; make another one")
                .with_nonce(self.proofs.nonce(clock::now())),
            Unproven::TooMany => {
                let text = "too many proofs at once";
                let status = StatusCode::TOO_MANY_REQUESTS;
                Problem::new(status, ErrorCode::TooManyRequests, text).retry_after(60)
            }
        }
    }
}

const fn invalid(text: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, ErrorCode::InvalidDpopProof, text)
}
