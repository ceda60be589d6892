//! The program's commands. Each reads the same settings as the server.
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
//! | `users show USER` | prints id, role, state and number of sessions of an account, not its address |
//! | `users role USER admin` | makes a user an admin, or with `member` a member again |
//! | `users password USER` | replaces the password by one read from standard input, and ends all sessions |
//! | `users disable USER` | ends all sessions of a user and lets them begin no other |
//! | `users enable USER` | lets a user sign in again |
//! | `users delete USER --yes` | deletes an account with all sessions and notes |
//! | `backup FOLDER` | copies the `SQLite` database and the key file, while servers run |
//! | `healthcheck` | succeeds where the server of these settings answers and its database too |
//!
//! `USER` is an e-mail address, or the id that tokens and the security log have.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | it is done |
//! | 1 | it could not be done: settings, database, keys or the system are in the way |
//! | 2 | the words after the program's name make no sense |
//! | 3 | refused, and nothing has changed: no such user, a common password, no `--yes` |

mod backup;
mod terminal;
mod users;

mod keys;

use std::{
    fmt,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use keys::KeyCommand;
use nolapse::wire::EndReason;
use nolapse_server::{
    clock,
    config::{Config, Transport},
    domain::{Applied, SessionId, Store},
    security_log::{self, SecurityLog},
    serve,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use users::UserCommand;

/// The time-out of `healthcheck`.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

type Failure = Box<dyn std::error::Error>;

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve,
    Migrate,
    Keys(KeyCommand),
    ListSessions(String),
    RevokeSession(String),
    RevokeSessions(String),
    User(UserCommand, String),
    Backup(PathBuf),
    HealthCheck,
}

/// An unknown command.
#[derive(Debug)]
pub(crate) struct Usage(&'static str);

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Usage {}

/// A refused command, without a change.
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
    pub(crate) fn parse(words: &[String]) -> Result<Self, Usage> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] | ["serve"] => Ok(Self::Serve),
            ["migrate"] => Ok(Self::Migrate),
            ["keys", words @ ..] => KeyCommand::parse(words).map(Self::Keys).ok_or(Usage(
                "there is no such command; there are: keys list, keys rotate, keys revoke [KEY], \
                 keys rotate-secrets, keys add-secrets, keys activate-secrets, \
                 keys revoke-secrets [ID], keys reset [--yes]",
            )),
            ["sessions", "list", email] => Ok(Self::ListSessions((*email).to_owned())),
            ["sessions", "revoke", id] => Ok(Self::RevokeSession((*id).to_owned())),
            ["sessions", "revoke-all", email] => Ok(Self::RevokeSessions((*email).to_owned())),
            ["users", words @ ..] => {
                UserCommand::parse(words).map(|(command, who)| Self::User(command, who))
            }
            ["backup", folder] => Ok(Self::Backup(folder.into())),
            ["healthcheck"] => Ok(Self::HealthCheck),
            _ => Err(Usage(
                "there is no such command; there are: serve, migrate, keys …, \
                 sessions list USER, sessions revoke ID, sessions revoke-all USER, \
                 users add EMAIL, users show USER, users role USER ROLE, users password USER, \
                 users disable USER, users enable USER, users delete USER --yes, \
                 backup FOLDER, healthcheck",
            )),
        }
    }

    /// Runs a command other than `serve`, and prints the result.
    pub(crate) async fn run(self, config: &Config) -> Result<(), Failure> {
        if self == Self::HealthCheck {
            return health_check(config).await;
        }
        let log = serve::open_security_log(config)?;
        let done = if let Self::Backup(folder) = &self {
            let done = backup::run(config, folder).await;
            let result = if done.is_ok() { "ok" } else { "failed" };
            security_log::console(&log, "backup", result, None);
            done
        } else {
            let store = serve::open_store(config).await?;
            let done = self.on(config, Arc::clone(&store), &log).await;
            store.close().await;
            done
        };
        log.flush();
        done
    }

    async fn on(
        self,
        config: &Config,
        store: Arc<dyn Store>,
        log: &SecurityLog,
    ) -> Result<(), Failure> {
        match self {
            Self::Serve | Self::HealthCheck | Self::Backup(_) => Ok(()),
            Self::Migrate if store.shards().iter().any(|shard| !shard.serves) => Err(
                "a shard is away: its tables are brought up to date when a server finds it".into(),
            ),
            Self::Migrate => print("the tables are up to date"),
            Self::Keys(command) => {
                let changes = command != KeyCommand::List;
                command.run(config, store).await?;
                if changes {
                    security_log::console(log, "keys_changed", "ok", None);
                }
                Ok(())
            }
            Self::ListSessions(email) => list(&*store, &email).await,
            Self::RevokeSession(id) => {
                let id = SessionId::parse(&id).ok_or(Usage("that is not a session's id"))?;
                let ended = store
                    .end_session(id, clock::now(), EndReason::Revoked)
                    .await?;
                match ended {
                    Applied::Yes => {
                        security_log::console_on_session(log, "revocation", id);
                        print("1 session ended")
                    }
                    Applied::No => Err(Refused("there is no such live session").into()),
                }
            }
            Self::RevokeSessions(email) => {
                let user = users::find(&*store, &email).await?.id;
                let ended = store.end_sessions_of(user, clock::now(), EndReason::Revoked);
                let ended = ended.await?;
                security_log::console(log, "revocation_of_all", "ok", Some(user));
                print(format!("{ended} sessions ended"))
            }
            Self::User(command, who) => command.run(config, &store, log, &who).await,
        }
    }
}

async fn list(store: &dyn Store, email: &str) -> Result<(), Failure> {
    for session in store
        .sessions_of(users::find(store, email).await?.id)
        .await?
    {
        print(json!({
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

async fn health_check(config: &Config) -> Result<(), Failure> {
    if config.transport == Transport::DevTls {
        return Err(Refused("healthcheck is for servers without DEV_TLS").into());
    }
    let host = if config.bind.is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        config.bind
    };
    let checked = tokio::time::timeout(HEALTH_TIMEOUT, async {
        let mut stream = TcpStream::connect((host, config.port)).await?;
        let request = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.take(4_096).read_to_end(&mut answer).await?;
        io::Result::Ok(answer.starts_with(b"HTTP/1.1 200"))
    });
    match checked.await {
        Ok(Ok(true)) => print("ready"),
        Ok(Ok(false)) => Err(Refused("the server answers, but its database does not").into()),
        Ok(Err(_)) | Err(_) => Err(Refused("the server does not answer on BIND and PORT").into()),
    }
}

/// Returns the exit code of a failure.
pub(crate) fn exit_code(failure: &(dyn std::error::Error + 'static)) -> u8 {
    match failure {
        failure if failure.is::<Usage>() => 2,
        failure if failure.is::<Refused>() => 3,
        _ => 1,
    }
}

fn print(line: impl fmt::Display) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
