//! Goal: a failing server is not flooded, whatever the app does.
//!
//! Promise P10: an hour of any constant failure costs at most 40 refreshes, for one tab and for five, at 50 calls/s.

use nolapse::core::PageChange;

use crate::sim::{Mode, Network, World};

const SEED: u64 = 50;

#[test]
#[expect(
    clippy::print_stdout,
    reason = "`npm run bench:tabs` shows the numbers"
)]
fn p10_an_hour_of_any_fixed_failure_costs_forty_refreshes_at_the_most() {
    let cases = [
        (Mode::Unavailable(None), Network::Fine),
        (Mode::Unavailable(Some(5)), Network::Fine),
        (Mode::Busy(Some(1)), Network::Fine),
        (Mode::Busy(None), Network::Fine),
        (Mode::Broken, Network::Fine),
        (Mode::Html, Network::Fine),
        (Mode::NoToken, Network::Fine),
        (Mode::Silent, Network::Fine),
        (Mode::Missing, Network::Fine),
        (Mode::Fine, Network::Offline),
        (Mode::Fine, Network::Stalling),
        (Mode::Fine, Network::Captive),
    ];
    for tabs in [1, 5] {
        for (mode, network) in cases {
            let mut world = World::signed_in(SEED, tabs);
            world.server.mode = mode;
            world.network = network;
            world.run(60_000);
            let before = world.sent(0);
            for tick in 0..3_600_u64 {
                let tab = usize::try_from(tick).unwrap_or(0) % tabs;
                // The app adds triggers for further attempts.
                if tick % 7 == 0 {
                    world.refresh(tab, tick % 2 == 0);
                }
                if tick % 60 == 0 {
                    world.page(tab, PageChange::Hidden);
                    world.page(tab, PageChange::Visible);
                    world.page(tab, PageChange::Online);
                }
                for _ in 0..50 {
                    world.api(tab);
                    world.run(20);
                }
            }
            let sent = world.sent(0) - before;
            println!("{tabs} tabs, server {mode:?}, network {network:?}: {sent} refreshes");
            assert!(sent <= 40, "{tabs} tabs, {mode:?} {network:?}: {sent}");
        }
    }
}
