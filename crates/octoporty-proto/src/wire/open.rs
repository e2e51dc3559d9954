//! The head of an Open frame. Fields are only appended: a reader takes those it knows and skips the rest.

use std::net::{IpAddr, SocketAddr};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::Open;
use super::frame::{FrameError, MAX_OPEN_HEAD};
use crate::model::{Compression, MappingId};

/// Bytes of the shortest head: mapping, no visitor, compression.
pub(super) const MIN_HEAD: usize = 16 + 1 + 1;

const VISITOR_NONE: u8 = 0;
const VISITOR_V4: u8 = 4;
const VISITOR_V6: u8 = 6;

/// Bytes of the head itself, without the length before it.
pub(super) fn encoded_len(open: &Open) -> usize {
    MIN_HEAD
        + match open.visitor {
            None => 0,
            Some(SocketAddr::V4(_)) => 4 + 2,
            Some(SocketAddr::V6(_)) => 16 + 2,
        }
}

/// Writes the head and the length before it.
pub(super) fn put(out: &mut BytesMut, open: &Open) {
    out.put_uint(encoded_len(open) as u64, 2);
    out.put_slice(open.mapping.as_uuid().as_bytes());
    match open.visitor.map(|visitor| (visitor.ip(), visitor.port())) {
        None => out.put_u8(VISITOR_NONE),
        Some((IpAddr::V4(ip), port)) => {
            out.put_u8(VISITOR_V4);
            out.put_slice(&ip.octets());
            out.put_u16(port);
        }
        Some((IpAddr::V6(ip), port)) => {
            out.put_u8(VISITOR_V6);
            out.put_slice(&ip.octets());
            out.put_u16(port);
        }
    }
    out.put_u8(match open.compression {
        Compression::Auto => 0,
        Compression::On => 1,
        Compression::Off => 2,
    });
}

/// Reads the head off the front of an Open frame's payload; what is left are the first bytes.
pub(super) fn decode(mut payload: Bytes) -> Result<(Open, Bytes), FrameError> {
    let head_len = usize::from(payload.try_get_u16().map_err(|_| FrameError::Payload)?);
    if head_len > MAX_OPEN_HEAD || head_len > payload.len() {
        return Err(FrameError::Payload);
    }
    let open = fields(payload.split_to(head_len)).ok_or(FrameError::Payload)?;
    Ok((open, payload))
}

/// `None` when the head ends before its fields do.
fn fields(mut head: Bytes) -> Option<Open> {
    let mapping = MappingId::from_uuid(Uuid::from_u128(head.try_get_u128().ok()?));
    let visitor = match head.try_get_u8().ok()? {
        VISITOR_NONE => None,
        VISITOR_V4 => {
            let ip = IpAddr::from(head.try_get_u32().ok()?.to_be_bytes());
            Some(SocketAddr::new(ip, head.try_get_u16().ok()?))
        }
        VISITOR_V6 => {
            let ip = IpAddr::from(head.try_get_u128().ok()?.to_be_bytes());
            Some(SocketAddr::new(ip, head.try_get_u16().ok()?))
        }
        _ => return None,
    };
    let compression = match head.try_get_u8().ok()? {
        0 => Compression::Auto,
        1 => Compression::On,
        // A mode of a newer release: not compressing is always understood.
        _ => Compression::Off,
    };
    Some(Open { mapping, visitor, compression })
}
