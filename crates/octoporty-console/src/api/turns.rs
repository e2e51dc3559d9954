//! How many requests of one visitor are being worked at, so that one stranger cannot hold all of a proxy's connections:
//! those are one source for [`crate::listen`], whoever is behind it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::listen::source_of;

/// Requests of one visitor that are not answered yet: half of what a proxy before the console may hold. A page asks for
/// a dozen things at once.
pub(crate) const MAX_OF_VISITOR: usize = 64;

/// The requests that are being worked at, by visitor. As many as there are connections at most.
#[derive(Clone, Default)]
pub(crate) struct Turns {
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One request's turn; over when dropped.
pub(crate) struct Turn {
    source: IpAddr,
    turns: Turns,
}

impl Turns {
    /// A turn for one more request; `None` when the visitor has as many as it may have.
    pub(crate) fn take(&self, visitor: IpAddr) -> Option<Turn> {
        let source = source_of(visitor);
        let mut held = self.lock();
        let count = held.entry(source).or_default();
        if *count >= MAX_OF_VISITOR {
            return None;
        }
        *count += 1;
        Some(Turn { source, turns: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut held = self.turns.lock();
        if let Some(count) = held.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_has_a_bound_and_nothing_is_kept_of_one_that_left() {
        let turns = Turns::default();
        let visitor = "203.0.113.9".parse().unwrap();
        let held: Vec<_> = (0..MAX_OF_VISITOR).map(|_| turns.take(visitor).unwrap()).collect();
        assert!(turns.take(visitor).is_none());
        assert!(turns.take("192.0.2.1".parse().unwrap()).is_some());
        drop(held);
        assert!(turns.lock().is_empty());
    }
}
