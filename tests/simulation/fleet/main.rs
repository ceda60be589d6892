//! A fleet of browsers, each with the real core, before an auth server with the reference server's rules and limits, in virtual
//! time: what reaches the server and what users lose while it is away, deployed, or short of its database.
//!
//! `npm run fleet`; with other numbers: `npm run fleet -- 20000 4` plays four fleets of 20,000 pages and adds them up, and
//! `npm run fleet -- sizes` compares fleets of several sizes.
#![expect(clippy::print_stdout, reason = "it is a program that prints")]

mod budgets;
mod cluster;
mod course;
mod page;
mod plot;
#[expect(unreachable_pub, reason = "the simulation of tabs has it too")]
#[path = "../sim/random.rs"]
mod random;
mod rates;
mod report;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use course::Course;
use plot::{Panel, svg};
use rates::Rates;
use report::{BROWSERS, HEAD, Report};
use world::{Fleet, World};

const SEED: u64 = 0x5eed_f1ee_7000_0001;
/// The servers and the database can carry out so many times the steady rate: half of each core is kept free.
const HEADROOM: f64 = 2.0;
/// The seconds over which peaks are averaged where the fleet is large enough.
const PEAK_S: u32 = 1;
/// The sizes that are compared, and how many fleets of each: all add up to the same number of pages.
const SIZES: [(u32, u64); 3] = [(5_000, 16), (20_000, 4), (80_000, 1)];

/// Plays each course with so many independent fleets, on all cores, and adds the fleets of a course up.
fn play(courses: &[Course], pages: u32, fleets: u64) -> Option<Vec<Rates>> {
    let jobs: Vec<(usize, u64)> = (0..courses.len())
        .flat_map(|course| (0..fleets).map(move |fleet| (course, fleet)))
        .collect();
    let next = AtomicUsize::new(0);
    let played: Mutex<BTreeMap<usize, Rates>> = Mutex::default();
    let work = || {
        while let Some((course, fleet)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let seed = SEED.wrapping_mul(2 * fleet + 1);
            let fleet = Fleet {
                pages,
                seed,
                headroom: HEADROOM,
            };
            let rates = World::play(&courses[*course], fleet)?;
            let mut played = played.lock().ok()?;
            match played.get_mut(course) {
                Some(sum) => sum.add(&rates),
                None => drop(played.insert(*course, rates)),
            }
        }
        Some(())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().ok()?)
    })?;
    Some(played.into_inner().ok()?.into_values().collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "sizes") {
        return compare_sizes();
    }
    let pages = words.first().map_or(Ok(80_000), |word| word.parse())?;
    let fleets = words.get(1).map_or(Ok(2), |word| word.parse())?;
    let courses = Course::all();
    let played = play(&courses, pages, fleets).ok_or("a fleet could not be played")?;

    let all = f64::from(pages) * fleets_of(fleets);
    println!(
        "{fleets} × {pages} pages, each standing for {:.1} browsers\n\n{HEAD}",
        BROWSERS / all
    );
    let mut excesses = Vec::new();
    let mut panels = Vec::new();
    for (course, rates) in courses.iter().zip(&played) {
        let report = Report::of(course, rates, PEAK_S);
        println!("{}", report.row(course.title));
        let too_much = report.excesses(course.budget).into_iter();
        excesses.extend(too_much.map(|excess| format!("{}: {excess}", course.title)));
        panels.push(Panel {
            course,
            rates,
            steady: report.steady * all / BROWSERS,
        });
    }
    if let Some(panel) = panels.first() {
        println!(
            "\nsteady: {:.0} refreshes a second\n",
            panel.steady * BROWSERS / all
        );
    }
    for panel in &panels {
        println!("{:<12} {}", panel.course.name, panel.sparkline());
    }
    if let Some(folder) = words.get(2).map(Path::new) {
        for panel in &panels {
            let file = folder.join(format!("{}.svg", panel.course.name));
            fs::write(file, svg(std::slice::from_ref(panel)))?;
        }
        fs::write(folder.join("all.svg"), svg(&panels))?;
    }
    if excesses.is_empty() {
        return Ok(());
    }
    Err(excesses.join("\n").into())
}

/// Prints the peaks of fleets of several sizes, in the courses with the highest. All have the same noise, because all have as many pages
/// in total; what is left is the size's effect.
fn compare_sizes() -> Result<(), Box<dyn Error>> {
    let courses = [
        Course::short_outage(),
        Course::failover(),
        Course::cells_away(),
    ];
    for (pages, fleets) in SIZES {
        println!("{fleets} × {pages} pages\n\n{HEAD}");
        let played = play(&courses, pages, fleets).ok_or("a fleet could not be played")?;
        for (course, rates) in courses.iter().zip(&played) {
            println!("{}", Report::of(course, rates, PEAK_S).row(course.title));
        }
        println!();
    }
    Ok(())
}

fn fleets_of(fleets: u64) -> f64 {
    cluster::float(fleets)
}
