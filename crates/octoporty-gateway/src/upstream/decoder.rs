//! Takes the body of one answer out of a stream's bytes, whatever its framing.

use bytes::Bytes;
use thiserror::Error;

use super::chunked::{ChunkDecoder, ChunkError, Piece};
use super::response::Framing;

/// Why a body is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum BodyFault {
    /// The stream ended before the body did.
    #[error("the target closed before the answer's body was whole")]
    Short,
    /// The chunks are malformed.
    #[error("the answer's body is malformed: {0}")]
    Chunk(#[from] ChunkError),
}

/// Reads one body.
#[derive(Debug)]
pub(crate) enum BodyDecoder {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(ChunkDecoder),
    /// Everything until the stream finishes.
    UntilClose,
    /// The body has ended.
    Ended,
    /// It is malformed: nothing behind it can be understood, so it never ends.
    Faulted(BodyFault),
}

impl BodyDecoder {
    /// At the beginning of a body.
    pub(crate) const fn new(framing: Framing) -> Self {
        match framing {
            Framing::Empty | Framing::Length(0) => Self::Ended,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(ChunkDecoder::new()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// Takes bytes off the front of `input` until there is something to tell; what follows the end stays there.
    ///
    /// # Errors
    /// The body is malformed.
    pub(crate) fn decode(&mut self, input: &mut Bytes) -> Result<Piece, BodyFault> {
        match self {
            Self::Ended => Ok(Piece::End),
            Self::Faulted(fault) => Err(*fault),
            Self::Length(_) | Self::UntilClose if input.is_empty() => Ok(Piece::More),
            Self::UntilClose => Ok(Piece::Data(std::mem::take(input))),
            Self::Length(remaining) => {
                let take = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
                let data = input.split_to(take);
                *remaining -= take as u64;
                if *remaining == 0 {
                    *self = Self::Ended;
                }
                Ok(Piece::Data(data))
            }
            Self::Chunked(decoder) => {
                let piece = decoder.decode(input).map_err(BodyFault::from);
                match &piece {
                    Err(fault) => *self = Self::Faulted(*fault),
                    Ok(_) if decoder.is_ended() => *self = Self::Ended,
                    Ok(_) => {}
                }
                piece
            }
        }
    }

    /// The stream finished in order.
    ///
    /// # Errors
    /// More of the body should have come.
    pub(crate) fn stream_finished(&mut self) -> Result<(), BodyFault> {
        match self {
            Self::Ended => Ok(()),
            Self::UntilClose => {
                *self = Self::Ended;
                Ok(())
            }
            Self::Length(_) | Self::Chunked(_) => Err(BodyFault::Short),
            Self::Faulted(fault) => Err(*fault),
        }
    }

    /// Whether the whole body was read.
    pub(crate) const fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(decoder: &mut BodyDecoder, input: &mut Bytes) -> Result<Vec<u8>, BodyFault> {
        let mut data = Vec::new();
        loop {
            match decoder.decode(input)? {
                Piece::Data(bytes) => data.extend_from_slice(&bytes),
                Piece::Trailers(_) => {}
                Piece::End | Piece::More => return Ok(data),
            }
        }
    }

    proptest! {
        #[test]
        fn a_length_takes_exactly_that_much_in_any_cut(
            body in proptest::collection::vec(any::<u8>(), 0..500),
            behind in proptest::collection::vec(any::<u8>(), 0..50),
            cut in 1usize..60,
        ) {
            let mut decoder = BodyDecoder::new(Framing::Length(body.len() as u64));
            let mut wire = Bytes::from([&body[..], &behind].concat());
            let (mut found, mut left_over) = (Vec::new(), Vec::new());
            while !wire.is_empty() {
                let mut input = wire.split_to(cut.min(wire.len()));
                found.extend(drain(&mut decoder, &mut input).unwrap());
                left_over.extend_from_slice(&input);
            }
            prop_assert_eq!(found, body);
            prop_assert_eq!(left_over, behind);
            prop_assert!(decoder.is_ended());
            prop_assert!(decoder.stream_finished().is_ok());
        }
    }

    #[test]
    fn the_end_of_the_stream_ends_only_what_has_no_other_end() {
        let mut until_close = BodyDecoder::new(Framing::UntilClose);
        assert_eq!(drain(&mut until_close, &mut Bytes::from_static(b"abc")).unwrap(), b"abc");
        assert!(!until_close.is_ended());
        assert_eq!(until_close.stream_finished(), Ok(()));
        assert!(until_close.is_ended());

        let mut short = BodyDecoder::new(Framing::Length(4));
        assert_eq!(drain(&mut short, &mut Bytes::from_static(b"abc")).unwrap(), b"abc");
        assert!(matches!(short, BodyDecoder::Length(1)));
        assert_eq!(short.stream_finished(), Err(BodyFault::Short));

        let mut cut = BodyDecoder::new(Framing::Chunked);
        assert_eq!(drain(&mut cut, &mut Bytes::from_static(b"3\r\nabc\r\n0\r\n")).unwrap(), b"abc");
        assert_eq!(cut.stream_finished(), Err(BodyFault::Short));
    }

    #[test]
    fn nothing_behind_a_malformed_body_is_taken_for_its_end() {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let mut input = Bytes::from_static(b"+3\r\nabc\r\n0\r\n\r\n");
        let fault = decoder.decode(&mut input).unwrap_err();
        let left = input.len();
        assert_eq!(decoder.decode(&mut input).unwrap_err(), fault);
        assert_eq!(decoder.stream_finished(), Err(fault));
        assert!(!decoder.is_ended());
        assert_eq!(input.len(), left);
    }

    #[test]
    fn an_empty_body_is_over_before_it_begins() {
        for framing in [Framing::Empty, Framing::Length(0)] {
            let mut decoder = BodyDecoder::new(framing);
            assert!(decoder.is_ended());
            let mut behind = Bytes::from_static(b"x");
            assert!(matches!(decoder.decode(&mut behind), Ok(Piece::End)));
            assert_eq!(behind.len(), 1);
        }
    }
}
