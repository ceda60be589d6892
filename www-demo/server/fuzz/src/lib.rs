//! What must hold of every input, one module a target. A check panics where it does not.

pub mod cookie;
pub mod feed;
pub mod json;
pub mod query;
pub mod token;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Plays the files that the command line names, and prints which are accepted.
///
/// # Errors
/// Fails if one cannot be read.
pub fn play(check: fn(&[u8]) -> bool) -> io::Result<()> {
    for file in std::env::args_os().skip(1).map(PathBuf::from) {
        let is_taken = check(&fs::read(&file)?);
        let verdict = if is_taken { "taken" } else { "refused" };
        writeln!(io::stdout(), "{}: {verdict}", file.display())?;
    }
    Ok(())
}

/// Runs to its end what never waits.
///
/// # Panics
/// Panics if it waits.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(done) = pin!(work).poll(&mut context) else {
        panic!("reading a request waits for something");
    };
    done
}
