//! What a script of the same origin can write into the record that tabs share.

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

/// What stands in the place of the order: a number of its own, or one so far from the tabs' own.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    Is(u64),
    Ahead(i64),
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        number().prop_map(Order::Is),
        prop::sample::select(
            &[
                -2, -1, 0, 1, 999_999, 1_000_000, 1_000_001, 1_000_002, 1_999_999
            ][..]
        )
        .prop_map(Order::Ahead),
    ]
}

/// A record that a script wrote.
#[derive(Clone, Debug)]
pub struct Forged {
    pub order: Order,
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
    (order(), state, backoff).prop_map(|(order, state, backoff)| Forged {
        order,
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

/// What stands in the place of the record: one that a script wrote, or any text.
pub fn record() -> impl Strategy<Value = Result<Forged, String>> {
    prop_oneof![6 => forged().prop_map(Ok), 1 => garbage().prop_map(Err)]
}

impl World {
    /// What a script writes is seen by the other tabs a little later, in the order of writing.
    pub fn spoil(&mut self, by: usize, record: &Result<Forged, String>) {
        let text = match record {
            Err(garbage) => garbage.clone(),
            Ok(forged) => {
                let known = self.marked().unwrap_or_default();
                let number = match forged.order {
                    Order::Is(number) => number,
                    Order::Ahead(ahead) => known.saturating_add_signed(ahead),
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
                // Its own script's writing is no event for a tab.
                self.deliver(tab, Input::StorageChanged);
            }
        }
    }

    /// The order in the record; `None` where it cannot be read.
    pub fn marked(&self) -> Option<u64> {
        let text = self.browsers[0].stored.clone().unwrap_or_default();
        match StoredState::read(&text) {
            StoredState::Record(mark) => Some(mark.version.number()),
            StoredState::Unavailable | StoredState::Empty => None,
        }
    }
}
