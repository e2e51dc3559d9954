//! A thousand mappings beside two: does a request feel them, and what do they weigh?

use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::lab::{self, Lab};
use crate::load::Entry;
use crate::load::wrk::{Connections, Job};
use crate::report::{Outcome, table};
use crate::scenarios::Scenario;
use crate::site::{Ground, Page};
use crate::stats::Figure;
use crate::systems::octoporty::{Link, Pair, SITE};
use crate::usage;

/// Mappings beside the two that every pair has.
const MAPPINGS: usize = 1000;
/// Label of the pair with all of them.
const MANY: &str = "1000 mappings";
/// Label of the pair with two.
const FEW: &str = "2 mappings";
/// Connections at a time.
const CONNECTIONS: usize = 64;

/// A pair with all of them, and what they cost to make.
#[derive(Debug)]
struct Laden {
    pair: Pair,
    last: Entry,
    seconds: f64,
    kib_each: f64,
}

async fn load(ground: &Ground) -> Result<Laden> {
    let pair = Pair::start(ground, Link::Clear).await?;
    let (pids, start) = (pair.pids(), Instant::now());
    let before = usage::pss_kib(&pids)?;
    let mut last = None;
    for number in 0..MAPPINGS {
        let name = format!("m{number}.bench.test");
        let id = pair.console().map(&name, ground.site()).await;
        last = Some((name, id));
    }
    let (name, id) = last.context("there are mappings")?;
    pair.console().applied(&id).await;
    let seconds = start.elapsed().as_secs_f64();
    let kib_each = (usage::pss_kib(&pids)? - before) / MAPPINGS as f64;
    let last = pair.entry(&name);
    Ok(Laden { pair, last, seconds, kib_each })
}

/// Measures it.
pub(super) async fn measure(lab: &Lab) -> Result<Outcome> {
    let laden = load(lab.ground()).await?;
    let few = Pair::start(lab.ground(), Link::Clear).await?;
    let seconds = lab.options().slice_seconds();
    let job = Job { path: Page::Small.path(), connections: CONNECTIONS, kind: Connections::Kept, seconds };
    let few_entry = few.entry(SITE);
    let turn = async |label: &'static str| {
        let entry = if label == MANY { &laden.last } else { &few_entry };
        lab.wrk().run(entry, job).await
    };
    let rounds = lab::take_turns(Scenario::Mappings.key(), lab.options().rounds, &[FEW, MANY], turn).await?;
    let ratio = rounds.labelled(MANY).zip(rounds.labelled(FEW));
    let ratio = ratio.and_then(|(many, few)| many.ratio(few, Figure::Rate));
    let text = format!(
        "Small requests on {CONNECTIONS} connections to the last of {MAPPINGS} mappings, beside an agent with two: {} \
         times the\nrate. Made one by one through the console's API in {:.1} s (until the gateway serves the last \
         one); gateway + agent\ngrew by {:.1} KiB for each.\n",
        table::range_or_dash(ratio, 2),
        laden.seconds,
        laden.kib_each
    );
    drop(laden.pair);
    Ok(Outcome {
        key: Scenario::Mappings.key(),
        title: format!("{MAPPINGS} mappings"),
        text,
        data: json!({ "ratio": ratio, "seconds": laden.seconds, "kib_each": laden.kib_each, "series": rounds.series }),
        findings: Vec::new(),
    })
}
