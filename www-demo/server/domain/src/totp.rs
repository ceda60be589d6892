//! One-time passwords (TOTP, RFC 6238) and their recovery codes.

use std::fmt;

use async_trait::async_trait;

use crate::{Applied, StoreResult, Timestamp, UserId};

/// The seconds of a time step (RFC 6238 §4.1).
const STEP_SECONDS: u64 = 30;

/// How many steps before and after the current one are accepted: clocks differ, and typing takes time (RFC 6238 §5.2).
const LEEWAY_STEPS: u64 = 1;

/// The number of a time step: 30 s each, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotpStep(u64);

impl TotpStep {
    /// Creates a step from its number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns its number, the moving factor of HOTP (RFC 4226 §5.2).
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Returns the steps whose passwords are accepted at `now`, after the one that was used last.
    pub fn accepted(now: Timestamp, last: Option<Self>) -> impl Iterator<Item = Self> {
        let current = now.as_secs() / STEP_SECONDS;
        let steps = current.saturating_sub(LEEWAY_STEPS)..=current.saturating_add(LEEWAY_STEPS);
        steps.map(Self).filter(move |step| Some(*step) > last)
    }
}

/// The hash of a recovery code: SHA-256, as the code is random.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecoveryHash(pub [u8; 32]);

impl fmt::Debug for RecoveryHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecoveryHash(…)")
    }
}

/// A user's generator of one-time passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct Totp {
    /// The shared secret, encrypted.
    pub sealed: Vec<u8>,
    /// Whether the user has proved to have it: only then is it asked for.
    pub is_confirmed: bool,
    /// The step of the last password that was used.
    pub last_step: Option<TotpStep>,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

impl fmt::Debug for Totp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Totp(…)")
    }
}

/// The generators of one-time passwords, one a user, and recovery codes. Each method is one atomic step.
#[async_trait]
pub trait TotpStore: Send + Sync + 'static {
    /// Finds the generator of a user.
    async fn totp(&self, user: UserId) -> StoreResult<Option<Totp>>;

    /// Adds an unconfirmed generator, in place of an unconfirmed one. [`Applied::No`] if the user has a confirmed one.
    async fn begin_totp(&self, user: UserId, sealed: &[u8]) -> StoreResult<Applied>;

    /// Confirms the generator that has this secret, with the step of the password that proved it, and replaces the
    /// recovery codes. [`Applied::No`] if it is another one, or confirmed.
    async fn confirm_totp(
        &self,
        user: UserId,
        sealed: &[u8],
        step: TotpStep,
        codes: &[RecoveryHash],
    ) -> StoreResult<Applied>;

    /// Records that the password of a step was used. [`Applied::No`] if it, or a later one, has been: of any number of
    /// concurrent calls one is applied.
    async fn use_totp(&self, user: UserId, step: TotpStep) -> StoreResult<Applied>;

    /// Replaces the encrypted secret by the same one under another key.
    async fn reseal_totp(&self, user: UserId, before: &[u8], sealed: &[u8])
    -> StoreResult<Applied>;

    /// Uses a recovery code up. [`Applied::No`] if there is none with this hash.
    async fn use_recovery_code(&self, user: UserId, code: RecoveryHash) -> StoreResult<Applied>;

    /// Replaces the recovery codes. [`Applied::No`] if the user has no confirmed generator.
    async fn replace_recovery_codes(
        &self,
        user: UserId,
        codes: &[RecoveryHash],
    ) -> StoreResult<Applied>;

    /// Removes generator and recovery codes. [`Applied::No`] if there is none.
    async fn remove_totp(&self, user: UserId) -> StoreResult<Applied>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_before_the_current_one_and_the_next_are_accepted_after_the_last_that_was_used() {
        let now = Timestamp::from_millis(90_000);
        let accepted = |last: Option<u64>| -> Vec<u64> {
            let last = last.map(TotpStep::from_number);
            TotpStep::accepted(now, last)
                .map(TotpStep::number)
                .collect()
        };

        assert_eq!(accepted(None), [2, 3, 4]);
        assert_eq!(accepted(Some(2)), [3, 4]);
        assert_eq!(accepted(Some(3)), [4]);
        assert_eq!(accepted(Some(9)), [0; 0]);
    }
}
