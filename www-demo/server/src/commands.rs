//! The program's commands, for whoever runs it: each reads the same settings as the server.
//!
//! | command | effect |
//! | --- | --- |
//! | `serve`, or none | answers until SIGINT or SIGTERM |
//! | `migrate` | brings the tables up to date and ends |
//! | `keys list` | lists the signing keys and the secrets of the key file: names, states and ages |
//! | `keys rotate` | lets the next signing key sign, at all servers |
//! | `keys revoke [KEY]` | drops a signing key, `current`, `next` or by its name, at all servers; the next one signs at once |
//! | `keys rotate-secrets` | puts new secrets into the key file and activates them, where there is one server |
//! | `keys add-secrets` | puts new secrets into the key file, to be copied to every server |
//! | `keys activate-secrets` | seals with the newest secrets of the key file, at all servers |
//! | `keys revoke-secrets [ID]` | takes the older secrets out of the key file |
//! | `keys reset [--yes]` | makes new keys where the key file is gone; with `--yes`, in any case |
//! | `sessions list EMAIL` | lists the live sessions of a user, one line of JSON each |
//! | `sessions revoke ID` | ends a session |
//! | `sessions revoke-all EMAIL` | ends all sessions of a user |
//! | `users add EMAIL` | makes an account; the password is read from standard input, one line |
//! | `users disable EMAIL` | ends all sessions of a user and lets them begin no other |
//! | `users enable EMAIL` | lets a user sign in again |
//! | `healthcheck` | succeeds where the server of these settings answers and its database too |

mod keys;

use std::{
    fmt,
    io::{self, BufRead, Write},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use keys::KeyCommand;
use nolapse::wire::EndReason;
use nolapse_server::{
    clock,
    config::Config,
    domain::{Email, Password, Role, SessionId, Store, User, UserId, Written},
    passwords::{HashError, Passwords},
    serve,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long a server may take to say that it is well.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

type Failure = Box<dyn std::error::Error>;

/// What the program is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve,
    Migrate,
    Keys(KeyCommand),
    ListSessions(String),
    RevokeSession(String),
    RevokeSessions(String),
    AddUser(String),
    DisableUser(String),
    EnableUser(String),
    HealthCheck,
}

/// A command that cannot be followed, or that found nothing to do.
#[derive(Debug)]
pub(crate) struct Refused(&'static str);

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Refused {}

impl Command {
    /// Reads the words after the program's name.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Refused> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] | ["serve"] => Ok(Self::Serve),
            ["migrate"] => Ok(Self::Migrate),
            ["keys", words @ ..] => KeyCommand::parse(words).map(Self::Keys).ok_or(Refused(
                "there is no such command; there are: keys list, keys rotate, keys revoke [KEY], \
                 keys rotate-secrets, keys add-secrets, keys activate-secrets, \
                 keys revoke-secrets [ID], keys reset [--yes]",
            )),
            ["sessions", "list", email] => Ok(Self::ListSessions((*email).to_owned())),
            ["sessions", "revoke", id] => Ok(Self::RevokeSession((*id).to_owned())),
            ["sessions", "revoke-all", email] => Ok(Self::RevokeSessions((*email).to_owned())),
            ["users", "add", email] => Ok(Self::AddUser((*email).to_owned())),
            ["users", "disable", email] => Ok(Self::DisableUser((*email).to_owned())),
            ["users", "enable", email] => Ok(Self::EnableUser((*email).to_owned())),
            ["healthcheck"] => Ok(Self::HealthCheck),
            _ => Err(Refused(
                "there is no such command; there are: serve, migrate, keys …, \
                 sessions list EMAIL, sessions revoke ID, sessions revoke-all EMAIL, \
                 users add EMAIL, users disable EMAIL, users enable EMAIL, healthcheck",
            )),
        }
    }

    /// Does what is asked, unless that is to serve; says on standard output what was done.
    pub(crate) async fn run(self, config: &Config) -> Result<(), Failure> {
        if self == Self::HealthCheck {
            return health_check(config).await;
        }
        let store = serve::open_store(config).await?;
        let done = self.on(config, Arc::clone(&store)).await;
        store.close().await;
        done
    }

    async fn on(self, config: &Config, store: Arc<dyn Store>) -> Result<(), Failure> {
        match self {
            Self::Serve | Self::HealthCheck => Ok(()),
            Self::Migrate => say("the tables are up to date"),
            Self::Keys(command) => command.run(config, store).await,
            Self::ListSessions(email) => list(&*store, &email).await,
            Self::RevokeSession(id) => {
                let id = SessionId::parse(&id).ok_or(Refused("that is not a session's id"))?;
                let ended = store
                    .end_session(id, clock::now(), EndReason::Revoked)
                    .await?;
                match ended {
                    Written::Yes => say("1 session ended"),
                    Written::No => Err(Refused("there is no such live session").into()),
                }
            }
            Self::RevokeSessions(email) => {
                let user = user(&*store, &email).await?;
                let ended = store.end_sessions_of(user, clock::now(), EndReason::Revoked);
                say(format!("{} sessions ended", ended.await?))
            }
            Self::AddUser(email) => add_user(config, &*store, &email).await,
            Self::DisableUser(email) => {
                let user = user(&*store, &email).await?;
                store.set_disabled(user, true).await?;
                let ended = store.end_sessions_of(user, clock::now(), EndReason::UserDisabled);
                say(format!("disabled, {} sessions ended", ended.await?))
            }
            Self::EnableUser(email) => {
                let user = user(&*store, &email).await?;
                store.set_disabled(user, false).await?;
                say("enabled")
            }
        }
    }
}

async fn add_user(config: &Config, store: &dyn Store, email: &str) -> Result<(), Failure> {
    let email = Email::parse(email).ok_or(Refused("that is not an e-mail address"))?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let password = Password::parse(line.trim_end_matches(['\r', '\n']));
    let password = password.ok_or(Refused("the password must have 8 to 256 characters"))?;
    let passwords = Passwords::new(config.password_memory_kib);
    let passwords = passwords.map_err(|_| Refused("there is no memory for password hashes"))?;
    let hashed = passwords.hash_new(password).await;
    let user = User {
        id: UserId::from_bytes(clock::random()),
        email,
        password: hashed.map_err(|error| match error {
            HashError::Common => Refused("the password is a common one, or close to one"),
            HashError::Busy | HashError::Failed => Refused("the password could not be hashed"),
        })?,
        role: Role::Member,
        disabled: false,
        created_at: clock::now(),
    };
    match store.add_user(&user).await? {
        Written::Yes => say(json!({ "id": user.id.to_string() })),
        Written::No => Err(Refused("there is an account with this address").into()),
    }
}

async fn list(store: &dyn Store, email: &str) -> Result<(), Failure> {
    for session in store.sessions_of(user(store, email).await?).await? {
        say(json!({
            "id": session.id.to_string(),
            "device": session.device,
            "created_at": session.created_at.as_millis(),
            "last_seen_at": session.last_seen_at.as_millis(),
            "last_active_at": session.last_active_at.as_millis(),
            "expires_at": session.expires_at.as_millis(),
        }))?;
    }
    Ok(())
}

async fn user(store: &dyn Store, email: &str) -> Result<UserId, Failure> {
    let email = Email::parse(email).ok_or(Refused("that is not an e-mail address"))?;
    let user = store.user_by_email(&email).await?;
    Ok(user.ok_or(Refused("there is no such user"))?.id)
}

async fn health_check(config: &Config) -> Result<(), Failure> {
    let host = if config.bind.is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        config.bind
    };
    let asked = tokio::time::timeout(HEALTH_TIMEOUT, async {
        let mut stream = TcpStream::connect((host, config.port)).await?;
        let request = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.take(4_096).read_to_end(&mut answer).await?;
        io::Result::Ok(answer.starts_with(b"HTTP/1.1 200"))
    });
    match asked.await {
        Ok(Ok(true)) => say("ready"),
        Ok(Ok(false)) => Err(Refused("the server answers, but its database does not").into()),
        Ok(Err(_)) | Err(_) => Err(Refused("the server does not answer on BIND and PORT").into()),
    }
}

fn say(line: impl fmt::Display) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
