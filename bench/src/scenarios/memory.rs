//! Memory: idle, for each idle visitor connection, each idle WebSocket connection, each idle agent.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use octoporty_e2e::process::Process;
use octoporty_e2e::world::World;
use serde::Serialize;
use serde_json::json;

use crate::fleet::{self, Fleet};
use crate::goals::{Bound, Check, Finding};
use crate::lab::Lab;
use crate::load::idle::{self, Kind};
use crate::report::{Outcome, table};
use crate::scenarios::Scenario;
use crate::sink::Holder;
use crate::site::{Ground, Page};
use crate::stats::Spread;
use crate::systems::octoporty::{AGENT_DEFAULTS, GATEWAY_DEFAULTS, Link, Pair, SITE};
use crate::usage;

/// Until what was started or opened has come to rest.
const SETTLE: Duration = Duration::from_secs(1);
/// Idle connections of visitors.
const VISITORS: usize = 1000;
/// Idle WebSocket connections of the quick matrix.
const SOCKETS: usize = 1000;
/// Idle WebSocket connections of a full run.
const SOCKETS_FULL: usize = 10_000;
/// The name that leads to the target which holds WebSocket connections open.
const SOCKETS_HOST: &str = "sockets.bench.test";
/// Streams that one agent may have at a time by default are 4096: more WebSocket connections need more agents.
const SOCKETS_PER_PAIR: usize = 3500;

/// What one round gave.
#[derive(Debug, Default, Serialize)]
struct Round {
    /// Gateway and agent without console, MB.
    bare_mb: f64,
    /// Gateway and agent with console, MB.
    console_mb: f64,
    /// Gateway and agent, KiB for each idle visitor connection.
    visitor_kib: f64,
    /// Gateway and agent, KiB for each idle WebSocket connection.
    socket_kib: f64,
    /// Gateway, KiB for each idle agent.
    agent_kib: f64,
}

/// A gateway and an agent without a console.
async fn bare() -> Result<(Process, Process, World)> {
    let world = World::new().with_own_binary();
    let (gateway, agent) = bare_in(&world, &world).await?;
    Ok((gateway, agent, world))
}

/// A gateway whose only agent runs another copy of the binary: what a fleet's gateway is compared with.
async fn lone() -> Result<(Process, Process, [World; 2])> {
    let worlds = [World::new().with_own_binary(), World::new().with_own_binary()];
    let (gateway, agent) = bare_in(&worlds[0], &worlds[1]).await?;
    Ok((gateway, agent, worlds))
}

async fn bare_in(gateways: &World, agents: &World) -> Result<(Process, Process)> {
    let gateway = gateways.gateway(&GATEWAY_DEFAULTS).await;
    let [heartbeat] = AGENT_DEFAULTS;
    let settings = [heartbeat, ("Agent__Console__Enabled", "false")];
    let agent = agents.agent_named("bare", agents.console_address(), gateways.gateway_address(), &settings);
    fleet::sessions(gateways.gateway_address(), 1).await?;
    Ok((gateway, agent))
}

/// A pair whose mappings have served one request each; the name [`SOCKETS_HOST`] leads to `sockets`.
async fn pair(ground: &Ground, sockets: SocketAddr) -> Result<Pair> {
    let pair = Pair::start(ground, Link::Clear).await?;
    pair.map(SOCKETS_HOST, sockets).await;
    drop(idle::open(&pair.entry(SITE), Kind::Visitor, 1).await?);
    drop(idle::open(&pair.entry(SOCKETS_HOST), Kind::WebSocket, 1).await?);
    Ok(pair)
}

/// Growth in KiB of some pairs for each of `count` connections of this kind.
async fn growth(pairs: &[Pair], host: &str, kind: Kind, count: usize) -> Result<f64> {
    let pids: Vec<u32> = pairs.iter().flat_map(Pair::pids).collect();
    let before = usage::pss_kib(&pids)?;
    let mut open = Vec::with_capacity(count);
    for (number, pair) in pairs.iter().enumerate() {
        let share = count / pairs.len() + usize::from(number < count % pairs.len());
        open.extend(idle::open(&pair.entry(host), kind, share).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let after = usage::pss_kib(&pids)?;
    ensure!(open.len() == count, "all connections are open");
    Ok((after - before) / count as f64)
}

async fn round(lab: &Lab, fleet: &mut Fleet, holder: &Holder) -> Result<Round> {
    let ground = lab.ground();
    let sockets = if lab.options().full { SOCKETS_FULL } else { SOCKETS };
    let (gateway, agent, _world) = bare().await?;
    let (alone, _agent, _worlds) = lone().await?;
    let visited = [pair(ground, holder.address()).await?];
    let mut socketed = Vec::new();
    for _ in 0..sockets.div_ceil(SOCKETS_PER_PAIR) {
        socketed.push(pair(ground, holder.address()).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let mb = |kib: f64| kib * 1024.0 / 1e6;
    let bare_mb = mb(usage::pss_kib(&[gateway.pid(), agent.pid()])?);
    let console_mb = mb(usage::pss_kib(&visited[0].pids())?);
    let alone = usage::pss_kib(&[alone.pid()])?;
    fleet.restart_gateway().await?;
    let visitor_kib = growth(&visited, SITE, Kind::Visitor, VISITORS).await?;
    let socket_kib = growth(&socketed, SOCKETS_HOST, Kind::WebSocket, sockets).await?;
    // The lone gateway has one agent itself.
    let agent_kib = (usage::pss_kib(&[fleet.gateway().pid()])? - alone) / (fleet::AGENTS - 1) as f64;
    Ok(Round { bare_mb, console_mb, visitor_kib, socket_kib, agent_kib })
}

/// Idle memory of the others, and its growth with idle visitors: once, as they have just started.
async fn others(lab: &Lab) -> Result<(String, serde_json::Value)> {
    let mut text = String::from("\nThe systems of this run, once, before any load:\n\n");
    text.push_str("| system | idle MB | KiB per idle visitor connection |\n|---|--:|--:|\n");
    let mut data = Vec::new();
    for system in lab.systems() {
        let Some(before) = system.pss_kib()? else { continue };
        let open = idle::open(system.site(), Kind::Visitor, VISITORS).await?;
        tokio::time::sleep(SETTLE).await;
        let each = system.pss_kib()?.map_or(0.0, |after| (after - before) / VISITORS as f64);
        drop(open);
        let mb = before * 1024.0 / 1e6;
        text.push_str(&format!("| {} | {mb:.1} | {each:.1} |\n", system.name().text()));
        data.push(json!({ "system": system.name().text(), "idle_mb": mb, "visitor_kib": each }));
    }
    Ok((text, data.into()))
}

/// Measures all of it.
pub(super) async fn measure(lab: &Lab) -> Result<Outcome> {
    let (others, others_data) = others(lab).await?;
    let holder = Holder::start(lab.ground()).await?;
    let mut fleet = Fleet::start().await?;
    let mut rounds = Vec::new();
    for number in 1..=lab.options().rounds {
        eprintln!("bench: {}: round {number} of {}", Scenario::Memory.key(), lab.options().rounds);
        rounds.push(round(lab, &mut fleet, &holder).await?);
    }
    let spread = |figure: fn(&Round) -> f64| Spread::of(rounds.iter().map(figure).collect());
    let (bare, console) = (spread(|round| round.bare_mb), spread(|round| round.console_mb));
    let (visitor, socket) = (spread(|round| round.visitor_kib), spread(|round| round.socket_kib));
    let agent = spread(|round| round.agent_kib);
    let checks = vec![
        Check::new("MB without console", bare, Bound::AtMost(12.0)),
        Check::new("MB with console", console, Bound::AtMost(40.0)),
        Check::new("KiB per idle visitor connection", visitor, Bound::AtMost(10.0)),
        Check::new("KiB of the gateway per idle agent", agent, Bound::AtMost(30.0)),
    ];
    let sockets = if lab.options().full { SOCKETS_FULL } else { SOCKETS };
    let text = format!(
        "Gateway and agent are started anew in each round and run a copy of the binary that nothing else runs, so \
         their code\ncounts once. Those with a console have answered a request. A visitor's connection has had one \
         answer of {} bytes and\nstays open. An agent's share is the growth of a gateway with {} agents beside one \
         with a single agent.\n\n| figure | median (least to most) |\n|---|--:|\n\
         | gateway + agent, no console, MB | {} |\n| gateway + agent, console, MB | {} |\n\
         | {VISITORS} idle visitor connections, KiB each | {} |\n\
         | {sockets} idle WebSocket connections, KiB each | {} |\n\
         | {} idle agents, KiB of the gateway each | {} |\n{others}",
        Page::Small.len(),
        fleet::AGENTS,
        table::range_or_dash(bare, 1),
        table::range_or_dash(console, 1),
        table::range_or_dash(visitor, 1),
        table::range_or_dash(socket, 1),
        fleet::AGENTS,
        table::range_or_dash(agent, 1),
    );
    Ok(Outcome {
        key: Scenario::Memory.key(),
        title: "Memory (PSS)".to_owned(),
        text,
        data: json!({ "rounds": rounds, "others": others_data }),
        findings: vec![Finding { goal: "S9", checks }],
    })
}
