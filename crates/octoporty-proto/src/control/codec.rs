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

use super::{Control, FIRST_MESSAGE, MAX_MESSAGE, scan};

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
    /// Over [`FIRST_MESSAGE`], from a peer that has not said who it is.
    #[error("a control message of {0} bytes before the hello is over the limit of {FIRST_MESSAGE}")]
    TooEarly(usize),
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
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    /// Most bytes of a message, before and after decompression.
    limit: usize,
    /// What could not be read: nothing behind it is.
    broken: Option<ControlError>,
}

/// A whole message that nobody looked into yet: to open a large one takes long.
#[derive(Debug)]
pub struct Envelope {
    form: Form,
    body: BytesMut,
}

/// How the body of a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// So many bytes of MessagePack, before they were compressed.
    Compressed(usize),
}

impl Default for Decoder {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), limit: MAX_MESSAGE, broken: None }
    }
}

impl Decoder {
    /// For a peer that has not said who it is: messages of at most [`FIRST_MESSAGE`] until [`Self::lift_limit`].
    #[must_use]
    pub fn for_stranger() -> Self {
        Self { limit: FIRST_MESSAGE, ..Self::default() }
    }

    /// From now on messages may have [`MAX_MESSAGE`] bytes.
    pub const fn lift_limit(&mut self) {
        self.limit = MAX_MESSAGE;
    }

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
        let Some(envelope) = self.next_envelope()? else { return Ok(None) };
        envelope.open().map(Some).inspect_err(|error| self.give_up(error))
    }

    /// The next whole message, to be opened elsewhere.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn next_envelope(&mut self) -> Result<Option<Envelope>, ControlError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        self.cut().inspect_err(|error| self.give_up(error))
    }

    fn give_up(&mut self, error: &ControlError) {
        self.buffer = BytesMut::new();
        self.broken = Some(error.clone());
    }

    fn cut(&mut self) -> Result<Option<Envelope>, ControlError> {
        let Some(mut head) = self.buffer.get(..HEAD) else { return Ok(None) };
        let flags = head.get_u8();
        let length = usize::try_from(head.get_uint(HEAD - 1)).unwrap_or(usize::MAX);
        if flags & !COMPRESSED != 0 {
            return Err(ControlError::Malformed(format!("unknown flags {flags:#04x}")));
        }
        self.check(length)?;
        if self.buffer.len() < HEAD + length {
            return Ok(None);
        }
        self.buffer.advance(HEAD);
        let mut body = self.buffer.split_to(length);
        if self.buffer.is_empty() {
            // An empty end of it would hold the whole buffer of a large message for the life of the link.
            self.buffer = BytesMut::new();
        }
        if flags & COMPRESSED == 0 {
            return Ok(Some(Envelope { form: Form::Plain, body }));
        }
        let raw = body.try_get_u32().map_err(|_| ControlError::Compression)?;
        let raw = usize::try_from(raw).unwrap_or(usize::MAX);
        self.check(raw)?;
        Ok(Some(Envelope { form: Form::Compressed(raw), body }))
    }

    const fn check(&self, length: usize) -> Result<(), ControlError> {
        match length {
            length if length > MAX_MESSAGE => Err(ControlError::TooLarge(length)),
            length if length > self.limit => Err(ControlError::TooEarly(length)),
            _ => Ok(()),
        }
    }
}

impl Envelope {
    /// Bytes of the message when it is unpacked, as far as it can be believed: how long it takes to open it.
    #[must_use]
    pub fn raw_len(&self) -> usize {
        match self.form {
            Form::Plain => self.body.len(),
            Form::Compressed(length) => length,
        }
    }

    /// The message.
    ///
    /// # Errors
    /// The link must be closed.
    pub fn open(self) -> Result<Control, ControlError> {
        match self.form {
            Form::Plain => decode(&self.body),
            Form::Compressed(length) => decode(&unpack(&self.body, length)?),
        }
    }
}

/// Unpacks a body whose raw length is believed only as far as its packed length allows.
fn unpack(body: &[u8], length: usize) -> Result<Vec<u8>, ControlError> {
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
