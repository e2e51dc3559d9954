use super::*;
use proptest::prelude::*;

/// Feeds `wire` cut at `cuts` (modulo what is left) and collects what comes out.
fn decode_in_cuts(wire: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, Bytes, Vec<u8>, bool), ChunkError> {
    let mut decoder = ChunkDecoder::new();
    let (mut data, mut trailers) = (Vec::new(), Bytes::new());
    let mut rest = Bytes::copy_from_slice(wire);
    let mut cuts = cuts.iter().cycle();
    let mut left_over = Vec::new();
    while !rest.is_empty() {
        let cut = cuts.next().map_or(rest.len(), |cut| (*cut).clamp(1, rest.len()));
        let mut input = rest.split_to(cut);
        loop {
            match decoder.decode(&mut input)? {
                Piece::Data(bytes) => {
                    assert!(!bytes.is_empty());
                    data.extend_from_slice(&bytes);
                }
                Piece::Trailers(lines) => trailers = lines,
                Piece::End => break,
                Piece::More => {
                    assert!(input.is_empty());
                    break;
                }
            }
        }
        left_over.extend_from_slice(&input);
    }
    Ok((data, trailers, left_over, decoder.is_ended()))
}

fn encode(chunks: &[Vec<u8>], trailers: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in chunks {
        encode_chunk(Bytes::copy_from_slice(chunk)).iter().for_each(|piece| wire.extend_from_slice(piece));
    }
    wire.extend_from_slice(&encode_end(trailers));
    wire
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_in_any_cut(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..12),
        cuts in proptest::collection::vec(1usize..40, 1..20),
        behind in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut wire = encode(&chunks, &[]);
        wire.extend_from_slice(&behind);
        let (data, trailers, left_over, ended) = decode_in_cuts(&wire, &cuts).unwrap();
        prop_assert_eq!(data, chunks.concat());
        prop_assert!(trailers.is_empty());
        prop_assert_eq!(left_over, behind);
        prop_assert!(ended);
    }

    #[test]
    fn a_body_cut_short_is_never_ended(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..6),
        cuts in proptest::collection::vec(1usize..40, 1..20),
        lost in 1usize..200,
    ) {
        let wire = encode(&chunks, &[]);
        let kept = wire.len().saturating_sub(lost);
        let (data, _, _, ended) = decode_in_cuts(&wire[..kept], &cuts).unwrap();
        prop_assert!(!ended);
        prop_assert!(chunks.concat().starts_with(&data));
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_cuts_change_nothing(
        wire in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'3'), any::<u8>()], 0..200),
        cuts in proptest::collection::vec(1usize..20, 1..20),
    ) {
        let whole = decode_in_cuts(&wire, &[usize::MAX]);
        let cut = decode_in_cuts(&wire, &cuts);
        match (whole, cut) {
            (Ok(whole), Ok(cut)) => prop_assert_eq!(whole, cut),
            (Err(whole), Err(cut)) => prop_assert_eq!(whole, cut),
            (whole, cut) => prop_assert!(false, "{whole:?} whole, {cut:?} in cuts"),
        }
    }
}

#[test]
fn large_data_is_not_copied() {
    let data = Bytes::from(vec![7; COPY_LIMIT + 1]);
    let [line, passed, end] = encode_chunk(data.clone());
    assert_eq!(&line[..], b"2001\r\n");
    assert_eq!(passed.as_ptr(), data.as_ptr());
    assert_eq!(&end[..], b"\r\n");

    let mut input = Bytes::from([&line[..], &data, b"\r\n0\r\n\r\n"].concat());
    let inside = input.as_ptr().wrapping_add(line.len());
    match ChunkDecoder::new().decode(&mut input).unwrap() {
        Piece::Data(decoded) => assert_eq!(decoded.as_ptr(), inside),
        other => panic!("{other:?}"),
    }
}

#[test]
fn trailers_pass_both_ways_without_those_that_reframe() {
    let trailers = b"X-Checksum: abc\r\nx-checksum: def\r\n";
    let wire = encode(&[b"abc".to_vec()], trailers);
    assert_eq!(wire, b"3\r\nabc\r\n0\r\nX-Checksum: abc\r\nx-checksum: def\r\n\r\n");
    for cut in 1..wire.len() {
        let (data, found, left_over, ended) = decode_in_cuts(&wire, &[cut]).unwrap();
        assert_eq!(data, b"abc");
        assert_eq!(found[..], trailers[..]);
        assert!(ended && left_over.is_empty());
    }
    let (_, found, ..) =
        decode_in_cuts(b"0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nA: b\r\n\r\n", &[3]).unwrap();
    assert_eq!(found, "A: b\r\n");
}

#[test]
fn extensions_and_padding_are_skipped() {
    for wire in [
        &b"3;name=value\r\nabc\r\n0;last\r\n\r\n"[..],
        b"3 \t\r\nabc\r\n0  \r\n\r\n",
        b"0003 ; a=\"b;c\"\r\nabc\r\n000\r\n\r\n",
        b"3;\r\nabc\r\n0;\r\n\r\n",
    ] {
        let (data, _, _, ended) = decode_in_cuts(wire, &[1]).unwrap();
        assert_eq!((&data[..], ended), (&b"abc"[..], true), "{}", wire.escape_ascii());
    }
}

#[test]
fn malformed_bodies_are_refused() {
    let many = format!("1;{}\r\n", "x".repeat(MAX_EXTENSIONS + 1));
    let long_trailer = format!("0\r\nx: {}\r\n\r\n", "y".repeat(MAX_TRAILERS));
    for (wire, error) in [
        (&b"\r\n"[..], ChunkError::Size),
        (b"g\r\n", ChunkError::Size),
        (b"-1\r\n", ChunkError::Size),
        (b"0x3\r\nabc", ChunkError::Size),
        (b"3\nabc", ChunkError::Size),
        (b"3 4\r\nabc", ChunkError::Size),
        (b"3;a\nabc", ChunkError::LineEnd),
        (b"3\rabc", ChunkError::LineEnd),
        (b"3\r\nabcd", ChunkError::LineEnd),
        (b"3\r\nabc\n", ChunkError::LineEnd),
        (b"3\r\nabc\rx", ChunkError::LineEnd),
        (b"0\r\nx: y\n\r\n", ChunkError::LineEnd),
        (b"0\r\nno field\r\n\r\n", ChunkError::Trailers),
        (b"0\r\nx : y\r\n\r\n", ChunkError::Trailers),
        (b"1000000000000000\r\n", ChunkError::SizeDigits),
        (many.as_bytes(), ChunkError::Extensions),
        (long_trailer.as_bytes(), ChunkError::TrailersTooLarge),
    ] {
        assert_eq!(decode_in_cuts(wire, &[usize::MAX]).unwrap_err(), error, "{}", wire.escape_ascii());
        assert_eq!(decode_in_cuts(wire, &[1]).unwrap_err(), error, "{} by the byte", wire.escape_ascii());
    }
}

#[test]
fn more_trailers_than_allowed_are_refused() {
    let wire = format!("0\r\n{}\r\n", "a: b\r\n".repeat(65));
    assert_eq!(decode_in_cuts(wire.as_bytes(), &[7]).unwrap_err(), ChunkError::Trailers);
}

#[test]
fn sizes_are_written_in_hexadecimal() {
    for (number, text) in [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (65_536, "10000")] {
        let mut line = BytesMut::new();
        put_hex(&mut line, number);
        assert_eq!(&line[..], text.as_bytes());
    }
}
