//! Cuts the bytes of a link into frames.
//!
//! Bytes come in any cut. A frame that lies whole in one piece of input is given without a copy; Data is given as it
//! comes and never gathered; only a small frame, an Open or a compressed block that the link cut is put together.

use bytes::{Buf, Bytes, BytesMut};

use super::StreamId;
use super::frame::{End, Frame, FrameError, HEADER_LEN, Header, Kind, PREFACE};

/// Reads one direction of a link.
#[derive(Debug)]
pub struct Decoder {
    state: State,
}

/// ```text
///            8 bytes            header                 payload read
/// Preface ------------> Header ---------> Data | Whole | Skip ------> Header
///     any state, illegal bytes ---------> Broken
/// ```
#[derive(Debug)]
enum State {
    Preface { matched: usize },
    Header { bytes: [u8; HEADER_LEN], have: usize },
    Data { stream: StreamId, left: usize, end: End },
    Whole { header: Header, gathered: BytesMut },
    Skip { left: usize },
    Broken(FrameError),
}

const FRESH: State = State::Header { bytes: [0; HEADER_LEN], have: 0 };

impl Default for Decoder {
    fn default() -> Self {
        Self { state: State::Preface { matched: 0 } }
    }
}

impl Decoder {
    /// Takes bytes off the front of `input` until a frame is there. `None`: the input is used up.
    ///
    /// # Errors
    /// The link cannot be read any further; every later call gives the same error.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Frame>, FrameError> {
        let result = self.advance(input);
        if let Err(error) = result {
            self.state = State::Broken(error);
        }
        result
    }

    fn advance(&mut self, input: &mut Bytes) -> Result<Option<Frame>, FrameError> {
        loop {
            match &mut self.state {
                State::Broken(error) => return Err(*error),
                State::Preface { matched } => {
                    if !match_preface(matched, input)? {
                        return Ok(None);
                    }
                    self.state = FRESH;
                }
                State::Header { bytes, have } => {
                    let take = (HEADER_LEN - *have).min(input.len());
                    bytes[*have..*have + take].copy_from_slice(&input[..take]);
                    input.advance(take);
                    *have += take;
                    if *have < HEADER_LEN {
                        return Ok(None);
                    }
                    let header = Header::parse(*bytes)?;
                    if let Some(frame) = self.begin(header, input)? {
                        return Ok(Some(frame));
                    }
                }
                State::Data { stream, left, end } => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let payload = input.split_to((*left).min(input.len()));
                    *left -= payload.len();
                    let last = *left == 0;
                    let frame = Frame::Data { stream: *stream, payload, end: if last { *end } else { End::More } };
                    if last {
                        self.state = FRESH;
                    }
                    return Ok(Some(frame));
                }
                State::Whole { header, gathered } => {
                    let missing = header.len as usize - gathered.len();
                    gathered.extend_from_slice(&input.split_to(missing.min(input.len())));
                    if gathered.len() < header.len as usize {
                        return Ok(None);
                    }
                    let frame = header.payload(std::mem::take(gathered).freeze())?;
                    self.state = FRESH;
                    return Ok(Some(frame));
                }
                State::Skip { left } => {
                    let take = (*left).min(input.len());
                    input.advance(take);
                    *left -= take;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = FRESH;
                }
            }
        }
    }

    /// A header was read; gives the frame at once if its payload is all there.
    fn begin(&mut self, header: Header, input: &mut Bytes) -> Result<Option<Frame>, FrameError> {
        let len = header.len as usize;
        self.state = match header.kind {
            Kind::Unknown => State::Skip { left: len },
            Kind::Data if len > 0 => State::Data { stream: header.stream, left: len, end: header.end() },
            Kind::Data => {
                self.state = FRESH;
                return Ok(Some(Frame::Data { stream: header.stream, payload: Bytes::new(), end: header.end() }));
            }
            _ if input.len() >= len => {
                self.state = FRESH;
                return header.payload(input.split_to(len)).map(Some);
            }
            _ => State::Whole { header, gathered: BytesMut::with_capacity(len) },
        };
        Ok(None)
    }
}

/// Whether the whole preface was seen.
fn match_preface(matched: &mut usize, input: &mut Bytes) -> Result<bool, FrameError> {
    while *matched < PREFACE.len() && !input.is_empty() {
        let byte = input.get_u8();
        if byte != PREFACE[*matched] {
            let is_version = *matched == PREFACE.len() - 1;
            return Err(if is_version { FrameError::Version } else { FrameError::Preface });
        }
        *matched += 1;
    }
    Ok(*matched == PREFACE.len())
}
