//! The look-up of host and path, with few names and with many: it should cost the same.
//!
//! Of ten names eight are exact with one route, one is a wildcard, and one has three path prefixes. Names have one length
//! however many there are, since a longer one takes longer to hash.

use std::hint::black_box;
use std::sync::Arc;

use octoporty_gateway::bench::Routes;
use octoporty_proto::model::{HostPattern, Hostname, PathPrefix};

use super::mapping;
use crate::meter::Meter;

/// Names that are looked up in turn; enough that collisions in the table count as often as they happen.
const PROBES: usize = 1000;

/// What is looked up, by which of ten names have it.
const KINDS: [Kind; 4] = [
    Kind { suffix: "", of_ten: 3, known: Known::Yes, path: "/index.html" },
    Kind { suffix: " wildcard", of_ten: WILDCARD, known: Known::Yes, path: "/index.html" },
    Kind { suffix: " path prefix", of_ten: PREFIXES, known: Known::Yes, path: "/api/v1/things/4711" },
    Kind { suffix: " unknown name", of_ten: 3, known: Known::No, path: "/" },
];
const WILDCARD: usize = 8;
const PREFIXES: usize = 9;

struct Kind {
    suffix: &'static str,
    of_ten: usize,
    known: Known,
    path: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Yes,
    No,
}

pub(super) fn run(meter: &Meter) {
    for (label, names) in [("10", 10), ("10k", 10_000), ("1M", 1_000_000)] {
        let name = |kind: &Kind| format!("routing/{label}{}", kind.suffix);
        if !KINDS.iter().any(|kind| meter.wants(&name(kind))) {
            continue;
        }
        let routes = snapshot(names);
        for kind in &KINDS {
            look_up(meter, &name(kind), &routes, (kind, names));
        }
    }
    let authority = format!("{}:8080", host(4711, WILDCARD));
    meter.count("routing/name of the Host field", "request", 1000, || {
        black_box(Hostname::from_authority(black_box(&authority)));
        1
    });
}

fn look_up(meter: &Meter, name: &str, routes: &Routes, (kind, names): (&Kind, usize)) {
    let tens = names / 10;
    let apart = (tens / PROBES).max(1);
    let asked = (0..tens).step_by(apart).take(PROBES).map(|ten| {
        // Numbers from `names` on were given to nobody.
        let number = ten * 10 + kind.of_ten + if kind.known == Known::Yes { 0 } else { names };
        host(number, kind.of_ten).parse().expect("a legal name")
    });
    let mut asked = asked.collect::<Vec<Hostname>>();
    let expected = kind.known == Known::Yes;
    // As many look-ups whatever the number of names, so that what surrounds them weighs the same.
    asked = asked.into_iter().cycle().take(PROBES).collect();
    meter.count(name, "look-up", 4, || {
        for name in &asked {
            assert_eq!(routes.find(black_box(name), black_box(kind.path)).is_some(), expected, "{name}");
        }
        asked.len() as u64
    });
}

fn snapshot(names: usize) -> Routes {
    let mapping = Arc::new(mapping("site.example.com"));
    let patterns = (0..names).map(|number| {
        let prefixes = if number % 10 == PREFIXES { &["/", "/api", "/api/v1"][..] } else { &["/"] };
        let prefixes = prefixes.iter().map(|prefix| prefix.parse().expect("a legal prefix"));
        (pattern(number), prefixes.collect::<Vec<PathPrefix>>())
    });
    Routes::new(patterns, &mapping)
}

fn pattern(number: usize) -> HostPattern {
    let name = host(number, number % 10).parse().expect("a legal name");
    if number % 10 == WILDCARD { HostPattern::Wildcard(parent(&name)) } else { HostPattern::Exact(name) }
}

fn parent(name: &Hostname) -> Hostname {
    name.parent().expect("it has more than one label").parse().expect("a part of a legal name")
}

/// The name of a number as a visitor writes it.
fn host(number: usize, of_ten: usize) -> String {
    match of_ten {
        WILDCARD => format!("shop.n{number:07}.example.com"),
        _ => format!("n{number:07}.shop.example.com"),
    }
}
