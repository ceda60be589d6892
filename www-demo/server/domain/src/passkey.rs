//! Passkeys: the credentials of `WebAuthn` that a user signs in with.

use std::fmt;

use async_trait::async_trait;

use crate::{
    Applied, Authentication, AuthenticationMethod, PasskeyId, SessionId, StoreResult, Timestamp,
    User, UserId,
};

/// The longest name of a passkey, in characters.
const MAX_NAME_CHARS: usize = 100;

/// The name that a user gives a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyName(String);

impl PasskeyName {
    /// Parses a name; `None` if it is empty, has more than 100 characters, or control characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.chars().count() <= MAX_NAME_CHARS && !text.chars().any(char::is_control);
        let text = text.trim();
        (fits && !text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an authenticator has registered (`WebAuthn` Level 3 §4, "credential record").
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The credential's id, 1 to 1,023 bytes.
    pub id: Vec<u8>,
    /// The public key, as `COSE_Key` (RFC 9052 §7).
    pub public_key: Vec<u8>,
    /// The signature counter of the last use; 0 for an authenticator without one.
    pub counter: u32,
    /// Whether it may be synchronised between devices. Never changes.
    pub backup_eligible: bool,
    /// Whether it was, at the last use.
    pub backed_up: bool,
    /// How the browser may reach the authenticator, separated by blanks.
    pub transports: String,
}

impl Credential {
    /// Returns the methods of a sign-in with it (RFC 8176 §2): the authenticator has verified the user.
    #[must_use]
    pub const fn methods(&self) -> [AuthenticationMethod; 3] {
        let key = if self.backup_eligible {
            AuthenticationMethod::SoftwareKey
        } else {
            AuthenticationMethod::HardwareKey
        };
        [
            key,
            AuthenticationMethod::UserVerified,
            AuthenticationMethod::MultiFactor,
        ]
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential(…)")
    }
}

/// A user's passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// The row's id.
    pub id: PasskeyId,
    /// The user.
    pub user: UserId,
    /// The name that the user gave it.
    pub name: PasskeyName,
    /// What the authenticator has registered.
    pub credential: Credential,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Timestamp,
}

impl Passkey {
    /// Carries out a use of the passkey at `now`; `None`, without a change, if the counter did not grow, which tells of a
    /// copy of the authenticator (`WebAuthn` Level 3 §6.1.1).
    #[must_use]
    pub fn used(&self, now: Timestamp, counter: u32, backed_up: bool) -> Option<Self> {
        let has_none = counter == 0 && self.credential.counter == 0;
        if !has_none && counter <= self.credential.counter {
            return None;
        }
        let mut used = self.clone();
        used.credential.counter = counter;
        used.credential.backed_up = backed_up;
        used.last_used_at = now;
        Some(used)
    }
}

/// The outcome of adding a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyAdded {
    /// It was added.
    Yes,
    /// The user has as many passkeys as are allowed.
    LimitReached,
    /// There is a passkey with this credential.
    Exists,
    /// There is no such user.
    NoUser,
}

/// The outcome of removing a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyRemoved {
    /// It was removed.
    Yes,
    /// It is the user's last way to sign in.
    LastWayIn,
    /// The user has no such passkey.
    Missing,
}

/// Passkeys, used challenges and step-ups. Each method is one atomic step.
#[async_trait]
pub trait PasskeyStore: Send + Sync + 'static {
    /// Lists the passkeys of a user, oldest first.
    async fn passkeys_of(&self, user: UserId) -> StoreResult<Vec<Passkey>>;

    /// Finds the passkey with this credential's id.
    async fn passkey(&self, credential: &[u8]) -> StoreResult<Option<Passkey>>;

    /// Adds a passkey, unless the user has `limit`. Concurrent calls never exceed the limit.
    async fn add_passkey(&self, passkey: &Passkey, limit: u32) -> StoreResult<PasskeyAdded>;

    /// Adds a user and their first passkey, unless the address has an account or the credential exists.
    async fn add_user_with_passkey(&self, user: &User, passkey: &Passkey) -> StoreResult<Applied>;

    /// Writes counter, backup and time of a [use](Passkey::used). [`Applied::No`] if the passkey was removed, or used with
    /// this counter or a greater one meanwhile.
    async fn use_passkey(&self, used: &Passkey) -> StoreResult<Applied>;

    /// Renames a passkey of the user. [`Applied::No`] if there is none with this id.
    async fn rename_passkey(
        &self,
        user: UserId,
        id: PasskeyId,
        name: &PasskeyName,
    ) -> StoreResult<Applied>;

    /// Removes a passkey of the user; the last one only if `keep_one` is `false`. Concurrent calls never remove the last.
    async fn remove_passkey(
        &self,
        user: UserId,
        id: PasskeyId,
        keep_one: bool,
    ) -> StoreResult<PasskeyRemoved>;

    /// Records that a challenge was used, for the attempt `by`, until it expires. [`Applied::No`] if another attempt has
    /// used it.
    async fn use_challenge(
        &self,
        challenge: [u8; 16],
        by: [u8; 16],
        expires_at: Timestamp,
    ) -> StoreResult<Applied>;

    /// Deletes at most `most` used challenges that have expired; returns how many.
    async fn prune_challenges(&self, now: Timestamp, most: u32) -> StoreResult<u64>;

    /// Sets when and how the user of a live session was authenticated. [`Applied::No`] if it has ended.
    async fn set_authentication(
        &self,
        session: SessionId,
        authentication: &Authentication,
    ) -> StoreResult<Applied>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passkey(counter: u32) -> Passkey {
        Passkey {
            id: PasskeyId::from_bytes([1; 16]),
            user: UserId::from_bytes([2; 16]),
            name: PasskeyName::parse("a key").expect("a name"),
            credential: Credential {
                id: vec![1],
                public_key: vec![2],
                counter,
                backup_eligible: true,
                backed_up: false,
                transports: String::new(),
            },
            created_at: Timestamp::from_millis(1),
            last_used_at: Timestamp::from_millis(1),
        }
    }

    #[test]
    fn p55_a_counter_that_does_not_grow_is_refused_unless_there_is_none() {
        let now = Timestamp::from_millis(2);
        let used = |stored, counter| passkey(stored).used(now, counter, true).is_some();

        assert!(used(0, 0) && used(0, 1) && used(7, 8));
        assert!(!used(7, 7) && !used(7, 6) && !used(7, 0));
    }

    #[test]
    fn a_name_has_1_to_100_characters_and_no_control_characters() {
        assert_eq!(PasskeyName::parse(" ü ").expect("a name").as_str(), "ü");
        assert!(PasskeyName::parse(&"x".repeat(100)).is_some());
        for text in ["", " ", "a\nb", "a\0", &"x".repeat(101)] {
            assert!(PasskeyName::parse(text).is_none(), "{text:?}");
        }
    }
}
