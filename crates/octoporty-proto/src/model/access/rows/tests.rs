use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn record(client: &str) -> AccessRecord {
    AccessRecord {
        mapping: MappingId::from_uuid(Uuid::from_bytes([0x33; 16])),
        request_id: "r1".into(),
        at_ms: 1_700_000_000_000,
        method: "GET".into(),
        host: "photos.example.com".into(),
        path: "/a".into(),
        query: None,
        status: 200,
        error: None,
        error_detail: None,
        gateway_us: 40,
        first_byte_us: Some(900),
        total_us: 1200,
        request_bytes: 0,
        response_bytes: 5,
        client: client.parse().unwrap(),
        user_agent: None,
        tunnel_us: None,
    }
}

fn any_text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..most).prop_map(|chars| chars.into_iter().collect())
}

prop_compose! {
    fn any_record()(
        numbers in any::<(u64, u64, u64, u64, u64, u16)>(),
        (first_byte_us, tunnel_us) in any::<(Option<u64>, Option<u64>)>(),
        client in any::<IpAddr>(),
        texts in (any_text(40), any_text(16), any_text(60), any_text(500)),
        perhaps in (prop::option::of(any_text(500)), prop::option::of(any_text(20)), prop::option::of(any_text(128)), prop::option::of(any_text(128))),
    ) -> AccessRecord {
        let (request_id, method, host, path) = texts;
        let (query, error, error_detail, user_agent) = perhaps;
        let (at_ms, gateway_us, total_us, request_bytes, response_bytes, status) = numbers;
        AccessRecord {
            request_id, at_ms, method, host, path, query, status, error, error_detail, gateway_us, first_byte_us, total_us,
            request_bytes, response_bytes, client, user_agent, tunnel_us, ..record("::")
        }
    }
}

proptest! {
    #[test]
    fn rows_come_back_as_they_went(records in prop::collection::vec(any_record(), 0..8)) {
        let rows: AccessRows = records.iter().collect();
        prop_assert_eq!(rows.len(), records.len());
        let again = AccessRows::parse(rows.bytes().clone()).unwrap();
        prop_assert_eq!(again.iter().map(|row| row.to_record()).collect::<Vec<_>>(), records);
        prop_assert_eq!(again.figures().collect::<Vec<_>>(), again.iter().map(|row| row.figures()).collect::<Vec<_>>());
        let moments: Vec<_> = again.iter().map(|row| (row.at_ms, row.status)).collect();
        prop_assert_eq!(again.moments().collect::<Vec<_>>(), moments);
        prop_assert_eq!(again.has_failure(), again.iter().any(|row| row.is_failure()));
    }

    #[test]
    fn whatever_comes_is_refused_or_read_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(AccessRow::check(&bytes), AccessRow::parse(&bytes).map(drop));
        if let Ok(rows) = AccessRows::parse(bytes.into()) {
            prop_assert_eq!(rows.iter().count(), rows.len());
            prop_assert_eq!(rows.figures().count(), rows.len());
        }
    }

    #[test]
    fn a_row_is_refused_for_what_it_cannot_be_read_for(record in any_record(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let rows: AccessRows = [&record].into_iter().collect();
        let mut row = rows.bytes()[LENGTH..].to_vec();
        prop_assert_eq!(AccessRow::check(&row), Ok(()));
        let at = at.index(row.len());
        row[at] = byte;
        prop_assert_eq!(AccessRow::check(&row), AccessRow::parse(&row).map(drop));
    }

    #[test]
    fn a_cut_row_is_refused(record in any_record(), cut in 1_usize..40) {
        let rows: AccessRows = [&record].into_iter().collect();
        let whole = rows.bytes();
        let cut = cut.min(whole.len() - 1);
        prop_assert!(AccessRows::parse(whole.slice(..whole.len() - cut)).is_err());
    }
}

#[test]
fn the_bytes_of_a_row_are_those_of_every_release() {
    let rows: AccessRows = [&record("2001:db8::7")].into_iter().collect();
    let expected: &[u8] = &[
        0, 83, 0x21, 0, 200, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33,
        0x33, 0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0, 40, 0x84, 0x07, 0xb0, 0x09, 0, 5, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 2, b'r', b'1', 0, 3, b'G', b'E', b'T', 0, 18, b'p', b'h', b'o', b't', b'o', b's',
        b'.', b'e', b'x', b'a', b'm', b'p', b'l', b'e', b'.', b'c', b'o', b'm', 0, 2, b'/', b'a',
    ];
    assert_eq!(rows.bytes()[..], expected[..]);
}

#[test]
fn the_tunnels_time_stands_behind_the_texts_where_older_releases_do_not_look() {
    let plain: AccessRows = [&record("192.0.2.1")].into_iter().collect();
    let rows: AccessRows = [&AccessRecord { tunnel_us: Some(300), ..record("192.0.2.1") }].into_iter().collect();
    let mut expected = plain.bytes().to_vec();
    expected[1] += 2;
    expected[2] |= 0x40;
    expected.extend([0xac, 0x02]);
    assert_eq!(rows.bytes()[..], expected[..]);
}

#[test]
fn what_a_newer_release_appends_is_skipped() {
    let rows: AccessRows = [&record("192.0.2.1"), &record("192.0.2.2")].into_iter().collect();
    let first = usize::from(u16::from_be_bytes([rows.bytes()[0], rows.bytes()[1]]));
    let mut newer = rows.bytes()[..2 + first].to_vec();
    newer.extend_from_slice(b"more");
    newer[..2].copy_from_slice(&u16::try_from(first + 4).unwrap().to_be_bytes());
    newer[2] |= 0b1000_0000;
    newer.extend_from_slice(&rows.bytes()[2 + first..]);
    let read = AccessRows::parse(newer.into()).unwrap();
    let clients: Vec<_> = read.iter().map(|row| row.client.to_string()).collect();
    assert_eq!(clients, ["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn numbers_of_more_than_64_bits_are_refused() {
    let rows: AccessRows = [&record("192.0.2.1")].into_iter().collect();
    let mut bytes = rows.bytes().to_vec();
    let at = 2 + 1 + 2 + 16 + 8;
    bytes[at..at + 10].fill(0xff);
    assert_eq!(AccessRows::parse(bytes.into()), Err(RowError::Number));
}

#[test]
fn texts_beyond_a_row_are_cut_and_the_row_stays_whole() {
    let long = AccessRecord {
        path: "é".repeat(60_000),
        user_agent: Some("x".repeat(9)),
        tunnel_us: Some(u64::MAX),
        ..record("::1")
    };
    let rows: AccessRows = [&long, &record("::1")].into_iter().collect();
    let rows = AccessRows::parse(rows.bytes().clone()).unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().next().unwrap().path.starts_with("éé"));
}
