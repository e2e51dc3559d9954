//! One frame: an eight-byte header and a payload whose legal length depends on the kind alone, so that a header is
//! refused before a byte of its payload is read.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::{Open, Reset, StreamId, open, reset};

/// What each side sends before its first frame: seven bytes of name and the version of the framing.
pub const PREFACE: [u8; 8] = *b"OCTOMUX\x01";

/// Bytes of a frame's header.
pub const HEADER_LEN: usize = 8;

/// Most bytes of a frame's payload, on the wire and after decompression. Small enough that one frame delays another
/// stream by a millisecond or so on a slow line, large enough that the header costs nothing.
pub const MAX_PAYLOAD: usize = 128 * 1024;

/// Most bytes of an Open frame's head. Today's head needs at most 36; the rest is room for fields to come.
pub const MAX_OPEN_HEAD: usize = 1024;

/// Bytes of the raw length that stands before a compressed block.
pub const PACKED_PREFIX: usize = 4;

const FLAG_FIN: u8 = 0b0001;
const FLAG_LZ4: u8 = 0b0010;
const FLAG_WIDEN: u8 = 0b0001;

/// Whether a frame is the last one of its direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// More may follow.
    More,
    /// The sender's direction ends with this frame.
    Fin,
}

/// What a Window frame gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credit {
    /// So many bytes were taken by their reader: they are in flight no longer.
    Return(u32),
    /// The window is larger by so many bytes from now on; what is in flight stays in flight.
    Widen(u32),
}

/// A frame, decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// Bytes of a stream. The decoder gives a frame that the link cut in pieces, the end with the last one.
    Data {
        /// Whose.
        stream: StreamId,
        /// The bytes.
        payload: Bytes,
        /// Whether they are the last.
        end: End,
    },
    /// Compressed bytes of a stream.
    Packed {
        /// Whose.
        stream: StreamId,
        /// Bytes that the block unpacks to; 1 ..= [`MAX_PAYLOAD`].
        raw_len: u32,
        /// An LZ4 block.
        block: Bytes,
        /// Whether they are the last.
        end: End,
    },
    /// A new stream and its first bytes.
    Open {
        /// Its number.
        stream: StreamId,
        /// What it is for.
        open: Open,
        /// First bytes, perhaps none.
        first: Bytes,
        /// Whether they are the last.
        end: End,
    },
    /// Credit for what the peer sends.
    Window {
        /// Whose.
        stream: StreamId,
        /// How much, never 0.
        credit: Credit,
    },
    /// Both directions end at once.
    Reset {
        /// Whose.
        stream: StreamId,
        /// Why.
        reset: Reset,
    },
    /// A probe, to be answered with the same bytes.
    Ping([u8; 8]),
    /// The answer.
    Pong([u8; 8]),
    /// No streams above this one are taken any more, and none are opened.
    GoAway {
        /// The last stream of the receiver that the sender took; 0 for none.
        last: StreamId,
    },
}

/// Why bytes are not frames. The link cannot be read any further.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
#[error("{}", self.text())]
pub enum FrameError {
    /// The first bytes are not [`PREFACE`]'s name.
    Preface,
    /// The preface names another version of the framing.
    Version,
    /// Kind 0, which nobody sends.
    Kind,
    /// A flag that the kind does not have.
    Flags,
    /// A length outside of the kind's limits.
    Length,
    /// A stream number where 0 belongs, or 0 where a stream's number belongs.
    Stream,
    /// A payload that is not what its kind says.
    Payload,
    /// Credit of 0 bytes.
    Credit,
    /// A compressed block that does not unpack to the length it declares.
    Packed,
}

impl FrameError {
    /// The reason in words, for [`crate::mux::LinkError::Protocol`].
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Preface => "the first bytes are not those of a tunnel link",
            Self::Version => "the link's framing is of another version; update the older of gateway and agent",
            Self::Kind => "a frame of kind 0",
            Self::Flags => "a frame with flags that its kind does not have",
            Self::Length => "a frame whose length is outside of its kind's limits",
            Self::Stream => "a frame whose kind does not go with its stream number",
            Self::Payload => "a frame whose payload is malformed",
            Self::Credit => "a window frame that gives nothing",
            Self::Packed => "a compressed block that does not unpack to its declared length",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Data,
    Packed,
    Open,
    Window,
    Reset,
    Ping,
    Pong,
    GoAway,
    /// Of a newer release: skipped.
    Unknown,
}

/// A header that passed every check that needs no payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    flags: u8,
    pub(super) len: u32,
    pub(super) stream: StreamId,
}

impl Header {
    /// Reads and checks.
    pub(super) fn parse(bytes: [u8; HEADER_LEN]) -> Result<Self, FrameError> {
        let [first, l0, l1, l2, s0, s1, s2, s3] = bytes;
        let flags = first & 0x0f;
        let kind = match first >> 4 {
            0 => return Err(FrameError::Kind),
            1 if flags & FLAG_LZ4 != 0 => Kind::Packed,
            1 => Kind::Data,
            2 => Kind::Open,
            3 => Kind::Window,
            4 => Kind::Reset,
            5 => Kind::Ping,
            6 => Kind::Pong,
            7 => Kind::GoAway,
            _ => Kind::Unknown,
        };
        let header = Self {
            kind,
            flags,
            len: u32::from_be_bytes([0, l0, l1, l2]),
            stream: StreamId(u32::from_be_bytes([s0, s1, s2, s3])),
        };
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), FrameError> {
        let (least, most) = match self.kind {
            Kind::Data | Kind::Unknown => (0, MAX_PAYLOAD),
            Kind::Packed => (PACKED_PREFIX + 1, MAX_PAYLOAD),
            Kind::Open => (2 + open::MIN_HEAD, MAX_PAYLOAD),
            Kind::Window | Kind::GoAway => (4, 4),
            Kind::Reset => (reset::MIN_LEN, reset::MIN_LEN + Reset::MAX_DETAIL),
            Kind::Ping | Kind::Pong => (8, 8),
        };
        let (flags, zero, others) = match self.kind {
            Kind::Data if self.stream.0 == 0 => (0, true, false),
            Kind::Data => (FLAG_FIN, false, true),
            Kind::Packed => (FLAG_FIN | FLAG_LZ4, false, true),
            Kind::Open => (FLAG_FIN, false, true),
            Kind::Window => (FLAG_WIDEN, true, true),
            Kind::Reset => (0, false, true),
            Kind::Ping | Kind::Pong | Kind::GoAway => (0, true, false),
            Kind::Unknown => (0x0f, true, true),
        };
        if self.flags & !flags != 0 {
            return Err(FrameError::Flags);
        }
        if !(if self.stream.0 == 0 { zero } else { others }) {
            return Err(FrameError::Stream);
        }
        if !(least..=most).contains(&(self.len as usize)) {
            return Err(FrameError::Length);
        }
        Ok(())
    }

    pub(super) const fn end(&self) -> End {
        if self.flags & FLAG_FIN == 0 { End::More } else { End::Fin }
    }

    /// Reads a whole payload. [`Kind::Data`] and [`Kind::Unknown`] never come here.
    pub(super) fn payload(&self, mut bytes: Bytes) -> Result<Frame, FrameError> {
        let stream = self.stream;
        Ok(match self.kind {
            Kind::Data | Kind::Unknown => Frame::Data { stream, payload: bytes, end: self.end() },
            Kind::Packed => {
                let raw_len = u32_of(&bytes.split_to(PACKED_PREFIX))?;
                if raw_len == 0 || raw_len as usize > MAX_PAYLOAD {
                    return Err(FrameError::Packed);
                }
                Frame::Packed { stream, raw_len, block: bytes, end: self.end() }
            }
            Kind::Open => {
                let (open, first) = open::decode(bytes)?;
                Frame::Open { stream, open, first, end: self.end() }
            }
            Kind::Window => {
                let bytes = u32_of(&bytes)?;
                let credit = if self.flags & FLAG_WIDEN == 0 { Credit::Return(bytes) } else { Credit::Widen(bytes) };
                if bytes == 0 {
                    return Err(FrameError::Credit);
                }
                Frame::Window { stream, credit }
            }
            Kind::Reset => Frame::Reset { stream, reset: reset::decode(&bytes)? },
            Kind::Ping => Frame::Ping(opaque(&bytes)?),
            Kind::Pong => Frame::Pong(opaque(&bytes)?),
            Kind::GoAway => Frame::GoAway { last: StreamId(u32_of(&bytes)?) },
        })
    }
}

fn u32_of(bytes: &[u8]) -> Result<u32, FrameError> {
    bytes.try_into().map(u32::from_be_bytes).map_err(|_| FrameError::Payload)
}

fn opaque(bytes: &[u8]) -> Result<[u8; 8], FrameError> {
    bytes.try_into().map_err(|_| FrameError::Payload)
}

fn put_header(out: &mut BytesMut, kind_and_flags: (u8, u8), len: usize, stream: StreamId) {
    debug_assert!(len <= MAX_PAYLOAD, "a payload is cut before its header is written");
    out.put_u8(kind_and_flags.0 << 4 | kind_and_flags.1);
    out.put_uint(len as u64, 3);
    out.put_u32(stream.0);
}

const fn fin(end: End) -> u8 {
    match end {
        End::More => 0,
        End::Fin => FLAG_FIN,
    }
}

/// Writes the header of a Data frame; `len` bytes of payload must follow. `len` is at most [`MAX_PAYLOAD`].
pub fn put_data_header(out: &mut BytesMut, stream: StreamId, len: usize, end: End) {
    put_header(out, (1, fin(end)), len, stream);
}

/// Writes the header of a compressed Data frame and the raw length; `block_len` bytes must follow.
pub fn put_packed_header(out: &mut BytesMut, stream: StreamId, raw_len: u32, block_len: usize, end: End) {
    put_header(out, (1, fin(end) | FLAG_LZ4), PACKED_PREFIX + block_len, stream);
    out.put_u32(raw_len);
}

/// Writes header and head of an Open frame; `first_len` bytes must follow.
pub fn put_open_header(out: &mut BytesMut, stream: StreamId, open: &Open, first_len: usize, end: End) {
    put_header(out, (2, fin(end)), 2 + open::encoded_len(open) + first_len, stream);
    open::put(out, open);
}

impl Frame {
    /// Bytes that [`Self::put`] writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN
            + match self {
                Self::Data { payload, .. } => payload.len(),
                Self::Packed { block, .. } => PACKED_PREFIX + block.len(),
                Self::Open { open, first, .. } => 2 + open::encoded_len(open) + first.len(),
                Self::Window { .. } | Self::GoAway { .. } => 4,
                Self::Reset { reset, .. } => reset::encoded_len(reset),
                Self::Ping(_) | Self::Pong(_) => 8,
            }
    }

    /// Writes the frame. Its payload is at most [`MAX_PAYLOAD`] bytes.
    pub fn put(&self, out: &mut BytesMut) {
        match self {
            Self::Data { stream, payload, end } => {
                put_data_header(out, *stream, payload.len(), *end);
                out.put_slice(payload);
            }
            Self::Packed { stream, raw_len, block, end } => {
                put_packed_header(out, *stream, *raw_len, block.len(), *end);
                out.put_slice(block);
            }
            Self::Open { stream, open, first, end } => {
                put_open_header(out, *stream, open, first.len(), *end);
                out.put_slice(first);
            }
            Self::Window { stream, credit: Credit::Return(bytes) } => {
                put_header(out, (3, 0), 4, *stream);
                out.put_u32(*bytes);
            }
            Self::Window { stream, credit: Credit::Widen(bytes) } => {
                put_header(out, (3, FLAG_WIDEN), 4, *stream);
                out.put_u32(*bytes);
            }
            Self::Reset { stream, reset } => {
                put_header(out, (4, 0), reset::encoded_len(reset), *stream);
                reset::put(out, reset);
            }
            Self::Ping(opaque) => {
                put_header(out, (5, 0), 8, StreamId(0));
                out.put_slice(opaque);
            }
            Self::Pong(opaque) => {
                put_header(out, (6, 0), 8, StreamId(0));
                out.put_slice(opaque);
            }
            Self::GoAway { last } => {
                put_header(out, (7, 0), 4, StreamId(0));
                out.put_u32(last.0);
            }
        }
    }
}
