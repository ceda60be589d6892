//! `keys …`: lists, rotates, revokes and replaces keys.

use std::{sync::Arc, time::Duration};

use nolapse_server::{
    clock,
    config::Config,
    domain::Store,
    keys::{self, Rotated},
    serve, verifier,
};
use serde_json::json;

use super::{Failure, Refused, print};

/// What to do with keys.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyCommand {
    List,
    Rotate,
    Revoke(String),
    AddSecrets,
    ActivateSecrets,
    RotateSecrets,
    RevokeSecrets(Option<String>),
    Reset { is_forced: bool },
}

impl KeyCommand {
    /// Reads the words after `keys`.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        match words {
            ["list"] => Some(Self::List),
            ["rotate"] => Some(Self::Rotate),
            ["revoke"] => Some(Self::Revoke("current".to_owned())),
            ["revoke", key] => Some(Self::Revoke((*key).to_owned())),
            ["add-secrets"] => Some(Self::AddSecrets),
            ["activate-secrets"] => Some(Self::ActivateSecrets),
            ["rotate-secrets"] => Some(Self::RotateSecrets),
            ["revoke-secrets"] => Some(Self::RevokeSecrets(None)),
            ["revoke-secrets", id] => Some(Self::RevokeSecrets(Some((*id).to_owned()))),
            ["reset"] => Some(Self::Reset { is_forced: false }),
            ["reset", "--yes"] => Some(Self::Reset { is_forced: true }),
            _ => None,
        }
    }

    /// Runs the command, and prints the result and its consequences.
    pub(crate) async fn run(self, config: &Config, store: Arc<dyn Store>) -> Result<(), Failure> {
        if let Self::Reset { is_forced } = self {
            return reset(config, store, is_forced).await;
        }
        let ring = serve::open_keys(config, store).await?;
        match self {
            Self::List => list(&ring),
            Self::Rotate => match ring.rotate(clock::now()).await? {
                Rotated::Now => print(format!("{} signs now", ring.keys().current.id)),
                Rotated::TooEarly => Err(Refused(
                    "the next key has not been published for KEY_WAIT_SECONDS yet, so that \
                     some verifiers may not have it; try again later",
                )
                .into()),
            },
            Self::Revoke(key) => revoke(&ring, &key).await,
            Self::AddSecrets => {
                let id = ring.add_secrets(clock::now())?;
                print(format!(
                    "secrets {id} wait in {}; copy the file to every server, look there that \
                     keys list names them, and then run keys activate-secrets on one",
                    config.key_file.display()
                ))
            }
            Self::ActivateSecrets => activate(&ring).await,
            Self::RotateSecrets => {
                ring.add_secrets(clock::now())?;
                activate(&ring).await
            }
            Self::RevokeSecrets(id) => {
                let revoked = ring.revoke_secrets(id.as_deref()).await?;
                print(format!(
                    "secrets {} are gone from {}; copy the file to every server. Sessions that \
                     have not been refreshed since the others became active must sign in again",
                    revoked.join(", "),
                    config.key_file.display()
                ))
            }
            Self::Reset { .. } => Ok(()),
        }
    }
}

async fn revoke(ring: &keys::KeyRing, key: &str) -> Result<(), Failure> {
    let revoked = ring.revoke(clock::now(), key).await?;
    let signs = &ring.keys().current.id;
    print(format!(
        "{} ({}) is revoked: servers drop it within {}, and verifiers elsewhere within {} after \
         that, or as long as they cannot reach the key set, a day at most. Tokens that it signed \
         are refused from then on, and pages fetch new ones by themselves. {signs} signs",
        revoked.id,
        revoked.state,
        seconds(keys::MAINTAIN_INTERVAL),
        seconds(verifier::KEYS_CACHED_FOR),
    ))
}

async fn activate(ring: &keys::KeyRing) -> Result<(), Failure> {
    let id = ring.activate_secrets().await?;
    print(format!(
        "secrets {id} are active: servers seal cookies and signing keys with them within {}. \
         Cookies that older ones sealed are exchanged at their next refresh; where the older ones \
         leaked, run keys revoke-secrets",
        seconds(keys::MAINTAIN_INTERVAL)
    ))
}

async fn reset(config: &Config, store: Arc<dyn Store>, is_forced: bool) -> Result<(), Failure> {
    let done = keys::reset(
        clock::now(),
        store,
        &config.key_file,
        config.signing_algorithm,
        is_forced,
    )
    .await?;
    let file = config.key_file.display();
    if let Some(aside) = &done.moved_to {
        print(format!("what was {file} is now {}", aside.display()))?;
    }
    let consequence = if done.is_file_new {
        "Every refresh cookie and every token is worth nothing now: users sign in again. Copy the \
         file to every other server, and into your backup"
    } else {
        "Every token is worth nothing now; cookies that this file sealed go on"
    };
    print(format!(
        "{} signing keys were dropped, and new ones are sealed with {file}. {consequence}",
        done.dropped
    ))
}

fn list(ring: &keys::KeyRing) -> Result<(), Failure> {
    let age = |made_at| clock::now().since(made_at).as_secs();
    for key in ring.list_keys() {
        print(json!({
            "signing_key": key.id,
            "algorithm": key.algorithm.as_str(),
            "state": key.state,
            "made_at": key.made_at.as_millis(),
            "age_seconds": age(key.made_at),
        }))?;
    }
    for secrets in ring.list_secrets() {
        print(json!({
            "secrets": secrets.id,
            "state": secrets.state,
            "made_at": secrets.made_at.map(nolapse_server::domain::Timestamp::as_millis),
            "age_seconds": secrets.made_at.map(age),
        }))?;
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
