//! A fleet of clients, each the SDK's real core with a push stream, through a day with an outage of five minutes and, half an hour
//! later, a restart that ends all streams, in virtual time: refreshes and streams a second as they reach the auth server, as a
//! plot.
//!
//! `npm run fleet`, or with fewer clients and hours: `npm run fleet -- 100000 2`
#![expect(clippy::print_stdout, reason = "it is a program that prints")]

mod client;
mod plot;

use std::{fs, time::Duration};

use nolapse::core::{Grant, Millis, Secret, SessionInfo};

use client::{Client, Server};

/// The width of a slot of the calendar. The core does not mind coming late by so little.
const SLOT_MS: u64 = 100;
/// The calendar's number of slots. A client with a later deadline is woken earlier, which is harmless.
const SLOTS: usize = 3_000;
const LIFE: Millis = Millis::from_secs(60);
const OUTAGE: Duration = Duration::from_mins(5);
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
/// How long after the outage the auth server restarts: all streams end, and refreshes go on.
const RESTART_AFTER: Duration = Duration::from_mins(30);
/// The highest rate of streams that are asked for where all of them end at once, and after an outage, in steady rates of refreshes.
const MOST_STREAMS: f64 = 2.0;
const MOST_STREAMS_AFTER: f64 = 1.3;

/// What happens when.
#[derive(Clone, Copy)]
struct Course {
    clients: u32,
    seconds: u64,
    outage_at: u64,
}

impl Course {
    fn outage(self) -> std::ops::Range<u64> {
        self.outage_at * 1_000..self.outage_at * 1_000 + millis(OUTAGE)
    }

    /// The slots at which all streams end.
    fn breaks(self) -> Option<[usize; 2]> {
        let outage = self.outage();
        let restart = outage.end + millis(RESTART_AFTER);
        let slot = |at: u64| usize::try_from(at / SLOT_MS).ok();
        Some([slot(outage.start)?, slot(restart)?])
    }
}

/// The rates of a fleet, by second.
type Rates = [Vec<u32>; 2];

/// Plays a fleet on all cores; returns the refreshes in each second, and the streams that were asked for.
///
/// Clients are independent, so they can be simulated in batches.
fn play_all(course: Course) -> Option<Rates> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let numbers: Vec<u32> = (0..course.clients).collect();
    let batches: Vec<&[u32]> = numbers.chunks(BATCH).collect();
    let played: Vec<Option<Rates>> = std::thread::scope(|scope| {
        let workers: Vec<_> = batches
            .chunks(batches.len().div_ceil(cores))
            .map(|share| scope.spawn(move || add(share.iter().map(|batch| play(batch, course)))))
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| worker.join().ok().flatten();
        workers.into_iter().map(join).collect()
    });
    add(played.into_iter())
}

fn add(all: impl Iterator<Item = Option<Rates>>) -> Option<Rates> {
    let sum = |left: Vec<u32>, right: Vec<u32>| {
        let pairs = left.into_iter().zip(right);
        pairs.map(|(left, right)| left + right).collect()
    };
    all.reduce(|one, more| {
        let ([refreshes, streams], [more_refreshes, more_streams]) = (one?, more?);
        Some([sum(refreshes, more_refreshes), sum(streams, more_streams)])
    })?
}

/// Plays some clients of a fleet.
fn play(numbers: &[u32], course: Course) -> Option<Rates> {
    let seconds = usize::try_from(course.seconds).ok()?;
    let mut server = Server {
        outage: course.outage(),
        grant: Grant {
            token: Secret::new("token")?,
            lifetime: LIFE,
            refresh_in: None,
            session: SessionInfo::new("session", "user", "{}"),
        },
        seconds: vec![0; seconds],
        streams: vec![0; seconds],
    };
    let mut calendar = Calendar::new(numbers);
    let arrival_slots = ARRIVAL_SECONDS * 1_000 / SLOT_MS;
    for (place, number) in numbers.iter().enumerate() {
        let slot = u64::from(*number) * arrival_slots / u64::from(course.clients);
        calendar.write(place, usize::try_from(slot).unwrap_or(0));
    }
    let calls_from = usize::try_from(course.outage_at * 1_000 / SLOT_MS).ok()?;
    let calls_for = usize::try_from(CALLS_FOR.as_millis()).ok()? / usize::try_from(SLOT_MS).ok()?;
    let breaks = course.breaks()?;
    for slot in 0..usize::try_from(course.seconds * 1_000 / SLOT_MS).ok()? {
        if breaks.contains(&slot) {
            calendar.break_streams(slot, &mut server);
        }
        calendar.turn(slot, &mut server);
        if (calls_from..calls_from + calls_for).contains(&slot) {
            calendar.use_pages(slot, &mut server);
        }
    }
    Some([server.seconds, server.streams])
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

    /// Ends all streams, and none by its client.
    fn break_streams(&mut self, slot: usize, server: &mut Server) {
        for place in 0..self.clients.len() {
            self.clients[place].break_stream(time_of(slot), server);
            self.plan(place, slot);
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

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn time_of(slot: usize) -> u64 {
    u64::try_from(slot).unwrap_or(u64::MAX) * SLOT_MS
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: u64| match words.get(place) {
        Some(word) => word.parse::<u64>(),
        None => Ok(default),
    };
    let clients = u32::try_from(number(0, 1_000_000)?)?.max(1);
    let hours = number(1, 24)?.max(2);
    let course = Course {
        clients,
        seconds: hours * 3_600,
        outage_at: hours * 1_800,
    };
    let [rates, streams] = play_all(course).ok_or("no token")?;

    let outage_at = usize::try_from(course.outage_at)?;
    let back = outage_at + usize::try_from(OUTAGE.as_secs())?;
    let restart = back + usize::try_from(RESTART_AFTER.as_secs())?;
    let before = rates.get(outage_at - 1_000..outage_at).ok_or("too short")?;
    let steady = f64::from(before.iter().sum::<u32>()) / 1_000.0;
    let after = rates.get(back..).ok_or("too short")?;
    let drop = f64::from(after.iter().take(300).min().copied().unwrap_or(0));
    println!(
        "{clients} clients, {hours} h, an outage of {} s; one in {IN_USE} calls its API every 10 s",
        OUTAGE.as_secs()
    );
    println!("steady                       {steady:>9.0} refreshes a second");
    let mut is_too_much = false;
    for (name, rates, most) in [
        (
            "most during the outage",
            &rates[outage_at..back],
            MOST_DURING,
        ),
        ("most after the outage", after, MOST),
        (
            "most streams in the outage",
            &streams[outage_at..back],
            MOST_STREAMS,
        ),
        (
            "most streams after it",
            &streams[back..restart],
            MOST_STREAMS_AFTER,
        ),
        (
            "most streams after a restart",
            &streams[restart..],
            MOST_STREAMS,
        ),
    ] {
        let highest = f64::from(rates.iter().max().copied().unwrap_or(0));
        let share = highest / steady;
        println!("{name:<28} {highest:>9.0} ({share:.2} × steady, at most {most})");
        is_too_much |= share > most;
    }
    println!(
        "least in 5 minutes after     {drop:>9.0} ({:.2} × steady)",
        drop / steady
    );
    if let Some(file) = words.get(2) {
        fs::write(file, plot::plot(&rates, &streams, steady))?;
    }
    if is_too_much {
        return Err("the fleet sends too many requests".into());
    }
    Ok(())
}
