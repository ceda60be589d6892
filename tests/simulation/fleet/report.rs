//! What a course came to, and what it may come to at most.

use super::budgets::Budget;
use super::course::{Course, EVENT};
use super::rates::{Kind, Rates};

/// How many browsers the fleet stands for.
pub(crate) const BROWSERS: f64 = 10_000_000.0;
/// The span before the event, of which the steady rate is the mean.
const BEFORE: u64 = 300_000;
/// The spans after an event in which waves are looked for, each of ten periods of refreshes, and over how many seconds their peaks
/// are averaged.
const WAVES_AFTER: [u64; 3] = [120_000, 600_000, 1_300_000];
const WAVES_FOR: u64 = 490_000;
const WAVE_S: u32 = 5;
const MINUTE: u64 = 60_000;

/// The figures of a course. Rates are multiples of the steady one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    /// Refreshes a second of ten million browsers.
    pub(crate) steady: f64,
    pub(crate) during: f64,
    pub(crate) after: f64,
    pub(crate) least_after: f64,
    pub(crate) streams: f64,
    /// Refreshes answered by 503, for each browser.
    pub(crate) unavailable: f64,
    /// The shares of the calls of the event and of the minute after it, in per cent.
    pub(crate) late: f64,
    pub(crate) failed: f64,
    /// Failed calls of ten million browsers.
    pub(crate) all_failed: f64,
    /// The longest wait of a refresh for the auth server, in milliseconds.
    pub(crate) wait: u64,
    /// The most refreshes 2, 10 and 21 minutes after the event.
    pub(crate) waves: [f64; 3],
    /// Sessions that ended.
    pub(crate) ended: u64,
}

impl Report {
    /// Reads the figures; peaks are means over so many seconds.
    pub(crate) fn of(course: &Course, rates: &Rates, seconds: u32) -> Self {
        let (from, to) = course.event;
        let ends = course.ends;
        let steady = if from == EVENT {
            rates.mean(Kind::Refresh, (EVENT - BEFORE, EVENT))
        } else {
            rates.mean(Kind::Refresh, (ends - BEFORE, ends))
        };
        let most = |kind, span| rates.most(kind, span, seconds) / steady;
        let counted = (from, to + MINUTE);
        let of_calls = |kind| {
            let calls = rates.mean(Kind::Call, counted).max(1.0);
            100.0 * rates.mean(kind, counted) / calls
        };
        let scale = BROWSERS / f64::from(rates.pages);
        let sum = |kind| rates.mean(kind, (from, ends)) * f64::from(whole_seconds(ends - from));
        Self {
            steady: steady * scale,
            during: most(Kind::Refresh, (from, to)),
            after: most(Kind::Refresh, (to, ends)),
            least_after: rates.least(Kind::Refresh, (to, ends), seconds) / steady,
            streams: most(Kind::Stream, (from, ends)),
            unavailable: sum(Kind::Unavailable) / f64::from(rates.pages),
            late: of_calls(Kind::Late),
            failed: of_calls(Kind::Failed),
            all_failed: sum(Kind::Failed) * scale,
            wait: rates.longest_wait(),
            waves: WAVES_AFTER.map(|after| {
                let span = (to + after, to + after + WAVES_FOR);
                rates.most(Kind::Refresh, span, WAVE_S) / steady
            }),
            ended: rates.sum(Kind::Ended, (0, ends)),
        }
    }

    /// Returns what is more than it may be.
    pub(crate) fn excesses(&self, budget: Budget) -> Vec<String> {
        let all = [
            ("refreshes during the event", self.during, budget.during),
            ("refreshes after it", self.after, budget.after),
            ("streams", self.streams, budget.streams),
            ("failed calls", self.failed, budget.failed),
            ("waves ten minutes later", self.waves[1], budget.wave),
        ];
        let too_much = all.into_iter().filter(|(_, is, most)| is > most);
        let mut excesses: Vec<String> = too_much
            .map(|(name, is, most)| format!("{name}: {is:.2}, at most {most}"))
            .collect();
        if self.ended > 0 {
            excesses.push(format!("{} users were signed out", self.ended));
        }
        excesses
    }

    /// Returns the row of a table.
    pub(crate) fn row(&self, title: &str) -> String {
        let [first, second, third] = self.waves;
        format!(
            "| {title} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {:.2} % | {:.2} % | {} | {first:.2}, {second:.2}, {third:.2} | {} |",
            self.during,
            self.after,
            self.least_after,
            self.streams,
            self.unavailable,
            seconds(self.wait),
            self.late,
            self.failed,
            millions(self.all_failed),
            self.ended
        )
    }
}

/// The heads of the rows.
pub(crate) const HEAD: &str = "\
| event | most refreshes during it, × steady | most after it | least after it | most streams, × steady refreshes | 503 for each browser \
| longest wait for the server | calls that waited over 1 s | calls that failed | the same, of 10 million | waves 2, 10 and 21 min \
later | signed out |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |";

fn seconds(millis: u64) -> String {
    format!("{}.{:02} s", millis / 1_000, millis % 1_000 / 10)
}

fn millions(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        format!("{:.2} million", number / 1_000_000.0)
    }
}

fn whole_seconds(millis: u64) -> u32 {
    u32::try_from(millis / 1_000).unwrap_or(u32::MAX)
}
