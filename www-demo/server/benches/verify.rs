//! What a request costs: verifying a token beside the session look-up that it replaces, interleaved in
//! one run; refreshes a second on one core; and verifying and signing by each algorithm.
//!
//! `cargo bench -p nolapse-server --profile server`

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/common/postgres.rs"]
mod postgres;
#[path = "common/sessions.rs"]
mod sessions;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use nolapse::wire::EndReason;
use nolapse_server::{
    clock,
    domain::{
        Authentication, Email, Grant, Limits, NewSession, PasswordHash, Possession, RefreshToken,
        RefreshTokenKey, Refreshed, Role, Session, SessionId, SessionService, Store, User, UserId,
    },
    keys::ServerKeys,
    store::{self, Pooler},
    tokens::{self, TokenConfig},
    verifier::{Algorithm, KeySource, Refusal, Verifier},
};
use postgres::Postgres;
use tokio::time::Instant;

const SESSIONS: usize = 1_000;
const ROUNDS: usize = 40;
const CALLS_A_ROUND: usize = 100;
const REFRESHES: usize = 10_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Bench {
    store: Arc<dyn Store>,
    service: SessionService,
    verifier: Verifier,
    tokens: Vec<String>,
    grants: Vec<Grant>,
    config: TokenConfig,
    keys: ServerKeys,
}

impl Bench {
    async fn prepare(store: Arc<dyn Store>) -> Result<Self, Failure> {
        let keys = ServerKeys::generate(Algorithm::default())?;
        let config = config();
        let source = KeySource::given(keys.public());
        let verifier = Verifier::new(&config.issuer, &config.audience, source);
        let key = RefreshTokenKey::from_bytes(clock::random());
        let service = SessionService::new(Arc::clone(&store), key, Limits::default());
        let grants = sessions::begin(&store, &service, SESSIONS, None).await?;
        let mut bench = Self {
            store,
            service,
            verifier,
            tokens: Vec::new(),
            grants,
            config,
            keys,
        };
        bench.issue()?;
        Ok(bench)
    }

    fn issue(&mut self) -> Result<(), Failure> {
        let issue = |grant: &Grant| {
            let (session, user) = (&grant.session, &grant.user);
            tokens::issue(
                clock::now(),
                &self.config,
                &self.keys.current,
                session,
                user,
            )
        };
        let issued: Result<Vec<_>, _> = self.grants.iter().map(issue).collect();
        self.tokens = issued.map_err(|_| "a token was not signed")?;
        Ok(())
    }

    /// Runs one interleaved round: returns microseconds a verification and a look-up.
    async fn round(&self) -> Result<(f64, f64), Failure> {
        let begun = Instant::now();
        for token in self.tokens.iter().cycle().take(CALLS_A_ROUND) {
            let verified = self.verifier.verify(clock::now(), token).await;
            verified.map_err(Refusal::as_str)?;
        }
        let verify = each(begun.elapsed(), CALLS_A_ROUND);
        let begun = Instant::now();
        for grant in self.grants.iter().cycle().take(CALLS_A_ROUND) {
            let id: SessionId = grant.session.id;
            let (session, _) = self.store.session(id).await?.ok_or("no session")?;
            let over: Option<EndReason> = session.ended_reason(clock::now(), self.service.limits());
            if over.is_some() {
                return Err("a session is over".into());
            }
        }
        Ok((verify, each(begun.elapsed(), CALLS_A_ROUND)))
    }

    /// Refreshes one session after another: returns refreshes a second, tokens signed and all.
    async fn refreshes(&mut self) -> Result<f64, Failure> {
        let begun = Instant::now();
        for turn in 0..REFRESHES {
            let place = turn % SESSIONS;
            let refresh_token = &self.grants[place].refresh_token;
            let active_ago = Some(Duration::ZERO);
            let refreshed = self
                .service
                .refresh(clock::now(), refresh_token, active_ago, &Possession::NONE)
                .await?;
            let Refreshed::Granted(grant) = refreshed else {
                return Err("a refresh was refused".into());
            };
            let (session, user) = (&grant.session, &grant.user);
            let key = &self.keys.current;
            let token = tokens::issue(clock::now(), &self.config, key, session, user);
            self.tokens[place] = token.map_err(|_| "a token was not signed")?;
            self.grants[place] = *grant;
        }
        Ok(1e6 / each(begun.elapsed(), REFRESHES))
    }
}

async fn measure(name: &str, url: &str) -> Result<(), Failure> {
    let mut bench = Bench::prepare(store::open(url, 4, Pooler::None).await?).await?;
    bench.round().await?;
    let (mut verifies, mut lookups) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (verify, lookup) = bench.round().await?;
        verifies.push(verify);
        lookups.push(lookup);
    }
    let (verify, lookup) = (median(&mut verifies), median(&mut lookups));
    let refreshes = bench.refreshes().await?;
    let mut out = io::stdout();
    writeln!(
        out,
        "verifying a token                {verify:>9.1} µs (at most 80)"
    )?;
    writeln!(out, "session look-up, {name:<10}      {lookup:>9.1} µs")?;
    writeln!(
        out,
        "verification / look-up           {:>9.2}",
        verify / lookup
    )?;
    writeln!(
        out,
        "refreshes, {name:<10}, in turn   {refreshes:>9.0} a second"
    )?;
    bench.store.ping().await?;
    Ok(())
}

/// Prints what verifying and signing cost, interleaved by algorithm.
async fn measure_algorithms() -> Result<(), Failure> {
    let benches = Algorithm::ALL.map(Signer::new);
    let benches: Vec<Signer> = benches.into_iter().collect::<Result<_, _>>()?;
    let mut times = vec![(Vec::new(), Vec::new()); benches.len()];
    for _ in 0..ROUNDS {
        for (signer, (verifies, signs)) in benches.iter().zip(&mut times) {
            let (verify, sign) = signer.round().await?;
            verifies.push(verify);
            signs.push(sign);
        }
    }
    let mut out = io::stdout();
    for (signer, (verifies, signs)) in benches.iter().zip(&mut times) {
        let algorithm = signer.keys.current.algorithm.as_str();
        let (verify, sign) = (median(verifies), median(signs));
        writeln!(
            out,
            "{algorithm:<10} verifying {verify:>9.1} µs, signing {sign:>9.1} µs, {:>5} bytes",
            signer.token.len()
        )?;
    }
    Ok(())
}

/// Keys of one algorithm, and a token that they have signed.
struct Signer {
    keys: ServerKeys,
    config: TokenConfig,
    user: User,
    verifier: Verifier,
    token: String,
}

impl Signer {
    fn new(algorithm: Algorithm) -> Result<Self, Failure> {
        let keys = ServerKeys::generate(algorithm)?;
        let config = config();
        let source = KeySource::given(keys.public());
        let mut signer = Self {
            verifier: Verifier::new(&config.issuer, &config.audience, source),
            keys,
            config,
            user: User {
                id: UserId::from_bytes([1; 16]),
                email: Email::parse("ada@example.org").ok_or("no address")?,
                password: PasswordHash::from_text(String::new()),
                role: Role::Member,
                disabled: false,
                created_at: clock::now(),
            },
            token: String::new(),
        };
        signer.token = signer.issue()?;
        Ok(signer)
    }

    fn issue(&self) -> Result<String, Failure> {
        let now = clock::now();
        let first = RefreshToken::first(SessionId::from_bytes([2; 16]), [0; 32]);
        let new = NewSession::new(String::new(), Authentication::by_password(now));
        let session = Session::begin(now, &first, self.user.id, new, &Limits::default());
        let key = &self.keys.current;
        Ok(tokens::issue(now, &self.config, key, &session, &self.user)?)
    }

    /// Returns microseconds a verification and a token.
    async fn round(&self) -> Result<(f64, f64), Failure> {
        let begun = Instant::now();
        for _ in 0..CALLS_A_ROUND {
            let verified = self.verifier.verify(clock::now(), &self.token).await;
            verified.map_err(Refusal::as_str)?;
        }
        let verify = each(begun.elapsed(), CALLS_A_ROUND);
        let begun = Instant::now();
        for _ in 0..CALLS_A_ROUND {
            self.issue()?;
        }
        Ok((verify, each(begun.elapsed(), CALLS_A_ROUND)))
    }
}

fn config() -> TokenConfig {
    TokenConfig {
        issuer: "https://auth.example.com".to_owned(),
        audience: "https://api.example.com".to_owned(),
        lifetime: Duration::from_mins(1),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    measure_algorithms().await?;
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    measure("SQLite", &url).await?;
    let postgres = Postgres::start(&[]);
    measure("PostgreSQL", &postgres.database().await).await
}

fn each(elapsed: Duration, calls: usize) -> f64 {
    let calls = u32::try_from(calls).unwrap_or(u32::MAX);
    elapsed.as_secs_f64() * 1e6 / f64::from(calls)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
