//! WebSocket frames (RFC 6455, section 5) as far as a link needs them: binary messages in any fragmentation, ping,
//! pong and close. Sans-IO.
//!
//! A link is a stream of bytes, so a message is never gathered: its bytes are passed on as they come, however long it
//! says it is, and nothing is allocated for a length.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use crate::carrier::Farewell;

/// Most bytes of a control frame's payload (RFC 6455, section 5.5).
const MAX_CONTROL: usize = 125;

/// Bytes of the code that a close frame's payload begins with.
const CLOSE_CODE: usize = 2;

/// Most bytes of a frame's head: two, a length of eight, a mask of four.
pub(super) const MAX_HEAD: usize = 14;

/// Which end of a connection this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Masks what it sends.
    Client,
    /// Takes only what is masked.
    Server,
}

/// How the peer broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum FrameError {
    #[error("a WebSocket frame with reserved bits, though no extension was agreed")]
    Reserved,
    #[error("a WebSocket frame of an unknown kind")]
    Opcode,
    #[error("a text message on a link, which has only binary ones")]
    Text,
    #[error("a WebSocket continuation without a beginning, or a beginning inside of a message")]
    Fragments,
    #[error("a WebSocket control frame that is fragmented or longer than {MAX_CONTROL} bytes")]
    Control,
    #[error("a WebSocket frame with an illegal length")]
    Length,
    #[error("a WebSocket frame that is masked and must not be, or the other way round")]
    Mask,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bytes of the link.
    Data(Bytes),
    /// To be answered with a pong of the same payload.
    Ping(Bytes),
    /// The peer closes; nothing follows.
    Close(Farewell),
}

/// Kinds of frames that a link sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Binary = 0x82,
    Close = 0x88,
    Pong = 0x8a,
}

/// A mask, turned to where the next byte is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mask([u8; 4]);

impl Mask {
    pub(super) const fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Masks or unmasks the next bytes of a payload.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        // In words: of single bytes compilers make single instructions, each with a read and a write.
        let word = u64::from(u32::from_ne_bytes(self.0));
        let word = word << 32 | word;
        let (blocks, rest) = bytes.as_chunks_mut::<32>();
        for block in blocks {
            for bytes in block.as_chunks_mut::<8>().0 {
                *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
            }
        }
        let (words, rest) = rest.as_chunks_mut::<8>();
        for bytes in words {
            *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
        }
        for (byte, mask) in rest.iter_mut().zip(word.to_ne_bytes()) {
            *byte ^= mask;
        }
        self.0.rotate_left(rest.len() % 4);
    }
}

/// Puts the head of one whole frame.
pub(super) fn put_head(out: &mut BytesMut, kind: Kind, length: usize, mask: Option<[u8; 4]>) {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.extend_from_slice(&[kind as u8]);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..=125), _) => out.extend_from_slice(&[masked | length]),
        (_, Ok(length)) => {
            out.extend_from_slice(&[masked | 126]);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.extend_from_slice(&[masked | 127]);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if let Some(mask) = mask {
        out.extend_from_slice(&mask);
    }
}

/// The payload of a close frame: the code, and the reason as far as it fits, cut at a character's boundary.
pub(super) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    let mut most = reason.len().min(MAX_CONTROL - CLOSE_CODE);
    while !reason.is_char_boundary(most) {
        most -= 1;
    }
    [&code.to_be_bytes()[..], &reason.as_bytes()[..most]].concat()
}

/// What a close frame's payload says. It is the last of a connection: a malformed one is read as far as it goes.
fn farewell(payload: &[u8]) -> Farewell {
    let (code, reason) = match payload.split_first_chunk::<CLOSE_CODE>() {
        Some((code, reason)) => (Some(u16::from_be_bytes(*code)), reason),
        None => (None, &[][..]),
    };
    let reason = String::from_utf8_lossy(reason).chars().filter(|c| !c.is_control()).collect();
    Farewell { code, reason }
}

/// Cuts what was read into pieces.
#[derive(Debug)]
pub(super) struct Reader {
    role: Role,
    /// Of the data frame that is being read.
    left: u64,
    mask: Option<Mask>,
    message: Message,
}

/// Whether a message of several frames is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    None,
    Fragmented,
}

/// A frame's head as it was read.
struct Head {
    first: u8,
    length: u64,
    mask: Option<Mask>,
    /// Bytes of the head itself.
    size: usize,
}

impl Reader {
    pub(super) const fn new(role: Role) -> Self {
        Self { role, left: 0, mask: None, message: Message::None }
    }

    /// The next piece off the front of `buffer`. `None`: more must be read.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Piece>, FrameError> {
        loop {
            if self.left > 0 {
                return Ok(self.data(buffer).map(Piece::Data));
            }
            let Some(head) = self.head(buffer)? else { return Ok(None) };
            match head.first & 0x0f {
                0x0 | 0x2 => {
                    self.begin(&head)?;
                    buffer.advance(head.size);
                }
                0x1 => return Err(FrameError::Text),
                opcode @ 0x8..=0xa => match Self::control(head, buffer)? {
                    None => return Ok(None),
                    Some(payload) if opcode == 0x8 => return Ok(Some(Piece::Close(farewell(&payload)))),
                    Some(payload) if opcode == 0x9 => return Ok(Some(Piece::Ping(payload))),
                    Some(_) => {}
                },
                _ => return Err(FrameError::Opcode),
            }
        }
    }

    /// A data frame begins; its bytes follow.
    fn begin(&mut self, head: &Head) -> Result<(), FrameError> {
        let continues = head.first & 0x0f == 0;
        if continues != (self.message == Message::Fragmented) {
            return Err(FrameError::Fragments);
        }
        self.message = if head.first & 0x80 == 0 { Message::Fragmented } else { Message::None };
        self.left = head.length;
        self.mask = head.mask;
        Ok(())
    }

    fn data(&mut self, buffer: &mut BytesMut) -> Option<Bytes> {
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if length == 0 {
            return None;
        }
        let mut bytes = buffer.split_to(length);
        if let Some(mask) = &mut self.mask {
            mask.apply(&mut bytes);
        }
        self.left -= length as u64;
        Some(bytes.freeze())
    }

    /// A whole control frame's payload, taken off; `None` when it is not all there.
    fn control(head: Head, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let length = usize::try_from(head.length).unwrap_or(usize::MAX);
        if head.first & 0x80 == 0 || length > MAX_CONTROL {
            return Err(FrameError::Control);
        }
        if buffer.len() < head.size + length {
            return Ok(None);
        }
        buffer.advance(head.size);
        let mut payload = buffer.split_to(length);
        if let Some(mut mask) = head.mask {
            mask.apply(&mut payload);
        }
        Ok(Some(Bytes::copy_from_slice(&payload)))
    }

    fn head(&self, buffer: &[u8]) -> Result<Option<Head>, FrameError> {
        let &[first, second, ref rest @ ..] = buffer else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(FrameError::Reserved);
        }
        let masked = second & 0x80 != 0;
        if masked != (self.role == Role::Server) {
            return Err(FrameError::Mask);
        }
        let wide = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some((number, rest)) = rest.split_at_checked(wide) else { return Ok(None) };
        let extended = number.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let length = match wide {
            0 => u64::from(second & 0x7f),
            2 if extended > 125 => extended,
            8 if extended > 0xffff && extended >> 63 == 0 => extended,
            _ => return Err(FrameError::Length),
        };
        let size = 2 + wide;
        if !masked {
            return Ok(Some(Head { first, length, mask: None, size }));
        }
        let Some(key) = rest.first_chunk() else { return Ok(None) };
        Ok(Some(Head { first, length, mask: Some(Mask::new(*key)), size: size + 4 }))
    }
}

#[cfg(test)]
mod tests;
