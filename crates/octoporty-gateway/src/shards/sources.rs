//! Connections of each source address, bounded.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Parts of the table, so that shards seldom wait for each other.
const PARTS: usize = 64;

/// How many connections each source has.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    shared: Arc<Table>,
}

#[derive(Debug)]
struct Table {
    most: u32,
    hasher: RandomState,
    parts: Vec<Mutex<HashMap<IpAddr, u32>>>,
}

/// One connection of a source; counted until dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    source: IpAddr,
    sources: Sources,
}

/// Who is counted as one: an IPv4 address, or an IPv6 /64 (what one customer gets).
pub(crate) fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

impl Sources {
    /// At most `most` connections a source.
    pub(crate) fn new(most: u32) -> Self {
        let parts = (0..PARTS).map(|_| Mutex::default()).collect();
        Self { shared: Arc::new(Table { most, hasher: RandomState::new(), parts }) }
    }

    fn part(&self, source: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        let parts = &self.shared.parts;
        let hash = self.shared.hasher.hash_one(source);
        let index = usize::try_from(hash % PARTS as u64).expect("a remainder of PARTS");
        parts[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more connection; `None` when the source has as many as it may have.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Permit> {
        let source = source_of(address);
        let mut part = self.part(source);
        let count = part.entry(source).or_insert(0);
        if *count >= self.shared.most {
            if *count == 0 {
                part.remove(&source);
            }
            return None;
        }
        *count += 1;
        drop(part);
        Some(Permit { source, sources: self.clone() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut part = self.sources.part(self.source);
        if let Some(count) = part.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                part.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_gets_no_more_than_its_share_and_does_not_take_that_of_others() {
        let sources = Sources::new(2);
        let held: Vec<_> = (0..2).map(|_| sources.admit(address("192.0.2.1")).unwrap()).collect();
        assert!(sources.admit(address("192.0.2.1")).is_none());
        assert!(sources.admit(address("::ffff:192.0.2.1")).is_none(), "the same source, mapped into IPv6");
        assert!(sources.admit(address("192.0.2.2")).is_some());
        drop(held);
        assert!(sources.admit(address("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_customer_is_one_source() {
        let sources = Sources::new(1);
        let held = sources.admit(address("2001:db8:0:1::1"));
        assert!(held.is_some());
        assert!(sources.admit(address("2001:db8:0:1:ffff::2")).is_none());
        assert!(sources.admit(address("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn nothing_is_kept_of_sources_without_connections() {
        let sources = Sources::new(1);
        drop(sources.admit(address("192.0.2.1")));
        assert!(sources.shared.parts.iter().all(|part| part.lock().unwrap().is_empty()));
    }
}
