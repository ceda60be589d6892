use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::domain::{Revocation, SessionId, Shard, UserId};

const LIFE: Duration = Duration::from_mins(1);
const WALL: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn session(number: u8) -> Revoked {
    Revoked::Session(
        SessionId::from_bytes([number; 16]),
        UserId::from_bytes([0; 16]),
    )
}

/// A page with these positions and sessions.
fn page(cursor: u64, entries: &[(u64, u8)]) -> RevocationPage {
    let entries = entries.iter().map(|(position, number)| Revocation {
        position: *position,
        revoked: session(*number),
        at: WALL,
        age: Duration::ZERO,
    });
    RevocationPage {
        entries: entries.collect(),
        cursor,
    }
}

fn add(revocations: &Revocations, page: RevocationPage) {
    revocations.add(Shard::HOME, page, (Instant::now(), WALL));
}

/// Reads all that there is; returns the sessions, and what was told last.
async fn read(reader: &mut Reader) -> (Vec<Revoked>, Option<(bool, u64)>) {
    let (mut sessions, mut told) = (Vec::new(), None);
    while let Ok(Some(update)) = timeout(Duration::from_millis(20), reader.next()).await {
        match update {
            Update::Revoked(batch) => {
                sessions.extend(batch.entries.iter().map(|entry| entry.revoked));
            }
            Update::CaughtUp { is_live, cursor } => {
                told = Some((is_live, cursor.of(Shard::HOME)));
            }
        }
    }
    (sessions, told)
}

#[tokio::test]
async fn p56_a_page_that_is_read_again_adds_only_what_is_new() {
    let revocations = Revocations::new(LIFE);
    let mut reader = revocations.reader(None);
    revocations.set_live(Shard::HOME, true);
    add(&revocations, page(10, &[(8, 1), (12, 2)]));
    assert_eq!(
        read(&mut reader).await,
        (vec![session(1), session(2)], Some((true, 10)))
    );

    // The transaction 10 was under way: 11 is read before it, and both again until it has ended.
    add(&revocations, page(10, &[(11, 3), (12, 2)]));
    add(&revocations, page(10, &[(11, 3), (12, 2)]));
    add(&revocations, page(13, &[(10, 4), (11, 3), (12, 2)]));
    add(&revocations, page(13, &[]));

    let (sessions, _) = read(&mut reader).await;
    assert_eq!(sessions, [session(3), session(4)]);
    assert_eq!(revocations.state().known, 4);
}

#[tokio::test]
async fn p56_a_reader_that_resumes_misses_nothing_at_any_server() {
    let revocations = Revocations::new(LIFE);
    add(&revocations, page(5, &[(3, 1), (7, 2)]));
    let mut reader = revocations.reader(None);
    let (_, told) = read(&mut reader).await;
    let (_, cursor) = told.expect("it is told where it is");
    assert_eq!(cursor, 5);
    add(&revocations, page(9, &[(6, 3), (7, 2), (8, 4)]));

    for (cursor, expected) in [
        // What it may not have: all from the first that was under way on.
        (Some(5), vec![session(2), session(3), session(4)]),
        (Some(9), Vec::new()),
        (None, vec![session(1), session(2), session(3), session(4)]),
        (
            Some(0),
            vec![session(1), session(2), session(3), session(4)],
        ),
        // No reader of this database can have it.
        (
            Some(10),
            vec![session(1), session(2), session(3), session(4)],
        ),
    ] {
        let resumed = cursor.map(|position| position.to_string().parse().expect("a cursor"));
        let (sessions, _) = read(&mut revocations.reader(resumed)).await;
        assert_eq!(sessions, expected, "{cursor:?}");
    }
}

#[tokio::test]
async fn part3_what_concerns_no_token_is_forgotten_and_a_slow_reader_goes_on() {
    let revocations = Revocations::new(LIFE);
    let mut slow = revocations.reader(None);
    add(&revocations, page(2, &[(1, 1)]));
    let late = Instant::now() + revocations.kept() + Duration::from_secs(1);

    revocations.add(Shard::HOME, page(3, &[(2, 2)]), (late, WALL));

    assert_eq!(read(&mut slow).await.0, [session(2)]);
    assert_eq!(read(&mut revocations.reader(None)).await.0, [session(2)]);
    assert_eq!(revocations.state().dropped, 0);
}

#[tokio::test]
async fn part3_readers_are_told_whether_the_log_is_live_and_when_it_ends() {
    let revocations = Revocations::new(LIFE);
    let mut reader = revocations.reader(None);
    assert_eq!(read(&mut reader).await, (Vec::new(), Some((false, 0))));
    revocations.set_live(Shard::HOME, true);
    assert_eq!(read(&mut reader).await.1, Some((true, 0)));
    revocations.set_live(Shard::HOME, true);
    assert_eq!(read(&mut reader).await.1, None, "nothing has changed");

    revocations.close();

    assert!(reader.next().await.is_none());
    assert!(revocations.reader(None).next().await.is_none());
}

/// The text of where a reader is that has read all there is.
async fn told(revocations: &Arc<Revocations>) -> String {
    let mut reader = revocations.reader(None);
    while let Ok(Some(update)) = timeout(Duration::from_millis(20), reader.next()).await {
        if let Update::CaughtUp { cursor, .. } = update {
            return cursor.to_string();
        }
    }
    panic!("a reader is told where it is");
}

#[tokio::test]
async fn issue14_line5_p56_a_reader_resumes_in_each_log() {
    let revocations = Revocations::new(LIFE);
    let other = Shard::from_number(1);
    let now = || (Instant::now(), WALL);
    add(&revocations, page(5, &[(3, 1)]));
    assert_eq!(told(&revocations).await, "5");
    revocations.add(other, page(900, &[(800, 2)]), now());
    let both = told(&revocations).await;
    assert_eq!(both, "0:5,1:900");
    // The place of one log is low in the other: nothing of it is left out.
    revocations.add(other, page(910, &[(905, 3)]), now());
    add(&revocations, page(8, &[(6, 4)]));

    for (cursor, expected) in [
        (both.as_str(), vec![session(3), session(4)]),
        // Of the time of one database.
        ("5", vec![session(2), session(3), session(4)]),
        ("0:8,1:910", vec![]),
        // Of a server that is ahead with one log, and of a log that there is none of.
        ("0:8,1:911", vec![session(2), session(3)]),
        ("0:8,1:910,7:3", vec![]),
    ] {
        let resumed = cursor.parse().expect("a cursor");
        let (sessions, _) = read(&mut revocations.reader(Some(resumed))).await;
        assert_eq!(sessions, expected, "{cursor}");
    }
    for text in ["", "0", "0:", "x", "0:1,", "256:1", "-1", "0:1;1:2"] {
        assert_eq!(text.parse::<Cursor>().is_ok(), text == "0", "{text}");
    }
}

#[tokio::test]
async fn issue14_line5_a_log_is_live_when_all_databases_are() {
    let revocations = Revocations::new(LIFE);
    let other = Shard::from_number(1);
    revocations.set_live(Shard::HOME, false);
    revocations.set_live(other, false);
    for (shard, is_live, expected) in [
        (Shard::HOME, true, false),
        (other, true, true),
        (Shard::HOME, false, false),
        (Shard::HOME, true, true),
    ] {
        revocations.set_live(shard, is_live);
        assert_eq!(revocations.state().is_live, expected);
    }
}
