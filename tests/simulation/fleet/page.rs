//! A page of the fleet: the real core, its cookie, and its row in the database.

use std::time::Duration;

use nolapse::core::{
    AttemptId, CallerId, Config, Context, Effect, Grant, Input, Millis, Secret, Session,
    SessionInfo, StoredState, TabId, Timestamp, WallTime,
};
use nolapse::wire::EndReason;
use nolapse_domain::{
    Authentication, Limits, NewSession, RefreshToken, RefreshTokenKey, Session as Row, SessionId,
    UserId, Verdict, rejoin,
};

const WALL_AT_START: u64 = 1_800_000_000_000;
/// Sessions were last refreshed between this long and twice this long before the pages are opened.
const LAST_SEEN_MS: u64 = 28_800_000;
const LIFETIME: Duration = Duration::from_secs(60);

/// What the page's stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    None,
    Requested,
    Open(usize),
}

/// One page, the only one of its browser: further tabs send no refresh of their own.
#[expect(
    clippy::struct_excessive_bools,
    reason = "what it is and whether it is online are independent"
)]
#[derive(Debug)]
pub(crate) struct Page {
    core: Session,
    stored: StoredState,
    pub(crate) cookie: RefreshToken,
    /// The session at the auth server.
    pub(crate) row: Row,
    /// Whether it is visible: it holds a stream.
    pub(crate) is_visible: bool,
    /// Whether it is visible and calls its API.
    pub(crate) is_used: bool,
    /// Whether its browser is in a cell network.
    pub(crate) is_mobile: bool,
    /// Whether its browser fires `online` where the network returns.
    pub(crate) hears_of_network: bool,
    pub(crate) is_online: bool,
    /// Changes where the network is lost: responses of an earlier one do not arrive.
    pub(crate) connection: u32,
    pub(crate) in_flight: Option<AttemptId>,
    pub(crate) stream: Stream,
    /// Changes with each stream.
    pub(crate) stream_number: u32,
    /// When the only timer fires.
    pub(crate) alarm: Option<u64>,
    /// The calls that wait, and since when.
    waiting: Vec<(CallerId, u64)>,
    calls: u64,
}

impl Page {
    /// Creates a page that is not yet opened. Of ten, four are visible, and two of these are in use; of ten others, three are in a cell
    /// network, and every other one of them hears of it.
    pub(crate) fn new(number: u32, seed: u64, rules: &Rules) -> Self {
        let config = Config {
            seed,
            push: true,
            tab: TabId(number),
            ..Config::default()
        };
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let cookie = RefreshToken::first(SessionId::from_bytes(id), [9; 32]);
        let ago = Duration::from_millis(LAST_SEEN_MS + seed % LAST_SEEN_MS);
        let at = nolapse_domain::Timestamp::from_millis(WALL_AT_START).before(ago);
        let new = NewSession::new(String::new(), Authentication::by_password(at));
        Self {
            core: Session::new(config),
            stored: StoredState::Unavailable,
            row: Row::begin(at, &cookie, UserId::from_bytes(id), new, &rules.limits),
            cookie,
            is_visible: number % 10 < 4,
            is_used: number % 10 < 2,
            is_mobile: number / 10 % 10 < 3,
            hears_of_network: (number / 100).is_multiple_of(2),
            is_online: true,
            connection: 0,
            in_flight: None,
            stream: Stream::None,
            stream_number: 0,
            alarm: None,
            waiting: Vec::new(),
            calls: 0,
        }
    }

    /// Feeds an input to the core; returns what is to be done.
    pub(crate) fn handle(&mut self, now: u64, input: Input) -> Vec<Effect> {
        let context = Context {
            now: Timestamp::from_millis(now),
            wall: WallTime::from_millis(WALL_AT_START + now),
            stored: self.stored,
        };
        self.core.handle(&context, input);
        let effects = self.core.take_effects();
        for effect in &effects {
            if let Effect::WriteRecord(record) = effect {
                self.stored = StoredState::Record(*record);
            }
        }
        effects
    }

    /// Returns a call that needs a token, as `session.fetch` makes it.
    pub(crate) fn call(&mut self, now: u64) -> Input {
        let caller = CallerId(self.calls);
        self.calls += 1;
        self.waiting.push((caller, now));
        Input::TokenRequested {
            caller,
            min_validity: Millis::ZERO,
            waits_out: true,
            context: "".into(),
        }
    }

    /// Removes a call that is settled; returns how long it waited.
    pub(crate) fn settle(&mut self, now: u64, caller: CallerId) -> Option<u64> {
        let place = self.waiting.iter().position(|(it, _)| *it == caller)?;
        Some(now - self.waiting.swap_remove(place).1)
    }

    pub(crate) fn deadline(&self, now: u64) -> Option<u64> {
        let deadline = self.core.poll_deadline(Timestamp::from_millis(now));
        deadline.map(|(at, _)| at.as_millis())
    }
}

/// What a refresh is answered with.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) cookie: RefreshToken,
    pub(crate) refresh_in: Option<Duration>,
}

/// What the rules of sessions need beside the rows.
#[derive(Debug)]
pub(crate) struct Rules {
    key: RefreshTokenKey,
    limits: Limits,
    grant: Grant,
}

impl Rules {
    pub(crate) fn new() -> Option<Self> {
        Some(Self {
            key: RefreshTokenKey::from_bytes([7; 32]),
            limits: Limits::default(),
            grant: Grant {
                token: Secret::new("token")?,
                lifetime: Millis::from_secs(LIFETIME.as_secs()),
                refresh_in: None,
                session: SessionInfo::new("session", "user", "{}"),
            },
        })
    }

    pub(crate) fn grant(&self, refresh_in: Option<Duration>) -> Grant {
        Grant {
            refresh_in: refresh_in.map(|wait| Millis::from_secs(wait.as_secs())),
            ..self.grant.clone()
        }
    }

    /// Carries out a refresh by the reference server's rules; fails with why the session ended.
    pub(crate) fn refresh(
        &self,
        now: u64,
        row: &mut Row,
        cookie: &RefreshToken,
    ) -> Result<Option<Granted>, EndReason> {
        let at = nolapse_domain::Timestamp::from_millis(WALL_AT_START + now);
        let active = Some(Duration::ZERO);
        let rested = at.since(row.last_seen_at);
        let cookie = match row.present(at, cookie, active, &self.limits, &self.key) {
            Verdict::Rotate(successor) => {
                row.rotate(at, &successor, active, &self.limits);
                successor
            }
            Verdict::Fork(sibling) => {
                row.fork(at, &sibling, active, &self.limits);
                sibling
            }
            Verdict::Repeat(newest) => {
                row.touch(at, active);
                newest
            }
            Verdict::Superseded => return Ok(None),
            Verdict::Theft => {
                row.end(at, EndReason::ReuseDetected);
                return Err(EndReason::ReuseDetected);
            }
            Verdict::LimitReached(reason) | Verdict::Refuse(reason) => return Err(reason),
            Verdict::Void => return Err(EndReason::Revoked),
            Verdict::Unknown => return Err(EndReason::NoCookie),
        };
        Ok(Some(Granted {
            cookie,
            refresh_in: rejoin(rested, LIFETIME),
        }))
    }
}
