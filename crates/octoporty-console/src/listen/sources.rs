//! Who holds how many of the console's connections, so that nobody takes them all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Connections at once of all sources together: a few people's browsers and scripts, with much room, and a bound on
/// what the console's connections cost the process.
pub(super) const MAX_CONNECTIONS: usize = 512;

/// Connections at once of one source. A reverse proxy before the console is one source for everybody behind it: all
/// the event streams that there may be (64), and as many connections for requests.
pub(super) const MAX_OF_SOURCE: usize = 128;

/// The connections that stand, by source. At most [`MAX_CONNECTIONS`].
#[derive(Clone, Default)]
pub(super) struct Sources {
    shared: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    /// Oldest first; no source without connections.
    held: HashMap<IpAddr, Vec<Held>>,
    /// Connections of all sources.
    total: usize,
    /// Number of the next connection.
    next: u64,
}

struct Held {
    number: u64,
    cut: CancellationToken,
}

/// One connection's place; free again when dropped.
pub(super) struct Place {
    source: IpAddr,
    number: u64,
    /// Cancelled when the connection has to go, for a source that holds fewer or because all have to.
    pub(super) cut: CancellationToken,
    sources: Sources,
}

impl Sources {
    /// A place for one more connection. `cut` ends all connections.
    ///
    /// `None` when its source has as many as it may have, or when all places are taken and no other source holds
    /// clearly more. Otherwise the newest connection of the source that holds most gives way.
    pub(super) fn admit(&self, address: IpAddr, cut: &CancellationToken) -> Option<Place> {
        let source = source_of(address);
        let mut table = self.lock();
        let own = table.held.get(&source).map_or(0, Vec::len);
        if own >= MAX_OF_SOURCE || (table.total >= MAX_CONNECTIONS && !table.take_from_busiest(own)) {
            return None;
        }
        let (number, cut) = (table.next, cut.child_token());
        table.next += 1;
        table.total += 1;
        table.held.entry(source).or_default().push(Held { number, cut: cut.clone() });
        Some(Place { source, number, cut, sources: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Cuts the newest connection of the source with most, unless it would then hold fewer than one that has `own`
    /// and gets one more.
    fn take_from_busiest(&mut self, own: usize) -> bool {
        let busiest = self.held.iter().max_by_key(|(_, held)| held.len());
        let Some((&source, held)) = busiest else { return false };
        let Some(newest) = held.last().filter(|_| held.len() > own + 1) else { return false };
        newest.cut.cancel();
        let number = newest.number;
        self.remove(source, number);
        true
    }

    /// A connection that had to give way is not there any more.
    fn remove(&mut self, source: IpAddr, number: u64) {
        let Some(held) = self.held.get_mut(&source) else { return };
        let Some(at) = held.iter().position(|held| held.number == number) else { return };
        held.remove(at);
        self.total -= 1;
        if held.is_empty() {
            self.held.remove(&source);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sources.lock().remove(self.source, self.number);
    }
}

/// Who is counted as one: an IPv4 address, or an IPv6 /64, which one machine has to itself.
pub(crate) fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn host(number: usize) -> IpAddr {
        address(&format!("192.0.2.{number}"))
    }

    #[test]
    fn one_source_has_a_bound_and_gets_places_back() {
        let (sources, cut) = (Sources::default(), CancellationToken::new());
        let places: Vec<_> = (0..MAX_OF_SOURCE).map(|_| sources.admit(host(1), &cut).unwrap()).collect();
        assert!(sources.admit(host(1), &cut).is_none());
        assert!(sources.admit(address("::ffff:192.0.2.1"), &cut).is_none());
        let other = sources.admit(host(2), &cut);
        assert!(other.is_some());
        drop(places);
        assert!(sources.admit(host(1), &cut).is_some());
        drop(other);
        let table = sources.lock();
        assert_eq!((table.total, table.held.len()), (0, 0));
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let (sources, cut) = (Sources::default(), CancellationToken::new());
        let places: Vec<_> = (0..MAX_OF_SOURCE)
            .map(|number| sources.admit(address(&format!("2001:db8:1:2::{number:x}")), &cut).unwrap())
            .collect();
        assert!(sources.admit(address("2001:db8:1:2:ffff::1"), &cut).is_none());
        assert!(sources.admit(address("2001:db8:1:3::1"), &cut).is_some());
        assert_eq!(places.len(), MAX_OF_SOURCE);
    }

    #[test]
    fn when_all_are_taken_the_newest_of_the_busiest_gives_way() {
        let (sources, cut) = (Sources::default(), CancellationToken::new());
        let full = MAX_CONNECTIONS / MAX_OF_SOURCE - 1;
        let mut places = Vec::new();
        for number in (1..=full).flat_map(|host| [host; MAX_OF_SOURCE - 1]) {
            places.push(sources.admit(host(number), &cut).unwrap());
        }
        places.push(sources.admit(host(1), &cut).unwrap());
        let many = places.len();
        for number in 0..MAX_CONNECTIONS - many {
            places.push(sources.admit(host(100 + number), &cut).unwrap());
        }
        assert_eq!(sources.lock().total, MAX_CONNECTIONS);
        let operator = sources.admit(address("198.51.100.1"), &cut).unwrap();
        let gone: Vec<_> = (0..places.len()).filter(|at| places[*at].cut.is_cancelled()).collect();
        assert_eq!(gone, [many - 1]);
        // Whoever holds most himself takes nothing from others.
        assert!(sources.admit(host(2), &cut).is_none());
        assert_eq!(sources.lock().total, MAX_CONNECTIONS);
        // The place that was taken away is not given back twice.
        drop(places);
        assert_eq!(sources.lock().total, 1);
        cut.cancel();
        assert!(operator.cut.is_cancelled());
    }
}
