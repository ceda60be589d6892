//! The databases of a set, `DATABASE_URLS`.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::{domain::Shard, store::is_postgres};

/// The expected form of `DATABASE_URLS`.
pub const DATABASE_URLS: &str = "the databases of a set, separated by commas: 0=postgres://…,1=postgres://… The number is the \
     database's own for good, 0 to 255, once each and 0 among them; 1x3= has three times the sessions of another, 1x0= no new \
     ones, and 1= without a URL is gone";

const MAX_WEIGHT: u32 = 1_000;

/// A database of a set.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ShardUrl {
    pub(super) shard: Shard,
    /// How many of the new sessions it gets, in proportion to the others.
    pub(super) weight: u32,
    /// Where it is; `None` if it is gone for good.
    pub(super) url: Option<String>,
}

/// The databases of a set: `DATABASE_URLS`.
#[derive(Clone, PartialEq, Eq)]
pub struct ShardUrls(Vec<ShardUrl>);

impl ShardUrls {
    pub(super) fn iter(&self) -> impl Iterator<Item = &ShardUrl> {
        self.0.iter()
    }

    /// Returns how many databases there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().filter(|shard| shard.url.is_some()).count()
    }
}

/// URLs have passwords.
impl fmt::Debug for ShardUrls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards = self.0.iter().map(|shard| (shard.shard, shard.weight));
        formatter.debug_list().entries(shards).finish()
    }
}

impl FromStr for ShardUrls {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let shards: Option<Vec<ShardUrl>> = text.split(',').map(parse).collect();
        let shards = shards.ok_or(())?;
        let numbers: BTreeSet<Shard> = shards.iter().map(|shard| shard.shard).collect();
        let urls: BTreeSet<&str> = shards.iter().filter_map(|one| one.url.as_deref()).collect();
        let named = shards.iter().filter(|shard| shard.url.is_some()).count();
        let is_home = |shard: &ShardUrl| shard.shard == Shard::HOME && shard.url.is_some();
        let gets_sessions = |shard: &ShardUrl| shard.weight > 0 && shard.url.is_some();
        let is_set = numbers.len() == shards.len()
            && urls.len() == named
            && shards.iter().any(is_home)
            && shards.iter().any(gets_sessions);
        is_set.then_some(Self(shards)).ok_or(())
    }
}

/// Reads `NUMBER=URL` or `NUMBERxWEIGHT=URL`.
fn parse(text: &str) -> Option<ShardUrl> {
    let (name, url) = text.trim().split_once('=')?;
    let (number, weight) = match name.split_once('x') {
        None => (name, 1),
        Some((number, weight)) => (number, weight.parse().ok()?),
    };
    let url = Some(url).filter(|url| !url.is_empty());
    let is_known = url.is_none_or(is_postgres) && weight <= MAX_WEIGHT;
    is_known.then_some(ShardUrl {
        shard: Shard::from_number(number.parse().ok()?),
        weight,
        url: url.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issue14_line5_databases_are_named_and_not_counted() {
        let text = "1x3=postgres://u:p@b/n?a=b, 0=postgresql://a/n,200x0=postgres://c/n,3=";
        let urls: ShardUrls = text.parse().expect("a set");

        let read = urls.iter().map(|one| {
            let url = one.url.as_deref().unwrap_or_default();
            (one.shard.number(), one.weight, url)
        });
        assert_eq!(
            read.collect::<Vec<_>>(),
            [
                (1, 3, "postgres://u:p@b/n?a=b"),
                (0, 1, "postgresql://a/n"),
                (200, 0, "postgres://c/n"),
                (3, 1, ""),
            ]
        );
        assert_eq!(urls.count(), 3);
        assert!(!format!("{urls:?}").contains("postgres"));
    }

    #[test]
    fn issue14_line5_what_is_no_set_is_refused() {
        for text in [
            "",
            "postgres://a/n",
            "1=postgres://a/n",
            "0=",
            "0x0=postgres://a/n",
            "0=postgres://a/n,0=postgres://b/n",
            "0=postgres://a/n,1=postgres://a/n",
            "0=postgres://a/n,256=postgres://b/n",
            "0=postgres://a/n,-1=postgres://b/n",
            "0=postgres://a/n,1x=postgres://b/n",
            "0=postgres://a/n,1x1001=postgres://b/n",
            "0=postgres://a/n,1=sqlite://b",
            "0=postgres://a/n,",
        ] {
            assert!(text.parse::<ShardUrls>().is_err(), "{text}");
        }
    }
}
