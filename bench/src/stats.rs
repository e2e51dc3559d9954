//! Samples of one slice, series of them, and ratios taken round by round.

use serde::Serialize;

/// What one slice of a scenario gave.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Sample {
    /// Length of the slice.
    pub(crate) seconds: f64,
    /// Requests or bytes, by the scenario.
    pub(crate) done: f64,
    /// Median latency, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_us: Option<f64>,
    /// 99th percentile of latency, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_us: Option<f64>,
    /// CPU seconds that the system's processes used; none for a system without any (direct).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_seconds: Option<f64>,
    /// Requests that failed or were answered wrongly.
    pub(crate) errors: u64,
}

/// A figure that can be taken from a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Requests or bytes a second.
    Rate,
    /// Median latency in microseconds.
    P50,
    /// 99th percentile of latency in microseconds.
    P99,
    /// CPU seconds for one request or byte.
    Cpu,
}

impl Sample {
    /// The figure, when this sample has it.
    #[must_use]
    pub(crate) fn figure(&self, figure: Figure) -> Option<f64> {
        match figure {
            Figure::Rate => (self.seconds > 0.0).then(|| self.done / self.seconds),
            Figure::P50 => self.p50_us,
            Figure::P99 => self.p99_us,
            Figure::Cpu => self.cpu_seconds.filter(|_| self.done > 0.0).map(|cpu| cpu / self.done),
        }
    }
}

/// The samples of one system in one scenario, one a round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Series {
    /// The system's name.
    pub(crate) system: String,
    /// One a round, in order.
    pub(crate) samples: Vec<Sample>,
}

impl Series {
    /// Median and spread of a figure over the rounds.
    #[must_use]
    pub(crate) fn spread(&self, figure: Figure) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(|sample| sample.figure(figure)).collect())
    }

    /// Requests that failed, in all rounds.
    #[must_use]
    pub(crate) fn errors(&self) -> u64 {
        self.samples.iter().map(|sample| sample.errors).sum()
    }

    /// Median and spread of the ratios to `other`, each taken within one round.
    #[must_use]
    pub(crate) fn ratio(&self, other: &Self, figure: Figure) -> Option<Spread> {
        let pairs = self.samples.iter().zip(&other.samples);
        let ratios = pairs.filter_map(|(a, b)| Some(a.figure(figure)? / b.figure(figure).filter(|b| *b > 0.0)?));
        Spread::of(ratios.collect())
    }
}

/// Median, least and most of some values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The middle one.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The most.
    pub(crate) most: f64,
}

impl Spread {
    /// Of these values; none when there are none.
    #[must_use]
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| value.is_finite());
        values.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
        Some(Self { median, least, most })
    }

    /// All three times a factor.
    #[must_use]
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self { median: self.median * factor, least: self.least * factor, most: self.most * factor }
    }
}

/// The value below which `percent` of the sorted samples lie.
#[must_use]
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(system: &str, rates: &[f64]) -> Series {
        let samples = rates.iter().map(|rate| Sample { seconds: 1.0, done: *rate, ..Sample::default() }).collect();
        Series { system: system.to_owned(), samples }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // Both grow threefold when the machine becomes quiet: the ratio does not change.
        let (ours, control) = (series("ours", &[15.0, 45.0, 15.0]), series("control", &[10.0, 30.0, 10.0]));
        let ratio = ours.ratio(&control, Figure::Rate).expect("there are samples");
        assert_eq!(ratio, Spread { median: 1.5, least: 1.5, most: 1.5 });
    }

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]).map(|s| s.median), Some(2.0));
        assert_eq!(Spread::of(vec![4.0, 1.0, 2.0, 3.0]).map(|s| s.median), Some(2.5));
        assert_eq!(Spread::of(vec![]), None);
    }

    #[test]
    fn cpu_without_work_is_no_figure() {
        let sample = Sample { seconds: 1.0, cpu_seconds: Some(1.0), ..Sample::default() };
        assert_eq!(sample.figure(Figure::Cpu), None);
    }

    #[test]
    fn percentiles() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(percentile(&values, 50), Some(50.0));
        assert_eq!(percentile(&values, 99), Some(99.0));
        assert_eq!(percentile(&[], 50), None);
    }
}
