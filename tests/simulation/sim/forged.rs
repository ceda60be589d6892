//! Storage records that a same-origin script can write.

use nolapse::core::{Input, StoredState};
use proptest::prelude::*;

use super::World;

/// Boundary values: digit counts, plausible versions, serial number arithmetic, integer widths, JavaScript's exact integers.
const ENDS: [u64; 22] = [
    0,
    1,
    2,
    999_999,
    1_000_000,
    1_000_001,
    1_000_002,
    1_999_999,
    2_000_000,
    2_000_001,
    2_000_002,
    4_294_967_295,
    4_294_967_296,
    1_700_000_000_000,
    1_700_000_600_000,
    99_999_999_999_999,
    100_000_000_000_000,
    100_000_000_000_001,
    999_999_999_999_999,
    1_000_000_000_000_000,
    9_007_199_254_740_993,
    18_446_744_073_709_551_615,
];

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(&ENDS[..]),
        2 => 1_u64..20,
        1 => 0_u64..2_100_000,
        1 => 1_700_000_000_000_u64..1_700_001_000_000,
    ]
}

/// The version of a forged record: absolute, or relative to the tabs' version.
#[derive(Clone, Copy, Debug)]
pub enum ForgedVersion {
    Is(u64),
    Ahead(i64),
}

fn version() -> impl Strategy<Value = ForgedVersion> {
    prop_oneof![
        number().prop_map(ForgedVersion::Is),
        prop::sample::select(
            &[
                -2, -1, 0, 1, 999_999, 1_000_000, 1_000_001, 1_000_002, 1_999_999
            ][..]
        )
        .prop_map(ForgedVersion::Ahead),
    ]
}

/// A forged record.
#[derive(Clone, Debug)]
pub struct Forged {
    pub version: ForgedVersion,
    pub state: String,
    pub backoff: String,
}

fn forged() -> impl Strategy<Value = Forged> {
    let state = prop_oneof![
        4 => (number(), number()).prop_map(|(expires, fingerprint)| format!("in;{expires};{fingerprint}")),
        2 => (number(), 0_u8..3, 0_u8..3).prop_map(|(fingerprint, told, everywhere)| {
            format!("out;signed_out;{fingerprint};{told};{everywhere}")
        }),
        1 => Just("in;;".to_owned()),
        1 => Just("away;1;2".to_owned()),
    ];
    let backoff = prop_oneof![
        3 => Just(String::new()),
        1 => (number(), number(), number(), 0_u8..2, number()).prop_map(
            |(failures, since, until, server_requested, resets_at)| {
                format!(";server_error;{failures};{since};{until};{server_requested};{resets_at}")
            }
        ),
    ];
    (version(), state, backoff).prop_map(|(version, state, backoff)| Forged {
        version,
        state,
        backoff,
    })
}

fn garbage() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("nolapse2;1;in;1;1".to_owned()),
        Just("?".to_owned()),
        ".{0,40}",
    ]
}

/// The stored text: a forged record, or any text.
pub fn record() -> impl Strategy<Value = Result<Forged, String>> {
    prop_oneof![6 => forged().prop_map(Ok), 1 => garbage().prop_map(Err)]
}

impl World {
    /// Writes as a script of a tab: the other tabs get the storage events after a delay, in the version of writing.
    pub fn spoil(&mut self, by: usize, record: &Result<Forged, String>) {
        let text = match record {
            Err(garbage) => garbage.clone(),
            Ok(forged) => {
                let known = self.record_version().unwrap_or_default();
                let number = match forged.version {
                    ForgedVersion::Is(number) => number,
                    ForgedVersion::Ahead(ahead) => known.saturating_add_signed(ahead),
                };
                format!("nolapse1;{number};{}{}", forged.state, forged.backoff)
            }
        };
        self.browsers[0].stored = Some(text.clone());
        self.write_storage(by, text);
        self.run(11);
        let latest = self.browsers[0].stored.clone();
        for tab in self.tabs_of(0) {
            self.tabs[tab].stored.clone_from(&latest);
            if tab != by {
                // The writing tab gets no storage event.
                self.deliver(tab, Input::StorageChanged);
            }
        }
    }

    /// The version in the record; `None` if it cannot be parsed.
    pub fn record_version(&self) -> Option<u64> {
        let text = self.browsers[0].stored.clone().unwrap_or_default();
        match StoredState::read(&text) {
            StoredState::Record(record) => Some(record.version.number()),
            StoredState::Unavailable | StoredState::Empty => None,
        }
    }
}
