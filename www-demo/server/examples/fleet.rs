//! A fleet of clients, each the SDK's real core, through a day with an outage of five minutes, in virtual
//! time: refreshes a second as they reach the auth server, as a plot.
//!
//! `npm run fleet`, or with fewer clients and hours: `npm run fleet -- 100000 2`
#![expect(clippy::print_stdout, reason = "it is a program that prints")]

use std::{fmt::Write, fs, rc::Rc, time::Duration};

use nolapse::core::{
    CallerId, Config, Context, Effect, Failure, FailureCause, Grant, Input, Millis, RefreshOutcome,
    Secret, Session, SessionInfo, StoredState, TabId, Timestamp, WallTime,
};

/// The width of a slot of the calendar. The core does not mind coming late by so little.
const SLOT_MS: u64 = 100;
/// The calendar's number of slots. A client with a later deadline is woken earlier, which is harmless.
const SLOTS: usize = 3_000;
const LIFE: Millis = Millis::from_secs(60);
const OUTAGE: Duration = Duration::from_mins(5);
const WALL_AT_START: u64 = 1_800_000_000_000;
/// How many clients are in memory at once, for each core.
const BATCH: usize = 25_000;
/// The seconds over which the fleet's first pages are opened.
const ARRIVAL_SECONDS: u64 = 50;
/// One page in so many is in use: it calls its API every ten seconds, whatever the auth server does.
const IN_USE: usize = 5;
const CALLS_EVERY_SLOTS: usize = 100;
/// The duration of calls from the beginning of the outage; before it, calls find a token and send no refresh.
const CALLS_FOR: Duration = Duration::from_mins(15);
/// The highest rate during the outage, and the highest after it, in steady rates (P49).
const MOST_DURING: f64 = 4.5;
const MOST: f64 = 1.3;

struct Client {
    session: Session,
    stored: StoredState,
    is_open: bool,
    calls: u32,
    /// The slot at which it is to be woken; other entries of the calendar are out of date.
    wakes_in: usize,
}

/// The auth server, seen from its balancer.
struct Server {
    outage: std::ops::Range<u64>,
    grant: Grant,
    seconds: Vec<u32>,
}

impl Server {
    fn answer(&mut self, now: u64) -> RefreshOutcome {
        let second = usize::try_from(now / 1_000).unwrap_or(usize::MAX);
        if let Some(count) = self.seconds.get_mut(second) {
            *count += 1;
        }
        if self.outage.contains(&now) {
            return RefreshOutcome::Failed(Failure::new(FailureCause::Network));
        }
        RefreshOutcome::Granted(self.grant.clone())
    }
}

impl Client {
    fn new(number: u32) -> Self {
        let config = Config {
            seed: u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            tab: TabId(number),
            ..Config::default()
        };
        Self {
            session: Session::new(config),
            stored: StoredState::Unavailable,
            is_open: false,
            calls: 0,
            wakes_in: 0,
        }
    }

    /// Opens the page, or polls the core at its deadline.
    fn wake(&mut self, now: u64, server: &mut Server) {
        if self.is_open {
            self.feed(now, Input::DeadlineReached, server);
        } else {
            self.is_open = true;
            self.feed(now, Input::Started, server);
            self.call(now, server);
        }
    }

    fn call(&mut self, now: u64, server: &mut Server) {
        let caller = CallerId(self.calls.into());
        self.calls += 1;
        let min_validity = Millis::ZERO;
        let requested = Input::TokenRequested {
            caller,
            min_validity,
            waits_out: true,
            context: Rc::default(),
        };
        self.feed(now, requested, server);
    }

    fn feed(&mut self, now: u64, input: Input, server: &mut Server) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let context = Context {
                now: Timestamp::from_millis(now),
                wall: WallTime::from_millis(WALL_AT_START + now),
                stored: self.stored,
            };
            self.session.handle(&context, input);
            for effect in self.session.take_effects() {
                match effect {
                    Effect::AcquireLock { attempt } => inputs.push(Input::LockGranted { attempt }),
                    Effect::SendRefresh { attempt, .. } => inputs.push(Input::RefreshFinished {
                        attempt,
                        outcome: server.answer(now),
                    }),
                    Effect::WriteRecord(record) => self.stored = StoredState::Record(record),
                    Effect::ReleaseLock { .. }
                    | Effect::SendSignOut { .. }
                    | Effect::RunSignIn { .. }
                    | Effect::Abort { .. }
                    | Effect::Settle { .. }
                    | Effect::Broadcast(_)
                    | Effect::OpenChannel
                    | Effect::CloseChannel
                    | Effect::Publish(_)
                    | Effect::Emit(_) => {}
                }
            }
        }
    }

    fn deadline(&self, now: u64) -> Option<u64> {
        let deadline = self.session.poll_deadline(Timestamp::from_millis(now));
        deadline.map(|(at, _)| at.as_millis())
    }
}

/// Plays `seconds` of `count` clients on all cores; returns the refreshes in each second.
///
/// Clients are independent, so they can be simulated in batches.
fn play_all(count: u32, seconds: u64, outage_at: u64) -> Option<Vec<u32>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let numbers: Vec<u32> = (0..count).collect();
    let batches: Vec<&[u32]> = numbers.chunks(BATCH).collect();
    let played: Vec<Option<Vec<u32>>> = std::thread::scope(|scope| {
        let workers: Vec<_> = batches
            .chunks(batches.len().div_ceil(cores))
            .map(|share| {
                scope.spawn(|| {
                    add(share
                        .iter()
                        .map(|batch| play(batch, count, seconds, outage_at)))
                })
            })
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| worker.join().ok().flatten();
        workers.into_iter().map(join).collect()
    });
    add(played.into_iter())
}

fn add(all: impl Iterator<Item = Option<Vec<u32>>>) -> Option<Vec<u32>> {
    all.reduce(|sum, more| {
        let pairs = sum?.into_iter().zip(more?);
        Some(pairs.map(|(left, right)| left + right).collect())
    })?
}

/// Plays some of `count` clients.
fn play(numbers: &[u32], count: u32, seconds: u64, outage_at: u64) -> Option<Vec<u32>> {
    let outage_ms = u64::try_from(OUTAGE.as_millis()).unwrap_or(u64::MAX);
    let mut server = Server {
        outage: outage_at * 1_000..outage_at * 1_000 + outage_ms,
        grant: Grant {
            token: Secret::new("token")?,
            lifetime: LIFE,
            refresh_in: None,
            session: SessionInfo::new("session", "user", "{}"),
        },
        seconds: vec![0; usize::try_from(seconds).unwrap_or(0)],
    };
    let mut calendar = Calendar::new(numbers);
    let arrival_slots = ARRIVAL_SECONDS * 1_000 / SLOT_MS;
    for (place, number) in numbers.iter().enumerate() {
        let slot = u64::from(*number) * arrival_slots / u64::from(count);
        calendar.write(place, usize::try_from(slot).unwrap_or(0));
    }
    let calls_from = usize::try_from(outage_at * 1_000 / SLOT_MS).ok()?;
    let calls_for = usize::try_from(CALLS_FOR.as_millis()).ok()? / usize::try_from(SLOT_MS).ok()?;
    for slot in 0..usize::try_from(seconds * 1_000 / SLOT_MS).ok()? {
        calendar.turn(slot, &mut server);
        if (calls_from..calls_from + calls_for).contains(&slot) {
            calendar.use_pages(slot, &mut server);
        }
    }
    Some(server.seconds)
}

/// Clients, and when each is to be woken.
struct Calendar {
    clients: Vec<Client>,
    slots: Vec<Vec<usize>>,
}

impl Calendar {
    fn new(numbers: &[u32]) -> Self {
        Self {
            clients: numbers.iter().copied().map(Client::new).collect(),
            slots: vec![Vec::new(); SLOTS],
        }
    }

    fn write(&mut self, place: usize, slot: usize) {
        self.clients[place].wakes_in = slot;
        self.slots[slot % SLOTS].push(place);
    }

    /// Wakes all whose moment has come.
    fn turn(&mut self, slot: usize, server: &mut Server) {
        for place in std::mem::take(&mut self.slots[slot % SLOTS]) {
            if self.clients[place].wakes_in == slot {
                self.clients[place].wake(time_of(slot), server);
                self.plan(place, slot);
            }
        }
    }

    /// Lets the pages in use whose turn it is call their API.
    fn use_pages(&mut self, slot: usize, server: &mut Server) {
        let first = slot % CALLS_EVERY_SLOTS * IN_USE;
        for place in (first..self.clients.len()).step_by(CALLS_EVERY_SLOTS * IN_USE) {
            self.clients[place].call(time_of(slot), server);
            self.plan(place, slot);
        }
    }

    fn plan(&mut self, place: usize, slot: usize) {
        if let Some(at) = self.clients[place].deadline(time_of(slot)) {
            let at = usize::try_from(at.div_ceil(SLOT_MS)).unwrap_or(usize::MAX);
            self.write(place, at.clamp(slot + 1, slot + SLOTS - 1));
        }
    }
}

fn time_of(slot: usize) -> u64 {
    u64::try_from(slot).unwrap_or(u64::MAX) * SLOT_MS
}

/// Draws the rates as an SVG of a thousand columns.
fn plot(rates: &[u32], steady: f64) -> String {
    let columns = rates.chunks(rates.len().div_ceil(1_000).max(1));
    let highest = columns.map(|column| column.iter().max().copied().unwrap_or(0));
    let highest: Vec<u32> = highest.collect();
    let most = highest.iter().max().copied().map_or(0.0, f64::from);
    let scale = 240.0 / (steady * 2.0).max(most);
    let mut path = String::new();
    for (x, rate) in highest.iter().enumerate() {
        let begin = if x == 0 { "M" } else { "L" };
        let y = 260.0 - f64::from(*rate) * scale;
        // Writing to a string cannot fail.
        let _ = write!(path, "{begin}{x} {y:.1}");
    }
    let (line, limit) = (260.0 - steady * scale, 260.0 - steady * MOST * scale);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 280\" font-family=\"sans-serif\" font-size=\"11\"><title>Refreshes a second over time</title>\
         <rect width=\"1000\" height=\"280\" fill=\"#fff\"/>\
         <path d=\"M0 {line:.1}H1000\" stroke=\"#999\"/><path d=\"M0 {limit:.1}H1000\" stroke=\"#c33\"/>\
         <text x=\"4\" y=\"{:.1}\">steady: {steady:.0} a second</text>\
         <text x=\"4\" y=\"{:.1}\" fill=\"#c33\">{MOST} × steady</text>\
         <path d=\"{path}\" fill=\"none\" stroke=\"#26c\"/></svg>\n",
        line - 4.0,
        limit - 4.0
    )
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: u64| match words.get(place) {
        Some(word) => word.parse::<u64>(),
        None => Ok(default),
    };
    let count = u32::try_from(number(0, 1_000_000)?)?.max(1);
    let hours = number(1, 24)?.max(1);
    let (seconds, outage_at) = (hours * 3_600, hours * 1_800);
    let rates = play_all(count, seconds, outage_at).ok_or("no token")?;

    let outage_at = usize::try_from(outage_at)?;
    let back = outage_at + usize::try_from(OUTAGE.as_secs())?;
    let before = rates.get(outage_at - 1_000..outage_at).ok_or("too short")?;
    let steady = f64::from(before.iter().sum::<u32>()) / 1_000.0;
    let after = rates.get(back..).ok_or("too short")?;
    let peak = f64::from(after.iter().max().copied().unwrap_or(0));
    let during = f64::from(rates[outage_at..back].iter().max().copied().unwrap_or(0));
    let drop = f64::from(after.iter().take(300).min().copied().unwrap_or(0));
    println!(
        "{count} clients, {hours} h, an outage of {} s; one in {IN_USE} calls its API every 10 s",
        OUTAGE.as_secs()
    );
    println!("steady                     {steady:>9.0} refreshes a second");
    println!(
        "most during the outage     {during:>9.0} ({:.2} × steady, at most {MOST_DURING})",
        during / steady
    );
    println!(
        "most after the outage      {peak:>9.0} ({:.2} × steady, at most {MOST})",
        peak / steady
    );
    println!(
        "least in 5 minutes after   {drop:>9.0} ({:.2} × steady)",
        drop / steady
    );
    if let Some(file) = words.get(2) {
        fs::write(file, plot(&rates, steady))?;
    }
    if during > steady * MOST_DURING {
        return Err("the fleet sends too many requests in an outage".into());
    }
    if peak > steady * MOST {
        return Err("the fleet comes back too fast".into());
    }
    Ok(())
}
