//! The rules for a refresh token that is presented.

use std::time::Duration;

use nolapse::wire::EndReason;

use crate::{Limits, MAX_FORKS, RefreshToken, RefreshTokenKey, SecretHash, Session, Timestamp};

/// Upper bound on successors derived for a replaced refresh token: about 1 ms. An older token within the grace is
/// [`Verdict::Superseded`].
const MAX_DERIVATIONS: u64 = 2_048;

/// How long a refresh token from before [`Session::renew`] is [`Verdict::Superseded`] rather than void: a repeat of a
/// refresh under way then has the new cookie.
const RENEWAL_WINDOW: Duration = Duration::from_secs(30);

/// The decision on a refresh token. The caller carries it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The newest token or a sibling of it, or one that is newer than the row, because the database lost what was written
    /// last: [`rotate`](Session::rotate) to this successor and return it.
    Rotate(RefreshToken),
    /// A token replaced within the grace, by a concurrent refresh or one whose response was lost: return the newest token
    /// again.
    Repeat(RefreshToken),
    /// A token replaced before the grace whose successors were never used, because the response was lost:
    /// [`fork`](Session::fork) to this sibling and return it. Another party that holds a copy gets another sibling, so that
    /// the first use of one reveals the use of the other.
    Fork(RefreshToken),
    /// A token replaced before the grace whose successor was used, or a dead sibling of a used one, which indicates a copy
    /// (RFC 9700 §4.14.2): end the session.
    Theft,
    /// A token from before a recent [`Session::renew`], a dead sibling within the grace, or a token thousands of rotations
    /// old within the grace: return no token; a repeat with the new cookie succeeds.
    Superseded,
    /// A token from before [`Session::renew`], which revoked all copies: refuse it; the session goes on.
    Void,
    /// The session reached a limit: end it, for this reason.
    LimitReached(EndReason),
    /// The session has already ended.
    Refuse(EndReason),
    /// The session never had this token.
    Unknown,
}

impl Session {
    /// Decides on `token`, presented at `now`, whose signature was verified: this server or another one issued it.
    ///
    /// `active_ago` is the client's declared time since the last activity; `None` declares none. A forged token never ends
    /// a session, because session ids are not secret.
    #[must_use]
    pub fn present(
        &self,
        now: Timestamp,
        token: &RefreshToken,
        active_ago: Option<Duration>,
        limits: &Limits,
        key: &RefreshTokenKey,
    ) -> Verdict {
        if token.session != self.id {
            return Verdict::Unknown;
        }
        let Some(age) = self.generation.checked_sub(token.generation) else {
            return self
                .ending(now, active_ago, limits)
                .unwrap_or_else(|| Verdict::Rotate(key.successor(token)));
        };
        if age == 0 && !self.living().any(|hash| hash == token.secret.hash()) {
            return Verdict::Unknown;
        }
        if let Some(end) = self.ending(now, active_ago, limits) {
            return end;
        }
        if let Some(renewed) = self.renewed
            && token.generation < renewed.generation
        {
            let recent = now <= renewed.at + RENEWAL_WINDOW;
            return if recent {
                Verdict::Superseded
            } else {
                Verdict::Void
            };
        }
        if age == 0 {
            Verdict::Rotate(key.successor(token))
        } else if self.is_within_grace(now, token, limits) {
            self.repeat(token, age, key)
        } else if age == 1 && key.is_predecessor(token, self.living()) {
            self.late_repeat(token, key)
        } else {
            Verdict::Theft
        }
    }

    /// Returns the hashes of the tokens that may be used next.
    fn living(&self) -> impl Iterator<Item = SecretHash> {
        self.siblings.iter().copied().chain([self.secret_hash])
    }

    /// Returns whether a replaced token is within the grace. Bound by time alone: any number of refreshes may overtake a
    /// late request.
    fn is_within_grace(&self, now: Timestamp, token: &RefreshToken, limits: &Limits) -> bool {
        let replaced = self
            .replaced
            .iter()
            .find(|replaced| (replaced.first..=replaced.last).contains(&token.generation));
        !limits.grace.is_zero()
            && replaced.is_some_and(|replaced| now <= replaced.at + limits.grace)
    }

    /// Decides on a token within the grace. One that does not lead to the newest is a dead sibling: a request that
    /// overlapped the use of another sibling.
    fn repeat(&self, token: &RefreshToken, age: u64, key: &RefreshTokenKey) -> Verdict {
        if age > MAX_DERIVATIONS {
            return Verdict::Superseded;
        }
        key.descendant(token, age, self.secret_hash)
            .map_or(Verdict::Superseded, Verdict::Repeat)
    }

    /// Decides on a token past the grace whose successors were never used.
    fn late_repeat(&self, token: &RefreshToken, key: &RefreshTokenKey) -> Verdict {
        let forks = u8::try_from(self.siblings.len()).unwrap_or(u8::MAX);
        if forks < MAX_FORKS {
            Verdict::Fork(key.sibling(token, forks + 1))
        } else {
            self.repeat(token, 1, key)
        }
    }

    fn ending(
        &self,
        now: Timestamp,
        active_ago: Option<Duration>,
        limits: &Limits,
    ) -> Option<Verdict> {
        if let Some(ended) = self.ended {
            return Some(Verdict::Refuse(ended.reason));
        }
        if now >= self.expires_at {
            return Some(Verdict::LimitReached(EndReason::Expired));
        }
        if now >= self.active_at(now, active_ago) + limits.idle {
            return Some(Verdict::LimitReached(EndReason::Idle));
        }
        None
    }

    /// Returns why the session has ended at `now`; `None` while it is live.
    #[must_use]
    pub fn ended_reason(&self, now: Timestamp, limits: &Limits) -> Option<EndReason> {
        match self.ending(now, None, limits) {
            Some(Verdict::Refuse(reason) | Verdict::LimitReached(reason)) => Some(reason),
            Some(
                Verdict::Rotate(_)
                | Verdict::Repeat(_)
                | Verdict::Fork(_)
                | Verdict::Theft
                | Verdict::Superseded
                | Verdict::Void
                | Verdict::Unknown,
            )
            | None => None,
        }
    }
}
