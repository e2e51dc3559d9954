//! Which shard a link goes to: the one with the fewest links of the same source, so that the links of an agent
//! spread over all shards. (Which session a link belongs to is known only after its task runs.)

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Links by source and shard. As many entries as there are sources with links.
#[derive(Debug, Clone)]
pub(crate) struct Placement {
    shared: Arc<Mutex<Counts>>,
}

#[derive(Debug)]
struct Counts {
    total: Vec<u32>,
    by_source: HashMap<IpAddr, Vec<u32>>,
}

/// A link's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    /// Index of the shard.
    pub shard: usize,
    source: IpAddr,
    placement: Placement,
}

impl Placement {
    /// Nothing placed yet.
    pub(crate) fn new(shards: usize) -> Self {
        let counts = Counts { total: vec![0; shards], by_source: HashMap::new() };
        Self { shared: Arc::new(Mutex::new(counts)) }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a link of this source.
    pub(crate) fn place(&self, source: IpAddr) -> Place {
        let mut counts = self.lock();
        let Counts { total, by_source } = &mut *counts;
        let own = by_source.entry(source).or_insert_with(|| vec![0; total.len()]);
        let shard = (0..total.len()).min_by_key(|&shard| (own[shard], total[shard])).unwrap_or(0);
        own[shard] += 1;
        total[shard] += 1;
        Place { shard, source, placement: self.clone() }
    }

    /// The shard with the most links, for a visitor who came to one that has none; `None` to stay.
    pub(crate) fn better_than(&self, shard: usize) -> Option<usize> {
        let counts = self.lock();
        if counts.total.get(shard).is_none_or(|links| *links > 0) {
            return None;
        }
        (0..counts.total.len()).filter(|other| counts.total[*other] > 0).max_by_key(|other| counts.total[*other])
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.placement.lock();
        counts.total[self.shard] -= 1;
        if let Some(own) = counts.by_source.get_mut(&self.source) {
            own[self.shard] -= 1;
            if own.iter().all(|links| *links == 0) {
                counts.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn links_of_one_source_spread_over_all_shards_even_when_two_sources_alternate() {
        let placement = Placement::new(2);
        let places = [A, B, A, B].map(|source| placement.place(source));
        for source in [A, B] {
            let mut shards: Vec<usize> = places.iter().filter(|p| p.source == source).map(|p| p.shard).collect();
            shards.sort_unstable();
            assert_eq!(shards, [0, 1], "shards of {source}");
        }
    }

    #[test]
    fn a_dropped_place_is_free_again_and_leaves_nothing_behind() {
        let placement = Placement::new(3);
        let first = placement.place(A);
        let shard = first.shard;
        drop(first);
        assert!(placement.lock().by_source.is_empty());
        assert_eq!(placement.place(A).shard, shard);
    }

    #[test]
    fn a_visitor_moves_only_away_from_a_shard_without_links() {
        let placement = Placement::new(2);
        assert_eq!(placement.better_than(0), None, "no shard has links");
        let place = placement.place(A);
        let (with, without) = (place.shard, 1 - place.shard);
        assert_eq!(placement.better_than(without), Some(with));
        assert_eq!(placement.better_than(with), None);
    }
}
