//! `/download?size=N`: N bytes that are the same each time, with ranges; `/download.sha256?size=N` is their checksum.
//!
//! The bytes are a block of noise, over and over. Its length is a prime near a mebibyte, so that no buffer size
//! divides it (a byte lost or doubled at a boundary changes the checksum) and no compressor's window spans it.

use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use sha2::{Digest, Sha256};

use super::upload::hex;
use super::{Answer, parameter, text, whole};

/// Bytes when no size is asked for: 1 GB.
const DEFAULT_SIZE: u64 = 1_000_000_000;

/// SHA-256 of the first [`DEFAULT_SIZE`] bytes (a test computes it).
const DEFAULT_SHA256: &str = "485f9ec253236855e293a032b1e57c45f7062d2a9f30a8dd5541f7bfec005a22";

/// Most bytes that are handed out: 1 TB.
const MOST: u64 = 1_000_000_000_000;

/// Length of the noise: the largest prime below 2^20.
const PERIOD: usize = 1_048_573;

/// Most bytes of one piece of a body.
const PIECE: u64 = 64 * 1024;

static NOISE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = Vec::with_capacity(PERIOD + 8);
    while noise.len() < PERIOD {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise.truncate(PERIOD);
    Bytes::from(noise)
});

/// The bytes from `offset`, at most a piece and at most `left`.
fn piece(offset: u64, left: u64) -> Bytes {
    let start = usize::try_from(offset % PERIOD as u64).expect("less than the period");
    let room = (PERIOD - start) as u64;
    let length = usize::try_from(left.min(PIECE).min(room)).expect("at most a piece");
    NOISE.slice(start..start + length)
}

/// A body of the bytes from `offset` on.
struct Noise {
    offset: u64,
    left: u64,
}

impl Body for Noise {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = piece(self.offset, self.left);
        self.offset += piece.len() as u64;
        self.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The bytes, or the range of them that was asked for.
pub(super) fn answer<B>(request: &Request<B>) -> Answer {
    let Some(size) = size(request) else { return wrong_size() };
    let etag = format!("\"noise-{size}\"");
    let builder = Response::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, etag);
    let builder = if size == DEFAULT_SIZE { builder.header("x-sha256", DEFAULT_SHA256) } else { builder };
    let asked = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
    let answer = match range(asked, size) {
        Range::Whole => builder.body(Noise { offset: 0, left: size }.boxed_unsync()),
        Range::Part { first, last } => builder
            .status(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}"))
            .body(Noise { offset: first, left: last - first + 1 }.boxed_unsync()),
        Range::Nothing => builder
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(header::CONTENT_RANGE, format!("bytes */{size}"))
            .body(whole("")),
    };
    answer.expect("headers are valid")
}

/// The checksum in the form of `sha256sum`. Hashing goes off the runtime's threads.
pub(super) async fn checksum<B>(request: &Request<B>) -> Answer {
    let Some(size) = size(request) else { return wrong_size() };
    let known = (size == DEFAULT_SIZE).then(|| DEFAULT_SHA256.to_owned());
    let sum = match known {
        Some(sum) => Ok(sum),
        None => tokio::task::spawn_blocking(move || sha256(size)).await,
    };
    match sum {
        Ok(sum) => text(StatusCode::OK, &format!("{sum}  download\n")),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "The checksum could not be computed.\n"),
    }
}

fn sha256(size: u64) -> String {
    let mut digest = Sha256::new();
    let mut offset = 0;
    while offset < size {
        let piece = piece(offset, size - offset);
        digest.update(&piece);
        offset += piece.len() as u64;
    }
    hex(&digest.finalize())
}

fn size<B>(request: &Request<B>) -> Option<u64> {
    match parameter(request, "size") {
        None | Some("") => Some(DEFAULT_SIZE),
        Some(size) => size.parse().ok().filter(|size| *size <= MOST),
    }
}

fn wrong_size() -> Answer {
    text(StatusCode::BAD_REQUEST, &format!("size must be a number of bytes up to {MOST}.\n"))
}

/// What a `Range` header asks of a body of some size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Range {
    /// All of it; also when the header is not understood, as the standard wants it.
    Whole,
    /// From one byte to another, both included.
    Part { first: u64, last: u64 },
    /// Nothing that is there.
    Nothing,
}

fn range(asked: Option<&str>, size: u64) -> Range {
    let Some((first, last)) =
        asked.and_then(|asked| asked.strip_prefix("bytes=")).and_then(|spec| spec.split_once('-'))
    else {
        return Range::Whole;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), _) if first >= size => Range::Nothing,
        (Ok(first), Ok(last)) if first <= last => Range::Part { first, last: last.min(size - 1) },
        (Ok(first), Err(_)) if last.trim().is_empty() => Range::Part { first, last: size - 1 },
        (Err(_), Ok(0)) if first.trim().is_empty() => Range::Nothing,
        (Err(_), Ok(_)) if first.trim().is_empty() && size == 0 => Range::Nothing,
        (Err(_), Ok(tail)) if first.trim().is_empty() => Range::Part { first: size - tail.min(size), last: size - 1 },
        _ => Range::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_the_default_size_is_the_one_that_is_told() {
        assert_eq!(sha256(DEFAULT_SIZE), DEFAULT_SHA256);
    }

    #[test]
    fn pieces_join_without_a_gap() {
        let mut joined = Vec::new();
        while joined.len() < PERIOD + 100_000 {
            joined.extend_from_slice(&piece(joined.len() as u64, 7919));
        }
        assert_eq!(joined[..PERIOD], NOISE[..]);
        assert_eq!(joined[PERIOD..PERIOD + 1000], NOISE[..1000]);
    }

    #[test]
    fn ranges_are_those_of_the_standard() {
        assert_eq!(range(None, 10), Range::Whole);
        assert_eq!(range(Some("bytes=0-3"), 10), Range::Part { first: 0, last: 3 });
        assert_eq!(range(Some("bytes=4-"), 10), Range::Part { first: 4, last: 9 });
        assert_eq!(range(Some("bytes=-4"), 10), Range::Part { first: 6, last: 9 });
        assert_eq!(range(Some("bytes=-40"), 10), Range::Part { first: 0, last: 9 });
        assert_eq!(range(Some("bytes=5-99"), 10), Range::Part { first: 5, last: 9 });
        assert_eq!(range(Some("bytes=10-"), 10), Range::Nothing);
        assert_eq!(range(Some("bytes=-0"), 10), Range::Nothing);
        assert_eq!(range(Some("bytes=-1"), 0), Range::Nothing);
        assert_eq!(range(Some("bytes=3-1"), 10), Range::Whole);
        assert_eq!(range(Some("lines=1-2"), 10), Range::Whole);
        assert_eq!(range(Some("bytes=0-1,4-5"), 10), Range::Whole);
    }
}
