//! Runs bodies so that callgrind can tell what one of them costs.

use std::hint::black_box;

/// What the program under callgrind says of a bench, one line each, in the order of the dumps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    /// `group/what`.
    pub(crate) name: String,
    /// What one unit is.
    pub(crate) per: String,
    /// Units in the first measured phase.
    pub(crate) once: u64,
    /// Units in the second one, which has about twice as many.
    pub(crate) twice: u64,
}

/// Dumps that one bench makes: behind warming up, behind N rounds, behind 2N rounds.
pub(crate) const DUMPS: usize = 3;

/// The name of [`phase_ends`], as callgrind is told to look for it.
pub(crate) const MARK: &str = "*phase_ends*";

/// Rounds of warming up: tables have grown and windows have settled then.
const WARMING: u32 = 32;

/// callgrind writes down what was counted since the last call whenever this is called.
#[inline(never)]
fn phase_ends(units: u64) -> u64 {
    black_box(units)
}

/// Runs the benches that are wanted.
#[derive(Debug)]
pub(crate) struct Meter {
    part: Option<String>,
}

impl Meter {
    /// Only benches that have `part` in their name, if one is given.
    pub(crate) fn new(part: Option<String>) -> Self {
        Self { part }
    }

    /// Whether a bench of this name is to be run.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.part.as_ref().is_none_or(|part| name.contains(part))
    }

    /// Runs `body`, which tells how many units it did, some times; then `rounds` times, then twice that.
    pub(crate) fn count(&self, name: &str, per: &str, rounds: u32, mut body: impl FnMut() -> u64) {
        if !self.wants(name) {
            return;
        }
        let mut phase = |rounds: u32| phase_ends((0..rounds).map(|_| body()).sum());
        phase(WARMING);
        let once = phase(rounds);
        let twice = phase(rounds * 2);
        println!("{name}\t{per}\t{once}\t{twice}");
    }
}

impl Said {
    /// Reads a line that [`Meter::count`] printed.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (name, per) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        Some(Self { name, per, once: fields.next()?.parse().ok()?, twice: fields.next()?.parse().ok()? })
    }
}
