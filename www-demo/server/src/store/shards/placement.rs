//! Which shard a user's new session is on.
//!
//! By weighted rendezvous hashing: the sessions of a user are on one shard while that can be reached, so that as few copies of
//! users as possible are needed. A new shard takes its share of the users, each at the next sign-in, and moves nothing.

use sha2::{Digest, Sha256};

use super::ShardSet;
use crate::domain::{Shard, UserId};

impl ShardSet {
    /// Chooses among the shards that can be reached; among all of them if none can.
    pub(super) fn choose(&self, user: UserId) -> Shard {
        let all = || self.members.values().filter(|member| member.weight > 0);
        let weights = |member: &std::sync::Arc<super::Member>| (member.shard, member.weight);
        let fit = all().filter(|member| member.is_fit()).map(weights);
        let chosen = choose(user, fit).or_else(|| choose(user, all().map(weights)));
        chosen.unwrap_or(Shard::HOME)
    }
}

fn choose(user: UserId, shards: impl Iterator<Item = (Shard, u32)>) -> Option<Shard> {
    let scored = shards.map(|(shard, weight)| (score(user, shard, weight), shard));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    best.map(|(_, shard)| shard)
}

/// Returns a number that is the greatest with a probability in proportion to the weight.
fn score(user: UserId, shard: Shard, weight: u32) -> f64 {
    let hash = Sha256::new()
        .chain_update(b"nolapse shard")
        .chain_update([shard.number()])
        .chain_update(user.as_bytes())
        .finalize();
    let start = hash.iter().take(4);
    let drawn = start.fold(0, |drawn: u32, byte| drawn << 8 | u32::from(*byte));
    let uniform = (f64::from(drawn) + 0.5) / (f64::from(u32::MAX) + 1.0);
    f64::from(weight) / -uniform.ln()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn users() -> impl Iterator<Item = UserId> {
        (0..4_000_u128).map(|number| UserId::from_bytes(number.to_be_bytes()))
    }

    fn shards(weights: &[u32]) -> impl Iterator<Item = (Shard, u32)> {
        let numbered = (0..=u8::MAX).map(Shard::from_number);
        numbered.zip(weights.to_vec())
    }

    #[test]
    fn issue14_line5_sessions_are_spread_by_weight() {
        let mut counts = BTreeMap::new();
        for user in users() {
            let shard = choose(user, shards(&[1, 3])).expect("there are two");
            *counts.entry(shard.number()).or_insert(0) += 1;
        }
        // A share of a quarter, give or take five standard deviations of 27.
        assert!((865..=1135).contains(&counts[&0]), "{counts:?}");
    }

    #[test]
    fn issue14_line5_a_new_shard_takes_its_share_and_nobody_changes_between_others() {
        let moved = users().filter_map(|user| {
            let before = choose(user, shards(&[1, 1]));
            let after = choose(user, shards(&[1, 1, 1]));
            (before != after).then_some(after)
        });
        let moved: Vec<_> = moved.collect();
        assert!(
            moved
                .iter()
                .all(|shard| *shard == Some(Shard::from_number(2)))
        );
        assert!((1180..=1490).contains(&moved.len()), "{}", moved.len());
    }
}
