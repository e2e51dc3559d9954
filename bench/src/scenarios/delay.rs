//! 50 ms each way between agent and gateway, by the harness's relay, beside a plain TCP connection on the same relay.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use octoporty_e2e::process::Process;
use octoporty_e2e::relay::{Mode, Relay};
use octoporty_e2e::world::World;
use serde_json::json;

use crate::goals::{Bound, Check, Finding};
use crate::lab::{self, Lab, Rounds};
use crate::load::wrk::{Connections, Job};
use crate::load::{Entry, bulk};
use crate::report::{Outcome, table};
use crate::scenarios::Scenario;
use crate::site::{Ground, Page};
use crate::stats::{Figure, Sample, Spread};
use crate::systems::Name;
use crate::systems::octoporty::{AGENT_DEFAULTS, GATEWAY_DEFAULTS, SITE};

/// Label of the connections that no tunnel carries.
const PLAIN: &str = "plain TCP";
/// Label of a single one of them, where visitors of the product are several.
const ONE_PLAIN: &str = "plain TCP, 1 connection";
/// Delay each way.
const DELAY: Duration = Duration::from_millis(50);
/// Connections with small requests.
const CONNECTIONS: usize = 64;
/// Time that a download has for its windows to open, before its slice begins.
const WARM: Duration = Duration::from_secs(1);
/// Least length of a download's slice: fifteen round trips.
const DOWNLOAD: Duration = Duration::from_millis(1500);
/// Least ratio to plain TCP.
const LEAST: f64 = 0.9;
/// Most that a median may be above one round trip, which is plain TCP's median.
const ROUND_TRIP: f64 = 1.05;

/// Bytes that TCP may have under way on one connection: what Linux gives a sender at most unless told otherwise
/// (`net.ipv4.tcp_wmem`). The relay acknowledges at once, which no long road does; without this bound an unmuxed
/// connection would never wait for a window on it.
const WINDOW: usize = 4 << 20;

/// What visitors do.
#[derive(Debug, Clone, Copy)]
enum Visit {
    Download(usize),
    Small(Connections),
}

const VISITS: [(&str, Visit); 4] = [
    ("one download", Visit::Download(1)),
    ("eight downloads", Visit::Download(8)),
    ("small requests, kept connections", Visit::Small(Connections::Kept)),
    ("small requests, new connections", Visit::Small(Connections::Fresh)),
];

/// The product with its link through a relay, and a relay straight to the site.
#[derive(Debug)]
struct Far {
    _agent: Process,
    _gateway: Process,
    _relays: [Relay; 2],
    product: Entry,
    plain: Entry,
    _world: World,
}

async fn relay(world: &World, upstream: SocketAddr) -> Relay {
    let relay = Relay::start(SocketAddr::new(world.ip(), 0), upstream).await;
    relay.set(Mode::Pass(DELAY));
    relay.set_window(WINDOW);
    relay
}

impl Far {
    async fn start(ground: &Ground) -> Self {
        let world = World::new();
        let gateway = world.gateway(&GATEWAY_DEFAULTS).await;
        let link = relay(&world, world.gateway_address()).await;
        let (agent, console) = world.agent_via(link.address(), &AGENT_DEFAULTS).await;
        console.connection("Connected").await;
        let id = console.map(SITE, ground.site()).await;
        console.applied(&id).await;
        let straight = relay(&world, ground.site()).await;
        let entry = |address: SocketAddr| Entry { address, host: SITE.to_owned() };
        let (product, plain) = (entry(world.gateway_address()), entry(straight.address()));
        Self { _agent: agent, _gateway: gateway, _relays: [link, straight], product, plain, _world: world }
    }

    fn entry(&self, label: &str) -> &Entry {
        if label == Name::Octoporty.text() { &self.product } else { &self.plain }
    }
}

async fn slice(lab: &Lab, far: &Far, label: &str, visit: Visit) -> Result<Sample> {
    let entry = far.entry(label);
    match visit {
        Visit::Download(streams) => {
            let streams = if label == ONE_PLAIN { 1 } else { streams };
            bulk::download_warm(entry, streams, WARM, lab.options().slice().max(DOWNLOAD)).await
        }
        Visit::Small(kind) => {
            let seconds = lab.options().slice_seconds();
            let job = Job { path: Page::Small.path(), connections: CONNECTIONS, kind, seconds };
            lab.wrk().run(entry, job).await
        }
    }
}

fn check(rounds: &Rounds, what: &str, visit: Visit) -> Check {
    let ratio =
        |label, figure| -> Option<Spread> { rounds.of(Name::Octoporty)?.ratio(rounds.labelled(label)?, figure) };
    match visit {
        Visit::Download(streams) => {
            let label = if streams == 1 { PLAIN } else { ONE_PLAIN };
            Check::new(format!("x {label}: {what}"), ratio(label, Figure::Rate), Bound::AtLeast(LEAST))
        }
        Visit::Small(_) => {
            Check::new(format!("x {PLAIN}'s p50: {what}"), ratio(PLAIN, Figure::P50), Bound::AtMost(ROUND_TRIP))
        }
    }
}

/// Measures it.
pub(super) async fn measure(lab: &Lab) -> Result<Outcome> {
    let far = Far::start(lab.ground()).await;
    let (mut checks, mut data) = (Vec::new(), serde_json::Map::new());
    let mut text = format!(
        "The harness's relay holds every byte back for {} ms each way: between agent and gateway for octoporty, before \
         the site\nfor plain TCP. A connection may have {} MiB under way, as Linux gives a sender at most by default; \
         so one plain\nconnection moves that much in a round trip. Downloads are measured after a second, since the \
         relay spares plain TCP\nits slow start. The goal compares with one plain connection.\n",
        DELAY.as_millis(),
        WINDOW >> 20
    );
    for (what, visit) in VISITS {
        let mut labels = vec![PLAIN, Name::Octoporty.text()];
        if matches!(visit, Visit::Download(streams) if streams > 1) {
            labels.insert(1, ONE_PLAIN);
        }
        let turn = async |label: &'static str| slice(lab, &far, label, visit).await;
        let title = format!("{}: {what}", Scenario::Delay.key());
        let rounds = lab::take_turns(&title, lab.options().rounds, &labels, turn).await?;
        let unit = if matches!(visit, Visit::Download(_)) { table::Unit::Bytes } else { table::Unit::Requests };
        text.push_str(&format!("\n### {what}\n\n{}", table::of(&rounds, unit)));
        data.insert(what.to_owned(), table::data(&rounds));
        checks.push(check(&rounds, what, visit));
    }
    Ok(Outcome {
        key: Scenario::Delay.key(),
        title: format!("{} ms each way", DELAY.as_millis()),
        text,
        data: json!(data),
        findings: vec![Finding { goal: "S10", checks }],
    })
}
