//! The reader of the feed of revocations, for its fuzz target alone.

use std::time::Duration;

use super::{
    event_stream::Parser,
    revoked::{Notice, RevokedTokens},
};

/// An event of the feed: its type, data and id, and the revocation that it is.
pub type Read = (
    String,
    String,
    Option<String>,
    Option<(RevokedTokens, Duration)>,
);

/// Reads a stream that comes in these pieces; `None` if it must not be read further.
#[must_use]
pub fn read_feed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Read>> {
    let mut parser = Parser::default();
    let mut all = Vec::new();
    for piece in pieces {
        let events = parser.push(piece).ok()?;
        all.extend(events.into_iter().map(|event| {
            let revoked = (event.kind == "revoked").then(|| Notice::parse(&event.data));
            (event.kind, event.data, event.id, revoked.flatten())
        }));
    }
    Some(all)
}
