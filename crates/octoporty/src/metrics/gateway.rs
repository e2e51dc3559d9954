//! What a gateway tells.

use octoporty_gateway::GatewayFigures;
use octoporty_gateway::figures::{DurationFigures, KeyFigures, LinkFigures, RegistryFigures, RequestFigures};

use super::exposition::{Exposition, Labels};

/// All of it.
pub(super) fn write(out: &mut Exposition, figures: &GatewayFigures) {
    out.gauge("octoporty_gateway_draining", "1 while the gateway stops", f64::from(u8::from(figures.draining)));
    out.counter("octoporty_gateway_connections", "Visitors' connections accepted", figures.connections);
    out.gauges("octoporty_gateway_connections_open", "Visitors' connections open now")
        .add(Labels::new(), figures.connections_open);
    out.counter(
        "octoporty_gateway_connections_refused",
        "Connections refused because their source had too many",
        figures.connections_refused,
    );
    out.counters("octoporty_gateway_responses", "Everything answered at the gateway's port, by class of status")
        .add_classes(&Labels::new(), figures.answers);
    requests(out, &figures.requests);
    registry(out, &figures.registry);
    links(out, &figures.links);
    keys(out, figures.keys);
}

fn requests(out: &mut Exposition, figures: &RequestFigures) {
    out.counters("octoporty_gateway_requests", "Requests to mappings that ended, by class of status")
        .add_classes(&Labels::new(), figures.by_class);
    let failures = out.counters("octoporty_gateway_failures", "Failures that the gateway answered or cut, by code");
    for (code, count) in &figures.failures {
        failures.add(vec![("code", code.as_str().to_owned())], *count);
    }
    out.counter(
        "octoporty_gateway_visitors_left",
        "Requests whose visitor left before the answer was whole",
        figures.visitors_left,
    );
    out.counter(
        "octoporty_gateway_access_records_dropped",
        "Access records for which there was no room",
        figures.records_dropped,
    );
    let times = out.histograms("octoporty_gateway_request_duration_seconds", "Time of requests to mappings, by part");
    for (part, figures) in
        [("gateway", &figures.gateway), ("first_byte", &figures.first_byte), ("total", &figures.total)]
    {
        let ends = DurationFigures::bounds().map(|end| end.as_secs_f64());
        times.add_bins(vec![("part", part.to_owned())], figures.sum.as_secs_f64(), ends, &figures.bins);
    }
}

fn registry(out: &mut Exposition, figures: &RegistryFigures) {
    let agents = out.gauges("octoporty_gateway_agents", "Agents by whether they are connected");
    agents.add(vec![("state", "connected".to_owned())], figures.connected as u64);
    agents.add(vec![("state", "away".to_owned())], figures.away as u64);
    let mappings = out.gauges("octoporty_gateway_mappings", "Mappings of agents connected and away, by verdict");
    for ((kind, verdict), count) in &figures.mappings {
        mappings.add(vec![("kind", (*kind).to_owned()), ("verdict", (*verdict).to_owned())], *count);
    }
}

fn links(out: &mut Exposition, figures: &LinkFigures) {
    let links = out.gauges("octoporty_gateway_links", "Links of agents that stand, by transport");
    for (transport, count) in &figures.standing {
        links.add(vec![("transport", (*transport).to_owned())], *count);
    }
    out.counter("octoporty_gateway_links_started", "Links of agents that came", figures.started);
    out.gauges("octoporty_gateway_streams_open", "Streams open now").add(Labels::new(), figures.streams_open);
    out.counter("octoporty_gateway_streams", "Streams opened", figures.streams_opened);
    let bytes = out.counters("octoporty_gateway_bytes", "Bytes of streams, by direction");
    bytes.add(vec![("direction", "to_targets".to_owned())], figures.bytes_to_targets);
    bytes.add(vec![("direction", "to_visitors".to_owned())], figures.bytes_to_visitors);
}

fn keys(out: &mut Exposition, figures: KeyFigures) {
    out.counter("octoporty_gateway_wrong_keys", "Wrong keys that were presented", figures.wrong);
    out.counter("octoporty_gateway_lockouts", "Times that a source was locked out", figures.lockouts);
    out.counter("octoporty_gateway_lockout_refusals", "Requests refused because of a lockout", figures.refused);
    out.gauges("octoporty_gateway_locked_sources", "Sources locked out now")
        .add(Labels::new(), figures.locked_sources as u64);
}
