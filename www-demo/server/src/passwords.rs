//! Argon2id, away from the runtime's threads and never more at once than the machine can bear.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Salt, SaltString},
};
use tokio::sync::Semaphore;

use crate::{
    clock,
    common_passwords::is_common,
    domain::{Password, PasswordHash},
    hash_queue::HashQueue,
};

/// How many hashes are computed at once.
const MAX_CONCURRENT: usize = 2;
/// How long a hash may wait for its turn.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why no hash was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// Too many others wait.
    Busy,
    /// The machine has no memory for it.
    Failed,
    /// The password is among the common ones, or close to one.
    Common,
}

/// What came of checking a password.
#[derive(Debug)]
pub struct Checked {
    /// Whether it is the right one.
    pub matches: bool,
    /// Another hash of it, where it matches and the kept hash costs less than the settings ask.
    pub renewed: Option<PasswordHash>,
}

/// Hashes and checks passwords (RFC 9106, two passes, one lane).
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    queue: Arc<HashQueue>,
}

impl Passwords {
    /// Makes a hasher that takes `memory_kib` for each hash.
    ///
    /// # Errors
    /// Fails where that is out of Argon2's bounds or of memory.
    pub fn new(memory_kib: u32) -> Result<Self, HashError> {
        let params = Params::new(memory_kib, 2, 1, None).map_err(|_| HashError::Failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // Finds out now whether there is memory for it.
        hash(&argon2, &[]).ok_or(HashError::Failed)?;
        Ok(Self {
            argon2,
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            queue: Arc::default(),
        })
    }

    /// Judges a password that is to be, and hashes it, in one turn.
    ///
    /// # Errors
    /// Fails where it is a common one, too many wait, or no memory is left.
    pub async fn hash_new(&self, password: Password) -> Result<PasswordHash, HashError> {
        self.run(move |argon2| judged_hash(argon2, &password))
            .await?
    }

    /// Judges a password that is to be, checks the current one, and hashes the new one, in one turn; `None`
    /// where the current one is another.
    ///
    /// # Errors
    /// Fails where the new one is a common one, too many wait, or no memory is left.
    pub async fn replace(
        &self,
        current: Password,
        kept: PasswordHash,
        new: Password,
    ) -> Result<Option<PasswordHash>, HashError> {
        let work = move |argon2: &Argon2<'static>| {
            if is_common(&new) {
                return Err(HashError::Common);
            }
            if !matches(argon2, &current, &kept) {
                return Ok(None);
            }
            let hashed = hash(argon2, new.expose().as_bytes());
            hashed.ok_or(HashError::Failed).map(Some)
        };
        self.run(work).await?
    }

    /// Says whether the password is the one of the hash; without a hash, says no.
    ///
    /// It costs the same in each case: what the settings ask or `costliest`, the highest cost of any kept hash,
    /// whichever is more. So the time of an answer tells neither whether there is an account nor how old its hash is.
    ///
    /// # Errors
    /// Fails where too many wait.
    pub async fn check(
        &self,
        password: Password,
        kept: Option<PasswordHash>,
        costliest: u64,
    ) -> Result<Checked, HashError> {
        let asked = cost(self.argon2.params());
        self.run(move |argon2| {
            let spent = kept.as_ref().map_or(0, PasswordHash::cost);
            let matches = kept.is_some_and(|kept| matches(argon2, &password, &kept));
            dummy_hash(argon2, asked.max(costliest).saturating_sub(spent));
            let renew = || hash(argon2, password.expose().as_bytes());
            let renewed = (matches && spent < asked).then(renew);
            Checked {
                matches,
                renewed: renewed.flatten(),
            }
        })
        .await
    }

    /// Returns what is measured of the queue.
    pub(crate) fn queue(&self) -> &HashQueue {
        &self.queue
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let waiting = self.queue.enter();
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(PERMIT_TIMEOUT, permit).await;
        let Ok(Ok(permit)) = permit else {
            self.queue.refuse();
            return Err(HashError::Busy);
        };
        let running = waiting.begin();
        let argon2 = self.argon2.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = (permit, running);
            work(&argon2)
        });
        done.await.map_err(|_| HashError::Failed)
    }
}

/// Returns what a hash with these parameters costs, as [`PasswordHash::cost`] does.
fn cost(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// Does as much work as a hash of that cost, to no end.
fn dummy_hash(argon2: &Argon2<'_>, cost: u64) {
    let passes = argon2.params().t_cost();
    let memory = u32::try_from(cost / u64::from(passes)).unwrap_or(u32::MAX);
    // Below Argon2's least memory nothing is left to hide.
    let Ok(params) = Params::new(memory, passes, 1, None) else {
        return;
    };
    let dummy = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = [0; 32];
    if dummy.hash_password_into(b"", &[0; 16], &mut out).is_err() {
        tracing::warn!("there was no memory for a dummy hash");
    }
}

fn judged_hash(argon2: &Argon2<'_>, password: &Password) -> Result<PasswordHash, HashError> {
    if is_common(password) {
        return Err(HashError::Common);
    }
    hash(argon2, password.expose().as_bytes()).ok_or(HashError::Failed)
}

fn matches(argon2: &Argon2<'_>, password: &Password, kept: &PasswordHash) -> bool {
    let parsed = argon2::PasswordHash::new(kept.expose());
    let password = password.expose().as_bytes();
    parsed.is_ok_and(|parsed| argon2.verify_password(password, &parsed).is_ok())
}

fn hash(argon2: &Argon2<'_>, password: &[u8]) -> Option<PasswordHash> {
    let salt = clock::random::<{ Salt::RECOMMENDED_LENGTH }>();
    let salt = SaltString::encode_b64(&salt).ok()?;
    let hashed = argon2.hash_password(password, &salt).ok()?;
    Some(PasswordHash::from_text(hashed.to_string()))
}
