//! Families of samples, gathered anew for each answer, and their text.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// Names with their values.
pub(super) type Labels = Vec<(&'static str, String)>;

/// One number, or a whole histogram.
#[derive(Debug)]
enum Value {
    Whole(u64),
    Real(f64),
    /// Sum, and upper ends with how many lie in each bin; not cumulative, the last end is infinite.
    Bins(f64, Vec<(f64, u64)>),
}

/// What the samples of a family have in common.
#[derive(Debug)]
pub(super) struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    samples: Vec<(Labels, Value)>,
}

/// All of them, in their order.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    families: Vec<Family>,
}

impl Exposition {
    fn family(&mut self, kind: MetricType, name: &'static str, help: &'static str) -> &mut Family {
        self.families.push(Family { name, help, kind, samples: Vec::new() });
        self.families.last_mut().expect("one was pushed")
    }

    /// A total without labels. The text adds `_total` to its name.
    pub(super) fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.counters(name, help).add(Labels::new(), value);
    }

    /// A total by labels.
    pub(super) fn counters(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(MetricType::Counter, name, help)
    }

    /// A value of now without labels.
    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.gauges(name, help).add_real(Labels::new(), value);
    }

    /// A value of now by labels.
    pub(super) fn gauges(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(MetricType::Gauge, name, help)
    }

    /// Times by length.
    pub(super) fn histograms(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(MetricType::Histogram, name, help)
    }

    /// Facts that are labels. The text adds `_info` to its name.
    pub(super) fn info(&mut self, name: &'static str, help: &'static str, labels: Labels) {
        self.family(MetricType::Info, name, help).add(labels, 1);
    }

    /// OpenMetrics text.
    pub(super) fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Gathered(self)));
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &registry) {
            tracing::error!(%error, "the figures could not be written; this is a defect");
        }
        text
    }
}

impl Family {
    /// Adds a whole number.
    pub(super) fn add(&mut self, labels: Labels, value: u64) {
        self.samples.push((labels, Value::Whole(value)));
    }

    /// Adds a number with decimals.
    pub(super) fn add_real(&mut self, labels: Labels, value: f64) {
        self.samples.push((labels, Value::Real(value)));
    }

    /// Adds a histogram: the sum, and the bins with their upper ends but for the last one's, which has none.
    pub(super) fn add_bins(&mut self, labels: Labels, sum: f64, ends: impl Iterator<Item = f64>, bins: &[u64]) {
        let ends = ends.chain([f64::INFINITY]);
        self.samples.push((labels, Value::Bins(sum, ends.zip(bins.iter().copied()).collect())));
    }

    /// By the first digit of the status.
    pub(super) fn add_classes(&mut self, labels: &Labels, by_class: [u64; 5]) {
        for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(by_class) {
            let class = ("class", class.to_owned());
            self.add(labels.iter().cloned().chain([class]).collect(), count);
        }
    }

    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, self.kind)?;
        for (labels, value) in &self.samples {
            if matches!(self.kind, MetricType::Info) {
                metric.encode_info(labels)?;
            } else if labels.is_empty() {
                // An empty set of labels would be written as braces with nothing between them.
                value.encode(self.kind, &mut metric)?;
            } else {
                value.encode(self.kind, &mut metric.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

impl Value {
    fn encode(&self, kind: MetricType, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        let is_counter = matches!(kind, MetricType::Counter);
        match self {
            Self::Whole(value) if is_counter => metric.encode_counter::<NoLabelSet, _, u64>(value, None),
            Self::Real(value) if is_counter => metric.encode_counter::<NoLabelSet, _, u64>(value, None),
            Self::Whole(value) => metric.encode_gauge(value),
            Self::Real(value) => metric.encode_gauge(value),
            Self::Bins(sum, bins) => {
                let count = bins.iter().map(|(_, count)| count).sum();
                metric.encode_histogram::<NoLabelSet>(*sum, count, bins, None)
            }
        }
    }
}

/// The library writes what it was given before; this gives it everything at the time that it writes.
#[derive(Debug)]
struct Gathered(Exposition);

impl Collector for Gathered {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // A family without samples would be a name that leads to nothing.
        let mut families = self.0.families.iter().filter(|family| !family.samples.is_empty());
        families.try_for_each(|family| family.encode(&mut encoder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_open_metrics() {
        let mut out = Exposition::default();
        out.info("octoporty_build", "This release", vec![("version", "1.2.3".to_owned())]);
        out.counter("a", "Of a", 3);
        out.gauges("b_seconds", "Of b").add_real(vec![("name", "say \"hi\" \\o/".to_owned())], 0.5);
        out.histograms("c_seconds", "Of c").add_bins(Labels::new(), 2.5, [0.1, 1.0].into_iter(), &[1, 0, 2]);
        out.counters("nothing", "Never told");
        let expected = concat!(
            "# HELP octoporty_build This release\n# TYPE octoporty_build info\noctoporty_build_info{version=\"1.2.3\"} 1\n",
            "# HELP a Of a\n# TYPE a counter\na_total 3\n",
            "# HELP b_seconds Of b\n# TYPE b_seconds gauge\nb_seconds{name=\"say \\\"hi\\\" \\\\o/\"} 0.5\n",
            "# HELP c_seconds Of c\n# TYPE c_seconds histogram\nc_seconds_sum 2.5\nc_seconds_count 3\n",
            "c_seconds_bucket{le=\"0.1\"} 1\nc_seconds_bucket{le=\"1.0\"} 1\nc_seconds_bucket{le=\"+Inf\"} 3\n# EOF\n",
        );
        assert_eq!(out.text(), expected);
    }
}
