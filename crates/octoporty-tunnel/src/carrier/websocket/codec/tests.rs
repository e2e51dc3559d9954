//! Frames of every form, in any cut, and those that no peer may send.

use super::*;

fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut head = BytesMut::new();
    put_head(&mut head, Kind::Binary, payload.len(), mask);
    let mut bytes = head.to_vec();
    bytes[0] = first;
    let mut payload = payload.to_vec();
    if let Some(mask) = mask {
        payload.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= mask[at % 4]);
    }
    bytes.extend(payload);
    bytes
}

/// Reads in pieces of `cut` bytes; all data as one.
fn read(role: Role, bytes: &[u8], cut: usize) -> Result<(Vec<u8>, Vec<Piece>), FrameError> {
    let (mut reader, mut buffer) = (Reader::new(role), BytesMut::new());
    let (mut data, mut others) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(cut) {
        buffer.extend_from_slice(piece);
        while let Some(piece) = reader.next(&mut buffer)? {
            match piece {
                Piece::Data(bytes) => data.extend_from_slice(&bytes),
                other => others.push(other),
            }
        }
    }
    assert!(buffer.is_empty(), "{buffer:?} was not read");
    Ok((data, others))
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // RFC 6455, section 5.7, with binary for text.
    let masked = [0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(read(Role::Server, &masked, 100).unwrap().0, b"Hello");
    let fragmented = [0x02, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    assert_eq!(read(Role::Client, &fragmented, 100).unwrap().0, b"Hello");
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(read(Role::Client, &ping, 1).unwrap().1, [Piece::Ping(Bytes::from_static(b"Hello"))]);
}

#[test]
fn every_length_comes_back_in_any_cut_masked_and_not() {
    for length in [0, 1, 3, 125, 126, 127, 4000, 65_535, 65_536, 100_001] {
        let payload: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for (role, mask) in [(Role::Client, None), (Role::Server, Some([1, 2, 3, 250]))] {
            let bytes = [frame(0x82, mask, &payload), frame(0x82, mask, b"next")].concat();
            for cut in [1, 2, 7, 4096, bytes.len()] {
                let (data, _) = read(role, &bytes, cut).unwrap();
                assert!(data == [&payload[..], b"next"].concat(), "{length} bytes in pieces of {cut}");
            }
        }
    }
}

#[test]
fn control_frames_may_stand_inside_of_a_message() {
    let mask = Some([9, 8, 7, 6]);
    let bytes = [
        frame(0x02, mask, b"be"),
        frame(0x89, mask, b"ping"),
        frame(0x00, mask, b"gin"),
        frame(0x8a, mask, b"pong"),
        frame(0x00, mask, b""),
        frame(0x80, mask, b"ning"),
        frame(0x82, mask, b"!"),
        frame(0x88, mask, &[&[3, 232][..], b"so\nlong"].concat()),
    ]
    .concat();
    for cut in 1..bytes.len() {
        let (data, others) = read(Role::Server, &bytes, cut).unwrap();
        assert_eq!(data, b"beginning!");
        let farewell = Farewell { code: Some(1000), reason: "solong".to_owned() };
        assert_eq!(others, [Piece::Ping(Bytes::from_static(b"ping")), Piece::Close(farewell)]);
    }
}

#[test]
fn the_words_of_a_close_fit_a_control_frame_and_come_back() {
    for (reason, read) in [("", "".to_owned()), ("stop", "stop".to_owned()), (&"é".repeat(99), "é".repeat(61))] {
        let payload = close_payload(1001, reason);
        assert!(payload.len() <= MAX_CONTROL);
        assert_eq!(farewell(&payload), Farewell { code: Some(1001), reason: read });
    }
    assert_eq!(farewell(&[3]), Farewell { code: None, reason: String::new() });
}

#[test]
fn what_no_peer_may_send_is_refused_by_name() {
    let cases: Vec<(Role, Vec<u8>, FrameError)> = vec![
        (Role::Client, vec![0xc2, 0], FrameError::Reserved),
        (Role::Client, vec![0x92, 0], FrameError::Reserved),
        (Role::Client, vec![0x83, 0], FrameError::Opcode),
        (Role::Client, vec![0x8b, 0], FrameError::Opcode),
        (Role::Client, frame(0x81, None, b"text"), FrameError::Text),
        (Role::Client, frame(0x80, None, b"x"), FrameError::Fragments),
        (Role::Client, [frame(0x02, None, b"x"), frame(0x82, None, b"y")].concat(), FrameError::Fragments),
        (Role::Client, frame(0x09, None, b"half"), FrameError::Control),
        (Role::Client, frame(0x89, None, &[0; 126]), FrameError::Control),
        (Role::Client, vec![0x82, 126, 0, 125], FrameError::Length),
        (Role::Client, vec![0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], FrameError::Length),
        (Role::Client, vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], FrameError::Length),
        (Role::Client, frame(0x82, Some([0; 4]), b"x"), FrameError::Mask),
        (Role::Server, frame(0x82, None, b"x"), FrameError::Mask),
    ];
    for (role, bytes, error) in cases {
        assert_eq!(read(role, &bytes, 1).unwrap_err(), error, "{bytes:02x?}");
        assert_eq!(read(role, &bytes, 1000).unwrap_err(), error, "{bytes:02x?}");
    }
}

#[test]
fn a_frame_of_unbelievable_length_costs_nothing_but_what_comes() {
    let mut buffer = BytesMut::from(&[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, b'x'][..]);
    let mut reader = Reader::new(Role::Client);
    assert_eq!(reader.next(&mut buffer), Ok(Some(Piece::Data(Bytes::from_static(b"x")))));
    assert_eq!(reader.next(&mut buffer), Ok(None));
    assert!(buffer.capacity() < 100);
}

#[test]
fn a_mask_goes_on_where_it_stopped() {
    let key = [1, 2, 4, 8];
    for cut in 0..70 {
        let mut bytes: Vec<u8> = (0..70).collect();
        let (mut mask, (left, right)) = (Mask::new(key), bytes.split_at_mut(cut));
        mask.apply(left);
        mask.apply(right);
        assert!(bytes.iter().enumerate().all(|(at, byte)| usize::from(*byte ^ key[at % 4]) == at), "cut at {cut}");
    }
}
