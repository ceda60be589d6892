//! What is at shard 0 alone: users and what belongs to them, keys, throttles, and what counts once.

use std::time::Duration;

use async_trait::async_trait;

use super::ShardedStore;
use crate::domain::{
    Applied, Authentication, Bucket, ContextStore, Note, NoteAdded, NoteId, NoteStore, Passkey,
    PasskeyAdded, PasskeyId, PasskeyName, PasskeyRemoved, PasskeyStore, RecoveryHash, Role,
    SealedKey, SessionId, SigningKeyStore, StoreResult, Throttles, Timestamp, Totp, TotpStep,
    TotpStore, User, UserId,
};

/// Implements methods of a trait by those of shard 0; `also` are others of the trait.
macro_rules! at_home {
    ($trait:ident { $(fn $name:ident($($given:ident: $type:ty),*) -> $result:ty;)* } $(also { $($other:tt)* })?) => {
        #[async_trait]
        impl $trait for ShardedStore {
            $(
                async fn $name(&self, $($given: $type),*) -> StoreResult<$result> {
                    self.set.home()?.$name($($given),*).await
                }
            )*
            $($($other)*)?
        }
    };
}

at_home!(ContextStore {
    fn role_within(user: UserId, context: &str) -> Option<Role>;
    fn set_role_within(user: UserId, context: &str, role: Option<Role>) -> Applied;
});

at_home!(NoteStore {
    fn notes_of(user: UserId) -> Vec<Note>;
    fn add_note(user: UserId, note: &Note, limit: u32) -> NoteAdded;
    fn delete_note(user: UserId, id: NoteId) -> Applied;
});

at_home!(PasskeyStore {
    fn passkeys_of(user: UserId) -> Vec<Passkey>;
    fn passkey(credential: &[u8]) -> Option<Passkey>;
    fn add_passkey(passkey: &Passkey, limit: u32) -> PasskeyAdded;
    fn add_user_with_passkey(user: &User, passkey: &Passkey) -> Applied;
    fn use_passkey(used: &Passkey) -> Applied;
    fn rename_passkey(user: UserId, id: PasskeyId, name: &PasskeyName) -> Applied;
    fn remove_passkey(user: UserId, id: PasskeyId, keep_one: bool) -> PasskeyRemoved;
    fn use_challenge(challenge: [u8; 16], by: [u8; 16], expires_at: Timestamp) -> Applied;
    fn prune_challenges(now: Timestamp, most: u32) -> u64;
} also {
    async fn set_authentication(
        &self,
        session: SessionId,
        authentication: &Authentication,
    ) -> StoreResult<Applied> {
        match self.set.of(session)? {
            Some(store) => store.set_authentication(session, authentication).await,
            None => Ok(Applied::No),
        }
    }
});

at_home!(SigningKeyStore {
    fn signing_keys() -> Vec<SealedKey>;
    fn add_signing_key(key: &SealedKey) -> Applied;
    fn replace_signing_keys(expected: &[SealedKey], successors: &[SealedKey]) -> Applied;
    fn drop_signing_keys_before(number: u64) -> ();
});

at_home!(Throttles {
    fn take_turns(now: Timestamp, buckets: &[Bucket]) -> Result<(), Duration>;
    fn return_turns(buckets: &[Bucket]) -> ();
    fn prune_throttles(now: Timestamp, most: u32) -> u64;
    fn bound_throttles(kept: u32) -> u64;
});

at_home!(TotpStore {
    fn totp(user: UserId) -> Option<Totp>;
    fn begin_totp(user: UserId, sealed: &[u8]) -> Applied;
    fn confirm_totp(user: UserId, sealed: &[u8], step: TotpStep, codes: &[RecoveryHash]) -> Applied;
    fn use_totp(user: UserId, step: TotpStep) -> Applied;
    fn reseal_totp(user: UserId, before: &[u8], sealed: &[u8]) -> Applied;
    fn use_recovery_code(user: UserId, code: RecoveryHash) -> Applied;
    fn replace_recovery_codes(user: UserId, codes: &[RecoveryHash]) -> Applied;
    fn remove_totp(user: UserId) -> Applied;
});
