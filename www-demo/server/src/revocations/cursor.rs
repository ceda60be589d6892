//! Where a reader of revocations resumes.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::domain::Shard;

/// A position in the log of each database. Entries below it have been read.
///
/// As text it is a number where there is one database, and otherwise `0:17,1:4`, so that what a reader has from the time of one
/// database counts for shard 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(BTreeMap<Shard, u64>);

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACursor;

impl Cursor {
    /// Returns the position in a log; 0 where nothing has been read.
    #[must_use]
    pub fn of(&self, shard: Shard) -> u64 {
        self.0.get(&shard).copied().unwrap_or_default()
    }

    /// Sets the position in a log.
    pub(super) fn set(&mut self, shard: Shard, position: u64) {
        self.0.insert(shard, position);
    }

    /// Leaves out the positions that are beyond those of `known`: no reader of these logs can have them.
    pub(super) fn within(mut self, known: &Self) -> Self {
        self.0
            .retain(|shard, position| *position <= known.of(*shard));
        self
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_one = self.0.keys().all(|shard| *shard == Shard::HOME);
        if is_one {
            return self.of(Shard::HOME).fmt(formatter);
        }
        for (index, (shard, position)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{shard}:{position}")?;
        }
        Ok(())
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        if let Ok(position) = text.parse() {
            return Ok(Self(BTreeMap::from([(Shard::HOME, position)])));
        }
        let mut positions = BTreeMap::new();
        for part in text.split(',') {
            let (shard, position) = part.split_once(':').ok_or(NotACursor)?;
            let shard = Shard::from_number(shard.parse().map_err(|_| NotACursor)?);
            positions.insert(shard, position.parse().map_err(|_| NotACursor)?);
        }
        Ok(Self(positions))
    }
}
