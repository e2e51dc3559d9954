//! Control messages to bytes and back.
//!
//! ```text
//! flags (1) | length of the body (3, big endian) | body
//! body of a plain message:      MessagePack
//! body of a compressed message: length of the MessagePack (4, big endian) | LZ4 block of it
//! ```
//! Ids and addresses are text in the MessagePack, as in JSON: a message can be read by eye, and no form depends on
//! how a library would pack it.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Control, MAX_MESSAGE, scan};

/// Flag: the body is compressed. No other flag is known; a message with one cannot be read.
const COMPRESSED: u8 = 1;

/// Bytes of flags and length.
const HEAD: usize = 4;

/// Bytes of the raw length in a compressed body.
const RAW_LENGTH: usize = 4;

/// A message of fewer bytes is not worth compressing.
const COMPRESS_FROM: usize = 1024;

/// The most that LZ4 makes of one byte; a declared length beyond that is a lie.
const LZ4_MOST: usize = 255;

/// Why bytes are not a control message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Over [`MAX_MESSAGE`], declared or decompressed.
    #[error("a control message of {0} bytes is over the limit of {MAX_MESSAGE}")]
    TooLarge(usize),
    /// Not MessagePack, or a field that is not legal.
    #[error("a control message cannot be read: {0}")]
    Malformed(String),
    /// Compressed, and the compression is not valid.
    #[error("a compressed control message cannot be unpacked")]
    Compression,
}

/// Turns a message into the bytes of stream 0; compresses a large one.
///
/// # Errors
/// [`ControlError::TooLarge`].
pub fn encode(message: &Control) -> Result<Bytes, ControlError> {
    let mut raw = Vec::with_capacity(256);
    let mut serializer = rmp_serde::Serializer::new(&mut raw).with_struct_map().with_human_readable();
    message.serialize(&mut serializer).map_err(|error| ControlError::Malformed(error.to_string()))?;
    if raw.len() > MAX_MESSAGE {
        return Err(ControlError::TooLarge(raw.len()));
    }
    if raw.len() >= COMPRESS_FROM {
        let packed = lz4_flex::block::compress(&raw);
        if packed.len() + RAW_LENGTH < raw.len() {
            let length = u32::try_from(raw.len()).map_err(|_| ControlError::TooLarge(raw.len()))?;
            return Ok(frame(COMPRESSED, &[&length.to_be_bytes(), &packed]));
        }
    }
    Ok(frame(0, &[&raw]))
}

fn frame(flags: u8, parts: &[&[u8]]) -> Bytes {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = BytesMut::with_capacity(HEAD + length);
    bytes.put_u8(flags);
    bytes.put_uint(length as u64, HEAD - 1);
    parts.iter().for_each(|part| bytes.put_slice(part));
    bytes.freeze()
}

/// Cuts the bytes of stream 0 into messages. Holds at most one message that is not whole, and what was fed since.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    /// What could not be read: nothing behind it is.
    broken: Option<ControlError>,
}

impl Decoder {
    /// Takes bytes, in any cut.
    pub fn feed(&mut self, bytes: &Bytes) {
        if self.broken.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole message.
    ///
    /// # Errors
    /// The link must be closed; every later call gives the same error.
    #[expect(clippy::should_implement_trait, reason = "fallible")]
    pub fn next(&mut self) -> Result<Option<Control>, ControlError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let result = self.cut();
        if let Err(error) = &result {
            self.buffer = BytesMut::new();
            self.broken = Some(error.clone());
        }
        result
    }

    fn cut(&mut self) -> Result<Option<Control>, ControlError> {
        let Some(mut head) = self.buffer.get(..HEAD) else { return Ok(None) };
        let flags = head.get_u8();
        let length = usize::try_from(head.get_uint(HEAD - 1)).unwrap_or(usize::MAX);
        if flags & !COMPRESSED != 0 {
            return Err(ControlError::Malformed(format!("unknown flags {flags:#04x}")));
        }
        if self.buffer.len() < HEAD + length {
            return Ok(None);
        }
        self.buffer.advance(HEAD);
        let body = self.buffer.split_to(length);
        if self.buffer.is_empty() {
            // An empty end of it would hold the whole buffer of a large message for the life of the link.
            self.buffer = BytesMut::new();
        }
        let message = if flags & COMPRESSED == 0 { decode(&body) } else { decode(&unpack(&body)?) };
        message.map(Some)
    }
}

/// Unpacks a body whose raw length is believed only as far as its packed length allows.
fn unpack(mut body: &[u8]) -> Result<Vec<u8>, ControlError> {
    let length = body.try_get_u32().map_err(|_| ControlError::Compression)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MAX_MESSAGE {
        return Err(ControlError::TooLarge(length));
    }
    if length > body.len().saturating_mul(LZ4_MOST) {
        return Err(ControlError::Compression);
    }
    let mut raw = vec![0; length];
    match lz4_flex::block::decompress_into(body, &mut raw) {
        Ok(unpacked) if unpacked == length => Ok(raw),
        _ => Err(ControlError::Compression),
    }
}

fn decode(raw: &[u8]) -> Result<Control, ControlError> {
    scan::check(raw).map_err(|error| ControlError::Malformed(error.to_string()))?;
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(raw).with_human_readable();
    deserializer.set_max_depth(scan::MAX_DEPTH);
    Control::deserialize(&mut deserializer).map_err(|error| ControlError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests;
