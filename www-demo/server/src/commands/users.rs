//! `nolapse-server users …`: accounts, by e-mail address or by the id that logs and tokens have.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use nolapse::wire::{EndReason, MAX_CONTEXT_BYTES};
use nolapse_server::{
    clock,
    config::Config,
    domain::{Applied, Email, Password, PasswordHash, Role, SessionService, Store, User, UserId},
    passwords::{HashError, Passwords},
    security_log::{self, SecurityLog},
    serve,
};
use serde_json::json;

use super::{Failure, Refused, Usage, print, terminal};

/// An operation on an account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UserCommand {
    Add,
    Show,
    SetRole(Role),
    /// Sets the role within a context; `None` removes it.
    SetRoleWithin(String, Option<Role>),
    ResetPassword,
    Disable,
    Enable,
    Delete {
        is_confirmed: bool,
    },
}

impl UserCommand {
    /// Parses the words after `users`: the command and the account.
    pub(super) fn parse(words: &[&str]) -> Result<(Self, String), Usage> {
        let (command, who) = match words {
            ["add", who] => (Self::Add, who),
            ["show", who] => (Self::Show, who),
            ["role", who, role] => {
                let role = Role::parse(role).ok_or(Usage("the role is member or admin"))?;
                (Self::SetRole(role), who)
            }
            ["context", who, context, role] => {
                let is_name = (1..=MAX_CONTEXT_BYTES).contains(&context.len())
                    && context.bytes().all(|byte| byte.is_ascii_graphic());
                let role = match *role {
                    "none" => None,
                    role => {
                        Some(Role::parse(role).ok_or(Usage("the role is member, admin or none"))?)
                    }
                };
                if !is_name {
                    return Err(Usage(
                        "a context is named by 1 to 100 visible ASCII characters",
                    ));
                }
                (Self::SetRoleWithin((*context).to_owned(), role), who)
            }
            ["password", who] => (Self::ResetPassword, who),
            ["password", _, _] => {
                return Err(Usage(
                    "the password is read from standard input: on the command line, other users \
                     of this machine and the shell's history would see it",
                ));
            }
            ["disable", who] => (Self::Disable, who),
            ["enable", who] => (Self::Enable, who),
            ["delete", who] => (
                Self::Delete {
                    is_confirmed: false,
                },
                who,
            ),
            ["delete", who, "--yes"] | ["delete", "--yes", who] => {
                (Self::Delete { is_confirmed: true }, who)
            }
            _ => {
                return Err(Usage(
                    "users takes one of: add EMAIL, show USER, role USER member, role USER \
                     admin, context USER NAME member, context USER NAME admin, context USER NAME none, password USER, disable USER, enable USER, delete USER --yes; USER is \
                     an e-mail address or an id",
                ));
            }
        };
        Ok((command, (*who).to_owned()))
    }

    /// The event of the security log.
    const fn event(&self) -> &'static str {
        match self {
            Self::Add => "account_creation",
            Self::Show => "account_view",
            Self::SetRole(Role::Admin) => "role_admin",
            Self::SetRole(Role::Member) => "role_member",
            Self::SetRoleWithin(_, Some(_)) => "context_granted",
            Self::SetRoleWithin(_, None) => "context_removed",
            Self::ResetPassword => "password_reset",
            Self::Disable => "account_disabled",
            Self::Enable => "account_enabled",
            Self::Delete { .. } => "account_deletion",
        }
    }

    /// Runs the command on the account `who`, and logs it.
    pub(super) async fn run(
        self,
        config: &Config,
        store: &Arc<dyn Store>,
        log: &SecurityLog,
        who: &str,
    ) -> Result<(), Failure> {
        let event = self.event();
        if self == Self::Add {
            let added = add(config, &**store, who).await;
            let id = added.as_ref().ok().copied();
            security_log::console(log, event, result(&added), id);
            return print(json!({ "id": added?.to_string() }));
        }
        let user = find(&**store, who).await?;
        let done = self.apply(config, store, &user).await;
        security_log::console(log, event, result(&done), Some(user.id));
        print(done?)
    }

    /// Runs the command and returns its output.
    async fn apply(
        self,
        config: &Config,
        store: &Arc<dyn Store>,
        user: &User,
    ) -> Result<String, Failure> {
        let now = clock::now();
        match self {
            Self::Add | Self::Show => {
                let sessions = store.sessions_of(user.id).await?.len();
                let account = json!({
                    "id": user.id.to_string(),
                    "role": user.role.as_str(),
                    "disabled": user.disabled,
                    "created_at": user.created_at.as_millis(),
                    "sessions": sessions,
                });
                Ok(account.to_string())
            }
            Self::SetRole(role) => {
                if store.set_role(user.id, role).await? == Applied::No {
                    return Err(Refused("the user was deleted meanwhile").into());
                }
                Ok(format!(
                    "{} from the next refresh of each session",
                    role.as_str()
                ))
            }
            Self::SetRoleWithin(context, role) => {
                let applied = store.set_role_within(user.id, &context, role).await?;
                match (applied, role) {
                    (Applied::Yes, Some(role)) => Ok(format!(
                        "{} of {context} from the next refresh of each session",
                        role.as_str()
                    )),
                    (Applied::Yes, None) => Ok(format!("removed from {context}")),
                    (Applied::No, _) => Err(Refused("there is no such context or user").into()),
                }
            }
            Self::ResetPassword => reset_password(config, store, user).await,
            Self::Disable => {
                store.set_disabled(user.id, true).await?;
                let ended = store.end_sessions_of(user.id, now, EndReason::UserDisabled);
                Ok(format!("disabled, {} sessions ended", ended.await?))
            }
            Self::Enable => {
                store.set_disabled(user.id, false).await?;
                Ok("enabled".to_owned())
            }
            Self::Delete { is_confirmed: true } => {
                store.delete_user(user.id).await?;
                Ok("deleted, with all sessions and notes".to_owned())
            }
            Self::Delete {
                is_confirmed: false,
            } => Err(Refused(
                "nothing was deleted: the account, its sessions and its notes would be gone for \
                 good; add --yes to the command",
            )
            .into()),
        }
    }
}

/// Finds an account by its e-mail address or its id.
pub(super) async fn find(store: &dyn Store, who: &str) -> Result<User, Failure> {
    let user = match (UserId::parse(who), Email::parse(who)) {
        (Some(id), _) => store.user(id).await?,
        (None, Some(email)) => store.user_by_email(&email).await?,
        (None, None) => {
            return Err(Usage("that is neither an e-mail address nor a user's id").into());
        }
    };
    Ok(user.ok_or(Refused("there is no such user"))?)
}

async fn add(config: &Config, store: &dyn Store, email: &str) -> Result<UserId, Failure> {
    let email = Email::parse(email).ok_or(Usage("that is not an e-mail address"))?;
    let user = User {
        id: UserId::from_bytes(clock::random()),
        email,
        password: read_password(config).await?,
        role: Role::Member,
        disabled: false,
        created_at: clock::now(),
    };
    match store.add_user(&user).await? {
        Applied::Yes => Ok(user.id),
        Applied::No => Err(Refused("there is an account with this address").into()),
    }
}

/// Replaces a password and ends all sessions of its user.
async fn reset_password(
    config: &Config,
    store: &Arc<dyn Store>,
    user: &User,
) -> Result<String, Failure> {
    let successor = read_password(config).await?;
    let keys = serve::open_keys(config, Arc::clone(store)).await?;
    let service = SessionService::new(
        Arc::clone(store),
        keys.refresh_token_key().clone(),
        config.limits,
    );
    let ended = service
        .reset_password(clock::now(), user, &successor)
        .await?;
    let ended = ended.ok_or(Refused(
        "the password was changed by another process; run this again",
    ))?;
    Ok(format!("password replaced, {ended} sessions ended"))
}

/// Reads a new password, one line, and hashes it. A terminal does not show it.
async fn read_password(config: &Config) -> Result<PasswordHash, Failure> {
    let line = if io::stdin().is_terminal() {
        terminal::prompt_hidden("new password: ")?
    } else {
        terminal::read_line()?
    };
    let password = Password::parse(line.trim_end_matches(['\r', '\n']));
    let password = password.ok_or(Refused("the password must have 8 to 256 characters"))?;
    let passwords = Passwords::new(config.password_memory_kib);
    let passwords = passwords.map_err(|_| Refused("there is no memory for password hashes"))?;
    let hashed = passwords.hash_new(password).await;
    Ok(hashed.map_err(|error| match error {
        HashError::Common => Refused("the password is a common one, or close to one"),
        HashError::Busy | HashError::Failed => Refused("the password could not be hashed"),
    })?)
}

fn result<T>(done: &Result<T, Failure>) -> &'static str {
    match done {
        Ok(_) => "ok",
        Err(error) if error.is::<Refused>() || error.is::<Usage>() => "refused",
        Err(_) => "failed",
    }
}
