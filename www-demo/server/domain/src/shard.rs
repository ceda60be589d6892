//! Shards: databases that share the sessions of one deployment. A session's id names its shard, so that none is looked for.
//!
//! | bytes of an id | what they are |
//! | --- | --- |
//! | 5 | `shard`, which one in 2⁴⁰ random ids begins with |
//! | 1 | the number of the shard |
//! | 10 | random: among 10⁹ sessions on a shard, two have one id with a probability of less than 10⁻⁶ |
//!
//! Any other id is of a time when there was one database: its session is on [`Shard::HOME`].

use std::fmt;

use crate::{PoolUse, SessionId};

/// What ids that name their shard begin with.
const MARK: &[u8; 5] = b"shard";

/// The number of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// The shard that has users, keys and throttles too, and the sessions whose ids name none.
    pub const HOME: Self = Self(0);

    /// Creates a shard's number.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The state of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardState {
    /// The shard.
    pub shard: Shard,
    /// Whether its sessions are served.
    pub serves: bool,
    /// The connections to it.
    pub pool: PoolUse,
}

impl SessionId {
    /// Creates the id of a session on a shard from random bytes, of which the last ten are kept.
    #[must_use]
    pub fn on_shard(shard: Shard, random: [u8; 16]) -> Self {
        let mut bytes = random;
        let named = MARK.iter().chain([&shard.0]);
        for (byte, named) in bytes.iter_mut().zip(named) {
            *byte = *named;
        }
        Self::from_bytes(bytes)
    }

    /// Returns the shard of the session. Whether there is such a shard is not known here.
    #[must_use]
    pub fn shard(&self) -> Shard {
        match self.as_bytes() {
            [mark @ .., number, _, _, _, _, _, _, _, _, _, _] if mark == MARK => Shard(*number),
            _ => Shard::HOME,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issue14_line5_an_id_names_its_shard_and_stays_one_of_its_own() {
        for number in 0..=u8::MAX {
            let shard = Shard::from_number(number);
            let [one, other] = [7, 8].map(|random| SessionId::on_shard(shard, [random; 16]));
            assert_eq!((one.shard(), other.shard()), (shard, shard));
            assert_ne!(one, other);
            assert_eq!(SessionId::parse(&one.to_string()), Some(one));
        }
    }

    #[test]
    fn issue14_line5_an_id_of_one_database_is_at_home() {
        let mut almost = *SessionId::on_shard(Shard::from_number(3), [9; 16]).as_bytes();
        almost[4] ^= 1;
        for bytes in [[0; 16], [3; 16], [255; 16], almost] {
            assert_eq!(SessionId::from_bytes(bytes).shard(), Shard::HOME);
        }
    }
}
