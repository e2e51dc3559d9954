//! Times by length, in bins that grow with the time: what a quantile is told from, right to within 5 %.

use std::collections::BTreeMap;

/// Bins of a histogram: 8 an octave, so that a time is right to within 5 %; from 0.1 ms on, 20 octaves reach 100 s.
pub(crate) const BINS: usize = 160;
const BINS_PER_OCTAVE: usize = 8;
const FIRST_BIN_US: u64 = 100;

/// The shortest times of the bins, microseconds.
const STARTS: [u64; BINS] = starts();

/// Where a time lies: in the last bin that begins with it or below. Looked up, since each request asks.
pub(crate) fn bin(microseconds: u64) -> usize {
    let octave = (microseconds / FIRST_BIN_US).max(1).ilog2() as usize;
    let Some(starts) = STARTS.as_chunks::<BINS_PER_OCTAVE>().0.get(octave) else { return BINS - 1 };
    // What is below the first bin lies in it as well.
    octave * BINS_PER_OCTAVE + starts[1..].iter().filter(|start| **start <= microseconds).count()
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "they are positive and below 2^53"
)]
const fn starts() -> [u64; BINS] {
    /// What each bin of an octave begins at: 2 to the power of eighths.
    const EIGHTHS: [f64; BINS_PER_OCTAVE] = [
        1.0,
        1.090_507_732_665_257_7,
        1.189_207_115_002_721,
        1.296_839_554_651_009_6,
        std::f64::consts::SQRT_2,
        1.542_210_825_407_940_7,
        1.681_792_830_507_429,
        1.834_008_086_409_342_4,
    ];
    let mut starts = [0; BINS];
    let mut bin = 0;
    while bin < BINS {
        let start = (FIRST_BIN_US << (bin / BINS_PER_OCTAVE)) as f64 * EIGHTHS[bin % BINS_PER_OCTAVE];
        starts[bin] = start.ceil() as u64;
        bin += 1;
    }
    starts
}

/// The middle of the bin in which so many of 100 lie, milliseconds. The bins rise.
#[expect(clippy::cast_precision_loss, reason = "bins are few")]
pub(crate) fn quantile_ms(bins: impl Iterator<Item = (usize, u64)> + Clone, percent: u64) -> Option<f64> {
    // A restored database may say anything.
    let total = bins.clone().fold(0_u64, |sum, (_, count)| sum.saturating_add(count));
    if total == 0 {
        return None;
    }
    let wanted = total.saturating_mul(percent).div_ceil(100);
    let mut seen = 0_u64;
    let (bin, _) = bins.into_iter().find(|(_, count)| {
        seen = seen.saturating_add(*count);
        seen >= wanted
    })?;
    let microseconds = FIRST_BIN_US as f64 * ((bin as f64 + 0.5) / BINS_PER_OCTAVE as f64).exp2();
    Some((microseconds / 10.0).round() / 100.0)
}

/// A histogram that is mostly empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sketch(BTreeMap<u8, u64>);

impl Sketch {
    /// Counts a time.
    pub(crate) fn count(&mut self, microseconds: u64) {
        let bin = u8::try_from(bin(microseconds)).expect("there are fewer bins than a byte has values");
        *self.0.entry(bin).or_default() += 1;
    }

    /// Adds another one.
    pub(crate) fn add(&mut self, other: &Self) {
        for (bin, count) in &other.0 {
            let sum = self.0.entry(*bin).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// So many of 100 took no longer, milliseconds.
    pub(crate) fn quantile_ms(&self, percent: u64) -> Option<f64> {
        quantile_ms(self.0.iter().map(|(bin, count)| (usize::from(*bin), *count)), percent)
    }

    /// As it is stored.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 2);
        for (bin, count) in &self.0 {
            bytes.push(*bin);
            let mut left = *count;
            while left >= 0x80 {
                bytes.push(low_bits(left) | 0x80);
                left >>= 7;
            }
            bytes.push(low_bits(left));
        }
        bytes
    }

    /// The way back; `None` when these are not the bytes of one.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bins = BTreeMap::new();
        let mut rest = bytes.iter();
        while let Some(bin) = rest.next() {
            let (mut count, mut shift) = (0_u64, 0);
            loop {
                let byte = *rest.next()?;
                count |= u64::from(byte & 0x7f).checked_shl(shift)?;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            (usize::from(*bin) < BINS).then_some(())?;
            bins.insert(*bin, count);
        }
        Some(Self(bins))
    }
}

fn low_bits(number: u64) -> u8 {
    u8::try_from(number & 0x7f).expect("seven bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sketch_comes_back_from_its_bytes_and_others_are_refused() {
        let mut sketch = Sketch::default();
        for (microseconds, times) in [(50, 1), (1_000, 127), (20_000, 128), (u64::MAX, 70_000)] {
            (0..times).for_each(|_| sketch.count(microseconds));
        }
        let bytes = sketch.to_bytes();
        assert_eq!(bytes.len(), 4 + 1 + 1 + 2 + 3);
        assert_eq!(Sketch::from_bytes(&bytes), Some(sketch));
        assert_eq!(Sketch::from_bytes(&[]), Some(Sketch::default()));
        for wrong in [&[1][..], &[1, 0x80], &[200, 1], &[1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]] {
            assert_eq!(Sketch::from_bytes(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "as the bins are defined"
    )]
    fn a_time_lies_in_the_bin_of_its_logarithm() {
        let by_logarithm = |microseconds: u64| {
            let octaves = (microseconds as f64 / 100.0).max(1.0).log2();
            ((octaves * 8.0) as usize).min(BINS - 1)
        };
        let around = STARTS.iter().flat_map(|start| [start - 1, *start, start + 1]);
        for microseconds in around.chain(0..300_000).chain((0..64).map(|power| 1 << power)).chain([u64::MAX]) {
            assert_eq!(bin(microseconds), by_logarithm(microseconds), "{microseconds}");
        }
    }

    #[test]
    fn quantiles_of_a_sum_are_those_of_all_and_right_within_five_percent() {
        let (mut even, mut odd) = (Sketch::default(), Sketch::default());
        for ms in 1..=1_000_u64 {
            if ms % 2 == 0 { even.count(ms * 1_000) } else { odd.count(ms * 1_000) }
        }
        even.add(&odd);
        for (percent, wanted) in [(50, 500.0), (95, 950.0)] {
            let told = even.quantile_ms(percent).unwrap();
            assert!((told / wanted - 1.0_f64).abs() < 0.05, "p{percent} is {told}");
        }
        assert_eq!(Sketch::default().quantile_ms(50), None);
    }

    #[test]
    fn counts_that_nobody_can_have_counted_are_no_end() {
        let most = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        let bytes = [&[0][..], &most, &[80], &most].concat();
        assert!(Sketch::from_bytes(&bytes).unwrap().quantile_ms(95).is_some());
    }
}
