//! The chunked transfer coding: an incremental decoder for what a target sends, an encoder for what a visitor sends.
//!
//! Invariants: data passes on without a copy; lines and trailer sections are bounded; a size that does not fit, or
//! a line that does not end in CR LF, is an error and never a guess.

use bytes::{Buf as _, BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::fields::Fields;

/// Most bytes of chunk extensions in one body, all chunks together. They are skipped; nobody sends megabytes of them
/// for a good reason.
const MAX_EXTENSIONS: usize = 16 * 1024;

/// Most bytes of a trailer section.
const MAX_TRAILERS: usize = 16 * 1024;

/// Most hexadecimal digits of a chunk's size: 15 digits stay below 2^60 and leave no way to overflow.
const MAX_SIZE_DIGITS: u8 = 15;

/// Data up to this size is copied between its size line and its line end, so that a small chunk is one piece to
/// send; above it the copy costs more than two more pieces do.
const COPY_LIMIT: usize = 8 * 1024;

/// Why a chunked body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ChunkError {
    /// Not a hexadecimal number.
    #[error("a chunk's size is not a hexadecimal number")]
    Size,
    /// More digits than any chunk needs.
    #[error("a chunk's size has more than {MAX_SIZE_DIGITS} digits")]
    SizeDigits,
    /// CR without LF, LF without CR, or data longer than its size.
    #[error("a chunk's line does not end in CR LF")]
    LineEnd,
    /// Over [`MAX_EXTENSIONS`].
    #[error("the chunk extensions have more than {MAX_EXTENSIONS} bytes")]
    Extensions,
    /// Over [`MAX_TRAILERS`].
    #[error("the trailers have more than {MAX_TRAILERS} bytes")]
    TrailersTooLarge,
    /// Not header fields.
    #[error("the trailers are not valid header fields")]
    Trailers,
}

/// What the decoder found.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes of the body; never empty.
    Data(Bytes),
    /// The body has ended, with these lines of its trailer section; never empty.
    Trailers(Bytes),
    /// The body has ended.
    End,
    /// Everything given was taken; more is needed.
    More,
}

/// Where in the coding the decoder stands.
///
/// ```text
/// Size -> [Extension] -> SizeLf -> Data -> DataCr -> DataLf -> Size …
///                              `-> Trailer (after size 0) -> Ended
/// ```
#[derive(Debug)]
enum State {
    Size { value: u64, digits: u8 },
    SizeSpace { value: u64 },
    Extension { value: u64 },
    SizeLf { value: u64 },
    Data { remaining: u64 },
    DataCr,
    DataLf,
    Trailer(BytesMut),
    Ended,
}

/// Reads one chunked body, in any cut.
#[derive(Debug)]
pub(crate) struct ChunkDecoder {
    state: State,
    extensions: usize,
}

impl ChunkDecoder {
    /// At the beginning of a body.
    pub(crate) const fn new() -> Self {
        Self { state: State::Size { value: 0, digits: 0 }, extensions: 0 }
    }

    /// Takes bytes off the front of `input` until there is something to tell. Bytes behind the end are left there.
    ///
    /// # Errors
    /// The body is malformed; the connection is of no use any more.
    pub(crate) fn decode(&mut self, input: &mut Bytes) -> Result<Piece, ChunkError> {
        loop {
            match &mut self.state {
                State::Ended => return Ok(Piece::End),
                State::Data { remaining } => {
                    if input.is_empty() {
                        return Ok(Piece::More);
                    }
                    let take = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
                    let data = input.split_to(take);
                    *remaining -= take as u64;
                    if *remaining == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(Piece::Data(data));
                }
                State::Trailer(section) => {
                    return match take_trailers(section, input)? {
                        None => Ok(Piece::More),
                        Some(trailers) => {
                            self.state = State::Ended;
                            Ok(if trailers.is_empty() { Piece::End } else { Piece::Trailers(trailers) })
                        }
                    };
                }
                _ if input.is_empty() => return Ok(Piece::More),
                _ => {
                    let byte = input[0];
                    // Not split off: that would count who holds these bytes, for each of them.
                    input.advance(1);
                    self.step(byte)?;
                }
            }
        }
    }

    /// One byte of a size line or of the line end behind data.
    fn step(&mut self, byte: u8) -> Result<(), ChunkError> {
        self.state = match (&self.state, byte) {
            (State::Size { value, digits }, digit) if digit.is_ascii_hexdigit() => {
                if *digits >= MAX_SIZE_DIGITS {
                    return Err(ChunkError::SizeDigits);
                }
                let digit = char::from(digit).to_digit(16).expect("is a hexadecimal digit");
                State::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (State::Size { digits: 0, .. }, _) => return Err(ChunkError::Size),
            // Some servers pad the size with spaces.
            (State::Size { value, .. } | State::SizeSpace { value }, b' ' | b'\t') => {
                self.extensions += 1;
                State::SizeSpace { value: *value }
            }
            (State::Size { value, .. } | State::SizeSpace { value } | State::Extension { value }, b'\r') => {
                State::SizeLf { value: *value }
            }
            (State::Size { value, .. } | State::SizeSpace { value }, b';') => State::Extension { value: *value },
            (State::Size { .. } | State::SizeSpace { .. }, _) => return Err(ChunkError::Size),
            (State::Extension { .. }, b'\n') => return Err(ChunkError::LineEnd),
            (State::Extension { value }, _) => {
                self.extensions += 1;
                State::Extension { value: *value }
            }
            (State::SizeLf { value: 0 }, b'\n') => State::Trailer(BytesMut::new()),
            (State::SizeLf { value }, b'\n') => State::Data { remaining: *value },
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { value: 0, digits: 0 },
            (State::SizeLf { .. } | State::DataCr | State::DataLf, _) => return Err(ChunkError::LineEnd),
            (State::Data { .. } | State::Trailer(_) | State::Ended, _) => {
                unreachable!("data and trailers are not read by the byte")
            }
        };
        if self.extensions > MAX_EXTENSIONS { Err(ChunkError::Extensions) } else { Ok(()) }
    }

    /// Whether the whole body, its trailers included, was read.
    pub(crate) const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

/// Collects the trailer section; `None` while its empty line has not come.
fn take_trailers(section: &mut BytesMut, input: &mut Bytes) -> Result<Option<Bytes>, ChunkError> {
    // By far the most bodies end without trailers.
    if section.is_empty() && input.starts_with(b"\r\n") {
        let _line_end = input.split_to(2);
        return Ok(Some(Bytes::new()));
    }
    while !input.is_empty() {
        let line = input.iter().position(|byte| *byte == b'\n').map_or(input.len(), |lf| lf + 1);
        if section.len() + line > MAX_TRAILERS {
            return Err(ChunkError::TrailersTooLarge);
        }
        section.extend_from_slice(&input.split_to(line));
        if section.ends_with(b"\r\n\r\n") || section[..] == b"\r\n"[..] {
            return passing(section.split().freeze()).map(Some);
        }
        if section.ends_with(b"\n") && !section.ends_with(b"\r\n") {
            return Err(ChunkError::LineEnd);
        }
    }
    Ok(None)
}

/// The lines of a whole section that pass on, as they are spelled.
fn passing(section: Bytes) -> Result<Bytes, ChunkError> {
    let trailers = Fields::parse(section).ok_or(ChunkError::Trailers)?;
    let mut lines = Vec::with_capacity(trailers.head_len());
    for field in trailers.iter().filter(|field| field.known.may_trail()) {
        field.write(&mut lines);
    }
    Ok(lines.into())
}

/// A chunk as pieces to send one after the other: at most a size line, the data and a line end.
pub(crate) type ChunkPieces = [Bytes; 3];

/// Puts data into a chunk. `data` must not be empty: an empty chunk would end the body.
pub(crate) fn encode_chunk(data: Bytes) -> ChunkPieces {
    debug_assert!(!data.is_empty(), "an empty chunk ends the body");
    let mut line = BytesMut::with_capacity(if data.len() <= COPY_LIMIT { data.len() + 20 } else { 20 });
    put_hex(&mut line, data.len());
    line.put_slice(b"\r\n");
    if data.len() > COPY_LIMIT {
        return [line.freeze(), data, Bytes::from_static(b"\r\n")];
    }
    line.put_slice(&data);
    line.put_slice(b"\r\n");
    [line.freeze(), Bytes::new(), Bytes::new()]
}

/// The end of a body, with the lines of its trailer section.
pub(crate) fn encode_end(trailers: &[u8]) -> Bytes {
    if trailers.is_empty() {
        return Bytes::from_static(b"0\r\n\r\n");
    }
    [b"0\r\n", trailers, b"\r\n"].concat().into()
}

fn put_hex(line: &mut BytesMut, number: usize) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        line.put_u8(b"0123456789abcdef"[(number >> (place * 4)) & 0xf]);
    }
}

#[cfg(test)]
mod tests;
