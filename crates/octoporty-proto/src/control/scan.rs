//! A look over MessagePack before anything is allocated for it: every length lies within the message, nesting and
//! the number of values are bounded, nothing follows. A message of small values costs many times its size once it
//! is decoded; this is where that is limited.

use thiserror::Error;

/// Deepest nesting; the messages of this release have six levels, and unknown fields may have a few more.
pub(super) const MAX_DEPTH: usize = 32;

/// Most values (map keys among them) in one message: 5000 mappings have less than 40 each.
const MAX_VALUES: u32 = 500_000;

/// What is wrong with a message's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum ScanError {
    #[error("it ends in the middle")]
    Short,
    #[error("it is nested deeper than {MAX_DEPTH} levels")]
    Deep,
    #[error("it has more than {MAX_VALUES} values")]
    Many,
    #[error("something follows its end")]
    Trailing,
    #[error("it has the reserved byte 0xc1")]
    Reserved,
}

/// Looks over one whole message.
pub(super) fn check(bytes: &[u8]) -> Result<(), ScanError> {
    let mut rest = bytes;
    // Values that each open array or map still has to come.
    let mut open = [0_u64; MAX_DEPTH];
    let mut depth = 0;
    let mut values = 0;
    loop {
        values += 1;
        if values > MAX_VALUES {
            return Err(ScanError::Many);
        }
        let children = value(&mut rest)?;
        if children > 0 {
            *open.get_mut(depth).ok_or(ScanError::Deep)? = children;
            depth += 1;
            continue;
        }
        while depth > 0 {
            open[depth - 1] -= 1;
            if open[depth - 1] > 0 {
                break;
            }
            depth -= 1;
        }
        if depth == 0 {
            return if rest.is_empty() { Ok(()) } else { Err(ScanError::Trailing) };
        }
    }
}

/// Passes over one value's own bytes and gives how many values it contains.
fn value(rest: &mut &[u8]) -> Result<u64, ScanError> {
    let marker = number(rest, 1)?;
    let skipped = match marker {
        0x80..=0x8f => return Ok((marker & 0x0f) * 2),
        0x90..=0x9f => return Ok(marker & 0x0f),
        0xdc => return number(rest, 2),
        0xdd => return number(rest, 4),
        0xde => return Ok(number(rest, 2)? * 2),
        0xdf => return Ok(number(rest, 4)? * 2),
        0xa0..=0xbf => marker & 0x1f,
        0xc4 | 0xd9 => number(rest, 1)?,
        0xc5 | 0xda => number(rest, 2)?,
        0xc6 | 0xdb => number(rest, 4)?,
        // An extension has its type in one byte more than its length says.
        0xc7 => number(rest, 1)? + 1,
        0xc8 => number(rest, 2)? + 1,
        0xc9 => number(rest, 4)? + 1,
        0xd4..=0xd8 => (1 << (marker - 0xd4)) + 1,
        0xcc | 0xd0 => 1,
        0xcd | 0xd1 => 2,
        0xca | 0xce | 0xd2 => 4,
        0xcb | 0xcf | 0xd3 => 8,
        0xc1 => return Err(ScanError::Reserved),
        // Small numbers, nil and booleans are their own marker.
        _ => 0,
    };
    let skipped = usize::try_from(skipped).map_err(|_| ScanError::Short)?;
    *rest = rest.get(skipped..).ok_or(ScanError::Short)?;
    Ok(0)
}

fn number(rest: &mut &[u8], bytes: usize) -> Result<u64, ScanError> {
    let (number, after) = rest.split_at_checked(bytes).ok_or(ScanError::Short)?;
    *rest = after;
    Ok(number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_library_writes_is_taken() {
        let everything = serde_json::json!({
            "nil": null, "yes": true, "small": 5, "negative": -5, "wide": -70_000, "huge": u64::MAX, "real": 0.5,
            "short": "text", "long": "x".repeat(300), "longer": "x".repeat(70_000),
            "list": [1, [2, [3, []]]], "many": vec![7; 70_000], "map": {"a": {"b": {}}},
        });
        assert_eq!(check(&rmp_serde::to_vec_named(&everything).unwrap()), Ok(()));
        assert_eq!(check(&rmp_serde::to_vec(&serde_bytes::Bytes::new(&[1; 300])).unwrap()), Ok(()));
    }

    #[test]
    fn every_kind_of_length_is_passed_over_exactly() {
        let kinds: &[&[u8]] = &[
            &[0xd4, 1, 2],
            &[0xd5, 1, 2, 2],
            &[0xd8, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            &[0xc7, 2, 1, 9, 9],
            &[0xc8, 0, 1, 1, 9],
            &[0xc9, 0, 0, 0, 1, 1, 9],
            &[0xc4, 1, 9],
            &[0xc5, 0, 1, 9],
            &[0xc6, 0, 0, 0, 1, 9],
            &[0xd9, 1, 65],
            &[0xda, 0, 1, 65],
            &[0xdb, 0, 0, 0, 1, 65],
            &[0xa1, 65],
            &[0xca, 0, 0, 0, 0],
            &[0xcb, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0xcc, 1],
            &[0xcd, 1, 1],
            &[0xce, 1, 1, 1, 1],
            &[0xdc, 0, 1, 0xc0],
            &[0xdd, 0, 0, 0, 1, 0xc2],
            &[0xde, 0, 1, 1, 1],
            &[0xdf, 0, 0, 0, 1, 1, 1],
            &[0x90],
        ];
        for kind in kinds {
            assert_eq!(check(kind), Ok(()), "{kind:02x?}");
            assert_eq!(check(&kind[..kind.len() - 1]), Err(ScanError::Short), "{kind:02x?}");
            assert_eq!(check(&[kind, &[0][..]].concat()), Err(ScanError::Trailing), "{kind:02x?}");
        }
        assert_eq!(check(&[0xc1]), Err(ScanError::Reserved));
        assert_eq!(check(&[]), Err(ScanError::Short));
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let nested = |levels| [vec![0x91; levels], vec![0xc0]].concat();
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(check(&nested(MAX_DEPTH + 1)), Err(ScanError::Deep));
        assert_eq!(check(&nested(1_000_000)), Err(ScanError::Deep));
        let flat = |length: u32| [&[0xdd][..], &length.to_be_bytes(), &vec![0xc0; length as usize]].concat();
        assert_eq!(check(&flat(MAX_VALUES - 1)), Ok(()));
        assert_eq!(check(&flat(MAX_VALUES)), Err(ScanError::Many));
    }

    #[test]
    fn a_length_beyond_the_message_is_not_believed() {
        assert_eq!(check(&[0xdb, 0xff, 0xff, 0xff, 0xff, 65]), Err(ScanError::Short));
        assert_eq!(check(&[0xdf, 0xff, 0xff, 0xff, 0xff, 1, 1]), Err(ScanError::Short));
        assert_eq!(check(&[0xc9, 0xff, 0xff, 0xff, 0xff, 1, 1]), Err(ScanError::Short));
    }
}
