//! LZ4 blocks of stream data.

use bytes::Bytes;

use super::frame::{FrameError, MAX_PAYLOAD, PACKED_PREFIX};

/// Packs `raw` (1 ..= [`MAX_PAYLOAD`] bytes) into a block; `None` when that, with its prefix, is not shorter.
#[must_use]
pub fn pack(raw: &[u8]) -> Option<Bytes> {
    let mut block = vec![0; lz4_flex::block::get_maximum_output_size(raw.len())];
    let len = lz4_flex::block::compress_into(raw, &mut block).ok()?;
    if PACKED_PREFIX + len >= raw.len() {
        return None;
    }
    block.truncate(len);
    Some(Bytes::from(block))
}

/// Unpacks a block of a [`super::Frame::Packed`]. Never allocates more than [`MAX_PAYLOAD`].
///
/// # Errors
/// [`FrameError::Packed`].
pub fn unpack(block: &[u8], raw_len: u32) -> Result<Bytes, FrameError> {
    let raw_len = raw_len as usize;
    if raw_len > MAX_PAYLOAD {
        return Err(FrameError::Packed);
    }
    let mut raw = vec![0; raw_len];
    match lz4_flex::block::decompress_into(block, &mut raw) {
        Ok(len) if len == raw_len => Ok(Bytes::from(raw)),
        Ok(_) | Err(_) => Err(FrameError::Packed),
    }
}
