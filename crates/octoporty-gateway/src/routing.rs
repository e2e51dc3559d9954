//! Host and path to route, in an immutable snapshot that is swapped whole.
//!
//! The snapshot is a table of [`BUCKETS`] parts, each shared between snapshots until it changes: a look-up hashes
//! the name once however many names there are, and a new snapshot costs what has changed, not what there is.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use octoporty_proto::model::{AccessRow, AgentName, HostPattern, HostnameRef, Mapping, PathPrefix};

use crate::session::Session;
use crate::session::access::AccessQueue;

/// Parts of the table: with 1M names, a change copies a part of about 1000 entries.
const BUCKETS: usize = 1024;

/// An agent's place in the routing: its session comes and goes without a new snapshot.
#[derive(Debug)]
pub(crate) struct AgentSlot {
    /// Who it is; also while it is away.
    pub agent: AgentName,
    /// Finished requests on their way to it.
    pub access: Arc<AccessQueue>,
    session: ArcSwapOption<Session>,
}

impl AgentSlot {
    /// The slot of an agent that is away.
    pub(crate) fn new(agent: AgentName) -> Self {
        Self { agent, access: Arc::default(), session: ArcSwapOption::empty() }
    }

    /// The session that stands, if one does.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.session.load_full()
    }

    /// Puts a session in, or takes it out.
    pub(crate) fn set(&self, session: Option<Arc<Session>>) {
        self.session.store(session);
    }
}

/// Who serves a route.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    slot: Arc<AgentSlot>,
}

impl Serving {
    /// Served by whoever is in this slot.
    pub(crate) fn new(slot: Arc<AgentSlot>) -> Self {
        Self { slot }
    }

    /// The session that serves the route now; `None` while its agent is away.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.slot.session()
    }

    /// Queues a finished request for the log of the agent that serves the route, or did last: it learns of what
    /// visitors got while it was away. Never waits; gives whether there was room for it.
    pub(crate) fn record(&self, row: &AccessRow<'_>) -> bool {
        self.slot.access.push(row)
    }
}

/// What a host and path lead to.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// The mapping.
    pub mapping: Arc<Mapping>,
    /// Who serves it.
    pub serving: Serving,
}

/// The routes of one host pattern.
#[derive(Debug)]
struct HostRoutes {
    pattern: HostPattern,
    /// Sorted by prefix.
    routes: Vec<(PathPrefix, Route)>,
    /// Bytes of the longest prefix.
    longest: usize,
}

impl HostRoutes {
    fn new(pattern: HostPattern, mut routes: Vec<(PathPrefix, Route)>) -> Self {
        routes.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        let longest = routes.iter().map(|(prefix, _)| prefix.as_str().len()).max().unwrap_or(0);
        Self { pattern, routes, longest }
    }

    /// The longest prefix that takes the path: every segment boundary of the path is tried, the longest first.
    fn find(&self, path: &str) -> Option<&Route> {
        let bytes = path.as_bytes();
        let mut end = bytes.len().min(self.longest);
        while end > 1 {
            let boundary = end == bytes.len() || bytes[end] == b'/';
            if boundary && let Some(route) = self.exact(&bytes[..end]) {
                return Some(route);
            }
            end = bytes[..end].iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        }
        self.exact(b"/")
    }

    fn exact(&self, prefix: &[u8]) -> Option<&Route> {
        let at = self.routes.binary_search_by(|(known, _)| known.as_str().as_bytes().cmp(prefix)).ok()?;
        Some(&self.routes[at].1)
    }
}

/// The keys are hashes already.
#[derive(Default, Clone, Debug)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Routes by the hash of their pattern; the few with one hash stand in a row.
type Bucket = HashMap<u64, Vec<Arc<HostRoutes>>, BuildHasherDefault<Hashed>>;

/// All routes, as they are at one moment.
#[derive(Clone, Debug)]
pub(crate) struct RoutingSnapshot {
    hasher: RandomState,
    buckets: Arc<[Arc<Bucket>]>,
}

impl Default for RoutingSnapshot {
    fn default() -> Self {
        let empty = Arc::new(Bucket::default());
        Self { hasher: RandomState::new(), buckets: std::iter::repeat_n(empty, BUCKETS).collect() }
    }
}

/// New routes of one host pattern; none: the pattern is not mapped any more.
pub(crate) type HostChange = (HostPattern, Vec<(PathPrefix, Route)>);

impl RoutingSnapshot {
    /// The route of a request: an exact name before a wildcard, then the longest prefix.
    pub(crate) fn find(&self, host: HostnameRef<'_>, path: &str) -> Option<&Route> {
        self.routes_of(host)?.find(path)
    }

    /// Whether any path of the host is mapped.
    pub(crate) fn has(&self, host: HostnameRef<'_>) -> bool {
        self.routes_of(host).is_some()
    }

    fn routes_of(&self, host: HostnameRef<'_>) -> Option<&HostRoutes> {
        let exact = self.host(
            self.hash(b'=', host.as_str()),
            |pattern| matches!(pattern, HostPattern::Exact(name) if name.borrowed() == host),
        );
        exact.or_else(|| {
            let parent = host.parent()?;
            self.host(
                self.hash(b'*', parent),
                |pattern| matches!(pattern, HostPattern::Wildcard(name) if name.as_str() == parent),
            )
        })
    }

    /// A snapshot with these changes made.
    #[must_use]
    pub(crate) fn with(&self, changes: Vec<HostChange>) -> Self {
        let mut buckets: Vec<Arc<Bucket>> = self.buckets.to_vec();
        for (pattern, routes) in changes {
            let hash = match &pattern {
                HostPattern::Exact(name) => self.hash(b'=', name.as_str()),
                HostPattern::Wildcard(name) => self.hash(b'*', name.as_str()),
            };
            let bucket = Arc::make_mut(&mut buckets[bucket_of(hash)]);
            let row = bucket.entry(hash).or_default();
            row.retain(|known| known.pattern != pattern);
            if !routes.is_empty() {
                row.push(Arc::new(HostRoutes::new(pattern, routes)));
            }
            if row.is_empty() {
                bucket.remove(&hash);
            }
        }
        Self { hasher: self.hasher.clone(), buckets: buckets.into() }
    }

    /// Whether nothing is mapped.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.is_empty())
    }

    fn hash(&self, kind: u8, name: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        // One write costs less than one for each part; the kind need not be mixed as well as the name.
        hasher.write(name.as_bytes());
        let hash = hasher.finish();
        if kind == b'*' { !hash } else { hash }
    }

    fn host(&self, hash: u64, is: impl Fn(&HostPattern) -> bool) -> Option<&HostRoutes> {
        let row = self.buckets[bucket_of(hash)].get(&hash)?;
        row.iter().find(|known| is(&known.pattern)).map(|known| &**known)
    }
}

/// The table's part: by bits from the middle, as the hash map inside picks its slots by the low ones and its tags by the
/// high ones. Were they the same, all names of a part would stand in one long run of slots.
fn bucket_of(hash: u64) -> usize {
    const MASK: u64 = BUCKETS as u64 - 1;
    usize::try_from(hash >> 32 & MASK).expect("the mask is small")
}

#[cfg(test)]
mod tests;
