//! All systems of a run, and rounds in which they take turns.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::load::wrk::Wrk;
use crate::options::Options;
use crate::site::Ground;
use crate::stats::{Sample, Series};
use crate::systems::{Name, System};

/// Between two slices: what the one before left behind (closing connections) shall not count for the next.
const PAUSE: Duration = Duration::from_millis(50);

/// A system that did not take part, and why.
#[derive(Debug, Clone)]
pub(crate) struct Absence {
    /// Which one.
    pub(crate) name: Name,
    /// Why.
    pub(crate) reason: String,
}

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Lab {
    options: Options,
    systems: Vec<System>,
    absent: Vec<Absence>,
    wrk: Wrk,
    ground: Ground,
}

/// Series of a scenario, and who dropped out on the way.
#[derive(Debug)]
pub(crate) struct Rounds {
    /// One a system.
    pub(crate) series: Vec<Series>,
    /// Systems whose slices failed.
    pub(crate) broken: Vec<Absence>,
}

impl Rounds {
    /// The series of a system, when it took part.
    #[must_use]
    pub(crate) fn of(&self, name: Name) -> Option<&Series> {
        self.labelled(name.text())
    }

    /// The series of this label.
    #[must_use]
    pub(crate) fn labelled(&self, label: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.system == label)
    }
}

impl Lab {
    /// Starts the systems that the scenarios need and checks what they serve.
    ///
    /// # Errors
    /// If the product, the site or the main control cannot be started.
    pub(crate) async fn prepare(options: Options, names: &[Name]) -> Result<Self> {
        let mut ground = Ground::prepare().await?;
        let wrk = Wrk::prepare(&ground.dir())?;
        let (mut systems, mut absent) = (Vec::new(), Vec::new());
        for name in Name::ALL.into_iter().filter(|name| names.contains(name)) {
            if !options.allows(name) {
                absent.push(Absence { name, reason: "left out by --systems".to_owned() });
                continue;
            }
            match System::start(name, &mut ground).await {
                Ok(system) => systems.push(system),
                Err(error) if matches!(name, Name::Direct | Name::Nginx2 | Name::Octoporty) => return Err(error),
                Err(error) => {
                    eprintln!("bench: {} takes no part: {error:#}", name.text());
                    absent.push(Absence { name, reason: format!("{error:#}") });
                }
            }
        }
        Ok(Self { options, systems, absent, wrk, ground })
    }

    /// The command line.
    #[must_use]
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Site, sink and folder.
    #[must_use]
    pub(crate) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// wrk.
    #[must_use]
    pub(crate) fn wrk(&self) -> &Wrk {
        &self.wrk
    }

    /// All systems that run.
    #[must_use]
    pub(crate) fn systems(&self) -> &[System] {
        &self.systems
    }

    /// Systems that could not take part.
    #[must_use]
    pub(crate) fn absent(&self) -> &[Absence] {
        &self.absent
    }

    /// Lets the systems take turns, one slice each a round.
    ///
    /// # Errors
    /// If a slice of the product or the main control fails; others only drop out.
    pub(crate) async fn rounds(
        &self,
        what: &str,
        names: &[Name],
        slice: impl AsyncFn(&System) -> Result<Sample>,
    ) -> Result<Rounds> {
        let chosen: Vec<&System> = self.systems.iter().filter(|system| names.contains(&system.name())).collect();
        let named = |system: &&System| Series { system: system.name().text().to_owned(), samples: Vec::new() };
        let mut series: Vec<Series> = chosen.iter().map(named).collect();
        let mut broken: Vec<Absence> = Vec::new();
        for round in 1..=self.options.rounds {
            eprintln!("bench: {what}: round {round} of {}", self.options.rounds);
            for (system, series) in chosen.iter().zip(&mut series) {
                if broken.iter().any(|absence| absence.name == system.name()) {
                    continue;
                }
                match turn(system, &slice).await {
                    Ok(sample) => series.samples.push(sample),
                    Err(error) if matches!(system.name(), Name::Direct | Name::Nginx2 | Name::Octoporty) => {
                        bail!("{what}: {}: {error:#}", system.name().text())
                    }
                    Err(error) => broken.push(Absence { name: system.name(), reason: format!("{error:#}") }),
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        series.retain(|series| series.samples.len() == self.options.rounds);
        Ok(Rounds { series, broken })
    }
}

/// Lets some things that are no systems take turns; each is known by its label.
///
/// # Errors
/// If one of them fails.
pub(crate) async fn take_turns(
    what: &str,
    rounds: usize,
    labels: &[&'static str],
    slice: impl AsyncFn(&'static str) -> Result<Sample>,
) -> Result<Rounds> {
    let named = |label: &&'static str| Series { system: (*label).to_owned(), samples: Vec::new() };
    let mut series: Vec<Series> = labels.iter().map(named).collect();
    for round in 1..=rounds {
        eprintln!("bench: {what}: round {round} of {rounds}");
        for (label, series) in labels.iter().zip(&mut series) {
            series.samples.push(slice(label).await.with_context(|| format!("{what}: {label}"))?);
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(Rounds { series, broken: Vec::new() })
}

async fn turn(system: &System, slice: &impl AsyncFn(&System) -> Result<Sample>) -> Result<Sample> {
    let before = system.cpu_seconds()?;
    let sample = slice(system).await?;
    let after = system.cpu_seconds()?;
    Ok(Sample { cpu_seconds: after.zip(before).map(|(after, before)| after - before), ..sample })
}
