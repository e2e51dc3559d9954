//! What callgrind writes: its profile format, as far as the own cost of functions needs it.
//!
//! A line `fn=NAME` begins a function, lines `POSITION COST` are its own cost. `calls=` announces that the next line is
//! the cost of a call, which belongs to the callee.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::Context as _;

/// One dump.
#[derive(Default, Debug)]
pub(crate) struct Dump {
    /// Own instructions of each function, callees apart.
    pub(crate) functions: HashMap<String, u64>,
}

/// What the next line of cost belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cost {
    Own,
    Call,
}

impl Dump {
    /// Reads a file that was written with `--compress-strings=no --compress-pos=no`.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let open = File::open(file).with_context(|| format!("callgrind wrote no {}", file.display()))?;
        let mut dump = Self::default();
        let mut function = String::new();
        let mut next = Cost::Own;
        for line in BufReader::new(open).lines() {
            let line = line?;
            if let Some(name) = line.strip_prefix("fn=") {
                name.clone_into(&mut function);
            } else if line.starts_with("calls=") {
                next = Cost::Call;
            } else if line.starts_with(|first: char| first.is_ascii_digit()) {
                let cost = line.split_ascii_whitespace().nth(1).and_then(|cost| cost.parse().ok());
                if std::mem::replace(&mut next, Cost::Own) == Cost::Own {
                    dump.add(&function, cost.unwrap_or(0));
                }
            }
        }
        Ok(dump)
    }

    fn add(&mut self, function: &str, cost: u64) {
        match self.functions.get_mut(function) {
            Some(sum) => *sum += cost,
            None => drop(self.functions.insert(function.to_owned(), cost)),
        }
    }

    /// Instructions of everything.
    pub(crate) fn total(&self) -> u64 {
        self.functions.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_calls_is_not_a_functions_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dump.1");
        let text = "events: Ir\n\nfl=a.rs\nfn=one\n10 5\n12 7\ncfn=two\ncalls=3 0\n12 900\n13 1\n\nfn=two\n0 900\n\
                    totals: 913\n";
        std::fs::write(&file, text).unwrap();
        let dump = Dump::read(&file).unwrap();
        assert_eq!(dump.functions["one"], 13);
        assert_eq!(dump.functions["two"], 900);
        assert_eq!(dump.total(), 913);
    }
}
