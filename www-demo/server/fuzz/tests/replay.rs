//! Plays the seeds, and every input that ever failed, on each test run: without coverage, without C++.

use std::{fs, path::Path};

use nolapse_server_fuzz::{cookie, feed, json, query, token};

fn replay(target: &str, check: fn(&[u8]) -> bool) {
    let mut taken = 0;
    for kind in ["seeds", "regressions"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(kind)
            .join(target);
        let files = fs::read_dir(folder).into_iter().flatten();
        for file in files.map(|file| file.expect("it can be listed").path()) {
            taken += u32::from(check(&fs::read(&file).expect("it can be read")));
        }
    }
    assert!(taken > 0, "{target} has no seed that is taken");
}

#[test]
fn p46_p48_tokens_that_once_did_harm_do_none() {
    replay("token", token::check);
}

#[test]
fn p48_cookies_that_once_did_harm_do_none() {
    replay("cookie", cookie::check);
}

#[test]
fn p48_p56_feeds_that_once_did_harm_do_none() {
    replay("feed", feed::check);
}

#[test]
fn p48_bodies_that_once_did_harm_do_none() {
    replay("json", json::check);
}

#[test]
fn p48_targets_that_once_did_harm_do_none() {
    replay("query", query::check);
}
