//! The payload of a Reset frame.

use bytes::{BufMut, BytesMut};

use super::frame::FrameError;
use super::{Blame, Reset, ResetCode};

/// Bytes of code and blame.
pub(super) const MIN_LEN: usize = 2 + 1;

/// The detail as far as it may go on the wire: cut at a character boundary.
fn detail(reset: &Reset) -> &str {
    let mut most = reset.detail.len().min(Reset::MAX_DETAIL);
    while !reset.detail.is_char_boundary(most) {
        most -= 1;
    }
    &reset.detail[..most]
}

pub(super) fn encoded_len(reset: &Reset) -> usize {
    MIN_LEN + detail(reset).len()
}

pub(super) fn put(out: &mut BytesMut, reset: &Reset) {
    out.put_u16(reset.code.0);
    out.put_u8(match reset.blame {
        Blame::Visitor => 0,
        Blame::Gateway => 1,
        Blame::Link => 2,
        Blame::Agent => 3,
        Blame::Target => 4,
    });
    out.put_slice(detail(reset).as_bytes());
}

pub(super) fn decode(payload: &[u8]) -> Result<Reset, FrameError> {
    let (&[high, low, blame], text) = payload.split_first_chunk().ok_or(FrameError::Payload)?;
    Ok(Reset {
        code: ResetCode(u16::from_be_bytes([high, low])),
        blame: match blame {
            0 => Blame::Visitor,
            1 => Blame::Gateway,
            3 => Blame::Agent,
            4 => Blame::Target,
            // 2, or a hop that only a newer release knows.
            _ => Blame::Link,
        },
        detail: std::str::from_utf8(text).map_err(|_| FrameError::Payload)?.to_owned(),
    })
}
