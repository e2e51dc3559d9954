//! What an agent tells.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use octoporty_agent::{Agent, AgentFigures};
use octoporty_console::{ConsoleFigures, MetricsText};
use octoporty_proto::model::{
    AgentStatus, ConnectionState, Mapping, MappingId, MappingVerdict, RefusalCode, SyncReport, TargetHealth,
};
use tokio::sync::watch;

use super::Source;
use super::exposition::{Exposition, Labels};
use super::tally::{BOUNDS, Counts, Sums, Tally};

/// Where the figures of an agent come from.
#[derive(Debug)]
pub(crate) struct AgentMetrics {
    /// When the role started.
    pub(crate) started: Instant,
    /// The agent, as soon as there is one.
    pub(crate) agent: watch::Receiver<Option<Agent>>,
    /// Its account of its tunnel.
    pub(crate) status: watch::Receiver<Arc<AgentStatus>>,
    /// The gateway's verdicts.
    pub(crate) sync: watch::Receiver<Arc<SyncReport>>,
    /// What it last saw of each target.
    pub(crate) targets: watch::Receiver<Arc<HashMap<MappingId, TargetHealth>>>,
    /// Requests and sessions.
    pub(crate) tally: Arc<Tally>,
}

const STATES: [(ConnectionState, &str); 6] = [
    (ConnectionState::Disconnected, "disconnected"),
    (ConnectionState::Connecting, "connecting"),
    (ConnectionState::Authenticating, "authenticating"),
    (ConnectionState::Syncing, "syncing"),
    (ConnectionState::Connected, "connected"),
    (ConnectionState::Reconnecting, "reconnecting"),
];

/// For the console's port.
impl MetricsText for AgentMetrics {
    fn text(&self, console: &ConsoleFigures) -> String {
        self.write(Some(console))
    }
}

impl AgentMetrics {
    /// For a port of its own.
    pub(crate) fn source(self: &Arc<Self>, console: Option<octoporty_console::ConsoleGauge>) -> Source {
        let metrics = Arc::clone(self);
        Arc::new(move || {
            let (metrics, console) = (Arc::clone(&metrics), console.clone());
            Box::pin(async move { metrics.write(console.map(|gauge| gauge.read()).as_ref()) })
        })
    }

    fn write(&self, console: Option<&ConsoleFigures>) -> String {
        let mut out = Exposition::default();
        super::about(&mut out, "agent", self.started.elapsed());
        let figures = self.agent.borrow().as_ref().map(Agent::figures).unwrap_or_default();
        let mappings: HashMap<MappingId, &Mapping> =
            figures.desired.mappings.iter().map(|mapping| (mapping.id, mapping)).collect();
        let sums = self.tally.sums();
        tunnel(&mut out, &self.status.borrow().clone(), &figures, &sums);
        requests(&mut out, &sums);
        self.mappings(&mut out, &mappings, &sums);
        records(&mut out, &figures, console);
        out.text()
    }

    /// By mapping: as many series as there are mappings, for each of these names.
    fn mappings(&self, out: &mut Exposition, mappings: &HashMap<MappingId, &Mapping>, sums: &Sums) {
        let mut named: Vec<(Labels, MappingId)> = mappings
            .values()
            .map(|mapping| (vec![("mapping", mapping.name.to_string()), ("id", mapping.id.to_string())], mapping.id))
            .collect();
        named.sort();
        let none = Counts::default();
        let counted = || named.iter().map(|(labels, id)| (labels, sums.mappings.get(id).unwrap_or(&none)));
        let family = out.counters("octoporty_agent_mapping_requests", "Requests by mapping and class of status");
        counted().for_each(|(labels, counts)| family.add_classes(labels, counts.by_class));
        let family = out.counters("octoporty_agent_mapping_failed_requests", "Requests that failed, by mapping");
        counted().for_each(|(labels, counts)| family.add(labels.clone(), counts.failed));
        let family = out.counters("octoporty_agent_mapping_body_bytes", "Bytes of bodies by mapping and direction");
        for (labels, counts) in counted() {
            both_ways(labels, counts, |labels, bytes| family.add(labels, bytes));
        }
        let family = out.counters("octoporty_agent_mapping_request_duration_seconds", "Time of requests by mapping");
        for (labels, counts) in counted() {
            family.add_real(labels.clone(), seconds(counts.total_us));
        }
        let health = self.targets.borrow().clone();
        let family = out.gauges("octoporty_agent_target_up", "1: the newest dial of the target worked; 0: it failed");
        for (labels, id) in &named {
            match health.get(id) {
                Some(TargetHealth::Up) => family.add(labels.clone(), 1),
                Some(TargetHealth::Down { .. }) => family.add(labels.clone(), 0),
                Some(TargetHealth::Unknown) | None => {}
            }
        }
        self.verdicts(out);
    }

    fn verdicts(&self, out: &mut Exposition) {
        let report = self.sync.borrow().clone();
        let mut counts: HashMap<&str, u64> =
            ["applied", "taken", "duplicate", "unsupported", "limit", "other"].map(|verdict| (verdict, 0)).into();
        for (_, verdict) in &report.verdicts {
            let word = match verdict {
                MappingVerdict::Applied => "applied",
                MappingVerdict::Refused(refusal) => match refusal.code {
                    RefusalCode::Taken => "taken",
                    RefusalCode::Duplicate => "duplicate",
                    RefusalCode::Unsupported => "unsupported",
                    RefusalCode::Limit => "limit",
                    _ => "other",
                },
            };
            *counts.entry(word).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable();
        let family = out.gauges("octoporty_agent_mappings", "Mappings by the gateway's newest verdict");
        for (verdict, count) in counts {
            family.add(vec![("verdict", verdict.to_owned())], count);
        }
    }
}

fn tunnel(out: &mut Exposition, status: &AgentStatus, figures: &AgentFigures, sums: &Sums) {
    let states = out.gauges("octoporty_agent_connection_state", "1 for the state that the connector is in");
    for (state, word) in STATES {
        states.add(vec![("state", word.to_owned())], u64::from(status.state == state));
    }
    let session = status.connected_for.unwrap_or_default().as_secs_f64();
    out.gauge("octoporty_agent_session_seconds", "How long the session has stood; 0 without one", session);
    out.counter("octoporty_agent_dials", "Attempts to reach the gateway", figures.dials);
    out.counter("octoporty_agent_sessions", "Sessions that began", sums.sessions_begun);
    let ended = out.counters("octoporty_agent_sessions_ended", "Sessions that ended, by reason");
    for (reason, count) in &sums.sessions_ended {
        ended.add(vec![("reason", reason.clone())], *count);
    }
    let mut links: HashMap<&str, u64> = HashMap::new();
    status.links.iter().for_each(|link| *links.entry(&link.transport).or_default() += 1);
    let family = out.gauges("octoporty_agent_links", "Links that stand, by transport");
    for (transport, count) in links {
        family.add(vec![("transport", transport.to_owned())], count);
    }
    if let Some(best) = status.links.iter().filter_map(|link| link.round_trip).min() {
        out.gauge("octoporty_agent_round_trip_seconds", "Newest round trip of the best link", best.as_secs_f64());
    }
    out.gauges("octoporty_agent_streams_open", "Streams open now")
        .add(Labels::new(), u64::from(status.traffic.streams_active));
    out.counter("octoporty_agent_streams", "Streams that the gateway opened", status.traffic.streams_opened);
    let bytes = out.counters("octoporty_agent_bytes", "Bytes of streams, by direction");
    bytes.add(vec![("direction", "to_targets".to_owned())], status.traffic.bytes_to_targets);
    bytes.add(vec![("direction", "to_visitors".to_owned())], status.traffic.bytes_to_visitors);
}

fn requests(out: &mut Exposition, sums: &Sums) {
    out.counters("octoporty_agent_requests", "Requests that ended, by class of status")
        .add_classes(&Labels::new(), sums.all.by_class);
    let failures = out.counters("octoporty_agent_failures", "Requests that the gateway failed or cut, by code");
    for (code, count) in &sums.failures {
        failures.add(vec![("code", (*code).to_owned())], *count);
    }
    out.histograms("octoporty_agent_request_duration_seconds", "Time of requests from the gateway's arrival to end")
        .add_bins(Labels::new(), seconds(sums.all.total_us), BOUNDS.into_iter(), &sums.bins);
}

fn records(out: &mut Exposition, figures: &AgentFigures, console: Option<&ConsoleFigures>) {
    let dropped = out.counters("octoporty_agent_access_records_dropped", "Access records that were lost, by whom");
    dropped.add(vec![("by", "agent".to_owned())], figures.records_dropped);
    dropped.add(vec![("by", "gateway".to_owned())], figures.records_dropped_by_gateway);
    let Some(console) = console else { return };
    out.counter("octoporty_console_rows_dropped", "Rows of the logs that could not be kept", console.rows_dropped);
    out.gauges("octoporty_console_database_trouble", "1 while the database cannot be written")
        .add(Labels::new(), u64::from(console.database_trouble));
    out.gauges("octoporty_console_event_listeners", "Pages and programs that listen to events")
        .add(Labels::new(), console.event_listeners as u64);
}

fn both_ways(labels: &Labels, counts: &Counts, mut add: impl FnMut(Labels, u64)) {
    for (direction, bytes) in [("to_targets", counts.bytes_to_targets), ("to_visitors", counts.bytes_to_visitors)] {
        add(labels.iter().cloned().chain([("direction", direction.to_owned())]).collect(), bytes);
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}
