//! Argon2id on blocking threads, with a bound on concurrent hashes.

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

/// Upper bound on concurrent hashes.
const MAX_CONCURRENT: usize = 2;
/// How long a hash may wait for a permit.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a hash was not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// No permit was free in time.
    Busy,
    /// Out of memory.
    Failed,
    /// The password is among the common ones, or close to one.
    Common,
}

/// The result of a verification.
#[derive(Debug)]
pub struct Checked {
    /// Whether the password matches the hash.
    pub matches: bool,
    /// A new hash, if the password matches and the stored hash costs less than the settings.
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
    /// Creates a hasher that uses `memory_kib` KiB for each hash.
    ///
    /// # Errors
    /// Fails if that is out of Argon2's bounds or of memory.
    pub fn new(memory_kib: u32) -> Result<Self, HashError> {
        let params = Params::new(memory_kib, 2, 1, None).map_err(|_| HashError::Failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // Fails early if there is too little memory.
        hash(&argon2, &[]).ok_or(HashError::Failed)?;
        Ok(Self {
            argon2,
            permits: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            queue: Arc::default(),
        })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// Fails if it is a common one, no permit is free in time, or memory is exhausted.
    pub async fn hash_new(&self, password: Password) -> Result<PasswordHash, HashError> {
        self.run(move |argon2| judged_hash(argon2, &password))
            .await?
    }

    /// Verifies the current password and hashes the new one, with one permit; `None` if the current one does not match.
    ///
    /// # Errors
    /// Fails if the new one is a common one, no permit is free in time, or memory is exhausted.
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

    /// Verifies a password against a hash; without a hash it does not match.
    ///
    /// The cost is the same in each case, the higher of the settings' and `costliest`, the highest cost of a stored hash: the
    /// time of a response reveals neither whether there is an account nor the age of its hash.
    ///
    /// # Errors
    /// Fails if no permit is free in time.
    pub async fn check(
        &self,
        password: Password,
        kept: Option<PasswordHash>,
        costliest: u64,
    ) -> Result<Checked, HashError> {
        let configured = cost(self.argon2.params());
        self.run(move |argon2| {
            let spent = kept.as_ref().map_or(0, PasswordHash::cost);
            let matches = kept.is_some_and(|kept| matches(argon2, &password, &kept));
            dummy_hash(argon2, configured.max(costliest).saturating_sub(spent));
            let renew = || hash(argon2, password.expose().as_bytes());
            let renewed = (matches && spent < configured).then(renew);
            Checked {
                matches,
                renewed: renewed.flatten(),
            }
        })
        .await
    }

    /// Returns the queue's measurements.
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

/// Returns the cost of a hash with these parameters, as [`PasswordHash::cost`] does.
fn cost(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// Computes and discards a hash of that cost.
fn dummy_hash(argon2: &Argon2<'_>, cost: u64) {
    let passes = argon2.params().t_cost();
    let memory = u32::try_from(cost / u64::from(passes)).unwrap_or(u32::MAX);
    // A difference below Argon2's minimum of memory is not measurable.
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
