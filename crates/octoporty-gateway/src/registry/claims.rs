//! Who claims which endpoint. The first claimant of an endpoint holds it; the others wait in order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use octoporty_proto::model::{HostPattern, Mapping, PathPrefix};

use super::agents::AgentId;

/// A public HTTP endpoint: what two mappings cannot both have.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct EndpointKey {
    /// Which names.
    pub host: HostPattern,
    /// Which paths.
    pub path: PathPrefix,
}

/// One agent's wish to serve an endpoint.
#[derive(Clone, Debug)]
pub(super) struct Claimant {
    /// Who.
    pub agent: AgentId,
    /// With what.
    pub mapping: Arc<Mapping>,
}

/// Every endpoint and its claimants; never an empty row.
#[derive(Debug, Default)]
pub(super) struct Claims {
    hosts: HashMap<HostPattern, BTreeMap<PathPrefix, Vec<Claimant>>>,
}

impl Claims {
    /// The claimants of an endpoint, the holder first.
    pub(super) fn of(&self, key: &EndpointKey) -> &[Claimant] {
        self.hosts.get(&key.host).and_then(|paths| paths.get(&key.path)).map_or(&[], Vec::as_slice)
    }

    /// The holders of one host's endpoints.
    pub(super) fn holders(&self, host: &HostPattern) -> impl Iterator<Item = (&PathPrefix, &Claimant)> {
        let paths = self.hosts.get(host).into_iter().flatten();
        paths.filter_map(|(path, claimants)| Some((path, claimants.first()?)))
    }

    /// Everybody who claims an endpoint of this host.
    pub(super) fn claimants(&self, host: &HostPattern) -> impl Iterator<Item = AgentId> {
        self.hosts.get(host).into_iter().flat_map(BTreeMap::values).flatten().map(|claimant| claimant.agent)
    }

    /// Adds an agent's claim at the end of the row, or replaces the mapping of the one that it has. Gives whether
    /// what is served changed.
    pub(super) fn claim(&mut self, key: EndpointKey, claimant: Claimant) -> bool {
        let row = self.hosts.entry(key.host).or_default().entry(key.path).or_default();
        if let Some(at) = row.iter().position(|known| known.agent == claimant.agent) {
            row[at] = claimant;
            return at == 0;
        }
        row.push(claimant);
        row.len() == 1
    }

    /// Removes an agent's claim. Gives whether what is served changed.
    pub(super) fn release(&mut self, key: &EndpointKey, agent: AgentId) -> bool {
        let Some(paths) = self.hosts.get_mut(&key.host) else { return false };
        let Some(row) = paths.get_mut(&key.path) else { return false };
        let Some(at) = row.iter().position(|known| known.agent == agent) else { return false };
        row.remove(at);
        if row.is_empty() {
            paths.remove(&key.path);
        }
        if paths.is_empty() {
            self.hosts.remove(&key.host);
        }
        at == 0
    }

    /// Sees to it that a live agent holds the endpoint if one claims it: a live holder keeps it, else the first
    /// live claimant gets it. Gives whether the holder changed.
    pub(super) fn settle(&mut self, key: &EndpointKey, is_live: impl Fn(AgentId) -> bool) -> bool {
        let Some(row) = self.hosts.get_mut(&key.host).and_then(|paths| paths.get_mut(&key.path)) else { return false };
        match row.iter().position(|known| is_live(known.agent)) {
            None | Some(0) => false,
            Some(heir) => {
                let promoted = row.remove(heir);
                row.insert(0, promoted);
                true
            }
        }
    }
}
