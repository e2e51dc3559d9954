//! "Figures to reach", and whether a run reached them.

use std::fmt;

use serde::Serialize;

use crate::stats::Spread;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    /// Its number.
    pub(crate) id: &'static str,
    /// What is measured.
    pub(crate) scenario: &'static str,
    /// What is to be reached.
    pub(crate) goal: &'static str,
}

const fn goal(id: &'static str, scenario: &'static str, goal: &'static str) -> Goal {
    Goal { id, scenario, goal }
}

/// Every row.
pub(crate) const GOALS: [Goal; 15] = [
    goal("S1", "small requests, 64 connections", ">= 1.4 x nginx2; >= 1.05 x haproxy-tcp2 and rathole"),
    goal("S2", "small requests, 512 connections", ">= 1.4 x nginx2; p99 below haproxy-tcp2's"),
    goal("S3", "small requests, 1 connection, p50", "<= 1.05 x nginx2's"),
    goal("S4", "new connection per request", ">= 1.2 x nginx2; >= 2.3 x rathole"),
    goal("S5", "one bulk download, clear / TLS link", ">= 1.15 / 0.9 x nginx2; CPU <= 1.1 s/GiB clear"),
    goal("S6", "eight bulk downloads, clear / TLS link", ">= 1.5 / 1.2 x nginx2"),
    goal("S7", "64 KiB and 1 MiB bodies, 64 connections", ">= 1.35 x nginx2; no p99 above 30 ms"),
    goal("S8", "CPU per request, gateway + agent, 64 connections", "<= 0.62 x nginx2's"),
    goal(
        "S9",
        "memory, PSS of gateway + agent",
        "idle <= 12 MB without console, <= 40 MB with; <= 10 KiB per idle visitor connection; <= 30 KiB per idle agent",
    ),
    goal("S10", "50 ms each way", ">= 0.9 x plain TCP on the same relay; p50 = one round trip"),
    goal("S11", "small requests beside eight downloads", "p99 <= 10 ms; >= 5 x nginx2's rate"),
    goal("S12", "agent start to first request; gateway restart to last of 200 agents back", "<= 100 ms; <= 2 s"),
    goal("S13", "routing look-up with 10, 10k and 1M names", "within 2 x of 10 names, by instructions"),
    goal("S14", "overhead beside a direct call, p50, 1 connection", "<= 150 us"),
    goal("S15", "uploads, 1 and 8, clear / TLS link", "as S5 and S6"),
];

/// Which side of a number is right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    /// The median must not be below.
    AtLeast(f64),
    /// The median must not be above.
    AtMost(f64),
}

/// One figure of a goal.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// What the figure is, as it reads after its number: `x nginx2`.
    pub(crate) what: String,
    /// What was measured; none when it could not be.
    pub(crate) measured: Option<Spread>,
    /// What it must be.
    pub(crate) bound: Bound,
}

impl Check {
    /// Of a figure that may be missing.
    #[must_use]
    pub(crate) fn new(what: impl Into<String>, measured: Option<Spread>, bound: Bound) -> Self {
        Self { what: what.into(), measured, bound }
    }

    /// Whether the median is on the right side; none when nothing was measured.
    #[must_use]
    pub(crate) fn holds(&self) -> Option<bool> {
        let median = self.measured?.median;
        Some(match self.bound {
            Bound::AtLeast(least) => median >= least,
            Bound::AtMost(most) => median <= most,
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measured {
            None => write!(f, "{}: not measured", self.what),
            Some(Spread { median, least, most }) => {
                let places = if median.abs() >= 20.0 { 0 } else { 2 };
                write!(f, "{median:.places$} {} ({least:.places$} to {most:.places$})", self.what)?;
                if self.holds() == Some(false) { f.write_str(" **short**") } else { Ok(()) }
            }
        }
    }
}

/// What a run says about one goal.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    /// The goal's number.
    pub(crate) goal: &'static str,
    /// Its figures.
    pub(crate) checks: Vec<Check>,
}

/// Whether a goal was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// All its figures are on the right side.
    Reached,
    /// One is on the wrong side.
    Short,
    /// None is on the wrong side, but one is missing.
    Incomplete,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reached => "yes",
            Self::Short => "no",
            Self::Incomplete => "not known",
        })
    }
}

impl Finding {
    /// Whether the goal was reached.
    #[must_use]
    pub(crate) fn verdict(&self) -> Verdict {
        let holds: Vec<Option<bool>> = self.checks.iter().map(Check::holds).collect();
        if holds.contains(&Some(false)) {
            Verdict::Short
        } else if holds.is_empty() || holds.contains(&None) {
            Verdict::Incomplete
        } else {
            Verdict::Reached
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(median: Option<f64>, bound: Bound) -> Check {
        Check::new("x nginx2", median.map(|median| Spread { median, least: median, most: median }), bound)
    }

    #[test]
    fn a_missing_figure_does_not_count_as_reached() {
        let finding = |checks| Finding { goal: "S1", checks };
        let (good, bad) = (check(Some(1.5), Bound::AtLeast(1.4)), check(Some(1.3), Bound::AtLeast(1.4)));
        let missing = check(None, Bound::AtLeast(1.05));
        assert_eq!(finding(vec![good.clone()]).verdict(), Verdict::Reached);
        assert_eq!(finding(vec![good.clone(), missing.clone()]).verdict(), Verdict::Incomplete);
        assert_eq!(finding(vec![good, missing, bad]).verdict(), Verdict::Short);
        assert_eq!(finding(vec![]).verdict(), Verdict::Incomplete);
    }

    #[test]
    fn figures_that_are_short_say_so() {
        assert_eq!(check(Some(1.3), Bound::AtLeast(1.4)).to_string(), "1.30 x nginx2 (1.30 to 1.30) **short**");
        assert_eq!(check(Some(1.3), Bound::AtMost(1.4)).to_string(), "1.30 x nginx2 (1.30 to 1.30)");
        assert_eq!(check(None, Bound::AtMost(1.4)).to_string(), "x nginx2: not measured");
    }
}
