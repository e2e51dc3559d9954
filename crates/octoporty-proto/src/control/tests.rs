//! Golden bytes of every message, and what a hostile peer may send.

use std::fmt::Write as _;

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::model::*;

fn uuid(byte: u8) -> Uuid {
    Uuid::from_bytes([byte; 16])
}

fn hello() -> Hello {
    Hello {
        versions: vec![1],
        features: vec!["lz4".into(), "multi_link".into()],
        name: "nas".parse().unwrap(),
        instance: InstanceId::from_uuid(uuid(0x11)),
        agent_version: "0.1.0".into(),
        session: None,
        gateway_fqdn: vec!["gw.example.com".into()],
        bytes_in_flight: Some(64 << 20),
        max_streams: Some(16_384),
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        features: vec!["lz4".into()],
        session: SessionId::from_uuid(uuid(0x22)),
        epoch: Epoch(7),
        gateway_version: "0.1.0".into(),
        gateway_uptime_s: 3600,
        links: 2,
        max_streams: 4096,
        revision: Some(Revision(5)),
        bytes_in_flight: Some(1 << 20),
        agents_only: false,
    }
}

fn mapping(number: u32) -> Mapping {
    Mapping {
        id: MappingId::from_uuid(Uuid::from_u128(u128::from(number))),
        name: "Photos".parse().unwrap(),
        endpoint: Endpoint::Http {
            host: "photos.example.com".parse().unwrap(),
            path: PathPrefix::root(),
            prefix: PrefixHandling::Keep,
        },
        target: "https://192.168.1.10:8443".parse().unwrap(),
        verification: TlsVerification::AcceptInvalid,
        host_header: HostHeader::Custom("inner.example.com".parse().unwrap()),
        compression: Compression::Auto,
    }
}

fn sync() -> Control {
    let state = DesiredState { revision: Revision(5), mappings: vec![mapping(0x33)], landing_page: None };
    Control::Sync { request: 9, state }
}

fn access_record() -> AccessRecord {
    AccessRecord {
        mapping: MappingId::from_uuid(uuid(0x33)),
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
        client: "2001:db8::7".parse().unwrap(),
        user_agent: None,
        tunnel_us: None,
    }
}

fn update_request() -> UpdateRequest {
    UpdateRequest { target_version: "0.2.0".into(), insistence: Insistence::IfNewer }
}

fn log_query() -> LogQuery {
    let (level, search) = (Some(LogLevel::Warn), Some("key".into()));
    LogQuery { place: LogPlace::Before(1_795_219_200_123_456), count: 100, level, search, bytes: 65_536 }
}

fn log_page() -> LogPage {
    let fields = [("source".to_owned(), "192.0.2.1".to_owned())].into();
    let (id, at_ms) = (1_795_219_200_123_000, 1_795_219_200_123);
    let entry = LogEntry { id, at_ms, level: LogLevel::Warn, message: "wrong key".into(), fields };
    LogPage { entries: vec![entry], more: true, next: Some(id) }
}

fn update_answer() -> UpdateAnswer {
    UpdateAnswer { state: UpdateState::Queued, current_version: "0.1.0".into(), message: "queued".into() }
}

fn caddy_answer() -> CaddyAnswer {
    let route = CaddyRoute {
        pointer: "/apps/http/servers/s/routes/0".into(),
        hosts: vec!["gw.example.com".into()],
        dials: vec!["localhost:17200".into()],
        destination: CaddyDestination::Gateway,
    };
    CaddyAnswer { json: Some("{}".into()), error: None, routes: vec![route] }
}

/// Every message, with its bytes as every release must read them. `docs/PROTOCOL.md` shows the same.
fn golden() -> Vec<(&'static str, Control)> {
    let report = SyncReport {
        revision: Revision(5),
        verdicts: vec![(
            MappingId::from_uuid(uuid(0x33)),
            MappingVerdict::Refused(Refusal { code: RefusalCode::Taken, reason: "taken by office".into() }),
        )],
    };
    vec![
        ("hello", Control::Hello(hello())),
        ("welcome", Control::Welcome(welcome())),
        (
            "refused",
            Control::Refused(Refused {
                code: RefusedCode::Draining,
                text: "the gateway is stopping".into(),
                retry_after_s: Some(2),
            }),
        ),
        ("sync", sync()),
        ("sync_result", Control::SyncResult { request: Some(9), report }),
        ("access", Control::Access { rows: [&access_record()].into_iter().collect(), dropped: 3 }),
        ("drain", Control::Drain { reason: "restart".into(), back_in_s: Some(2) }),
        ("taken_over", Control::TakenOver { by: InstanceId::from_uuid(uuid(0x44)) }),
        ("ask", Control::Ask { request: 3, question: Question::Update(update_request()) }),
        ("answer", Control::Answer { request: 3, answer: Answer::Update(update_answer()) }),
        ("ask_log", Control::Ask { request: 4, question: Question::Log(log_query()) }),
        ("answer_log", Control::Answer { request: 4, answer: Answer::Log(log_page()) }),
        ("ask_caddy", Control::Ask { request: 4, question: Question::CaddyConfig }),
        ("answer_caddy", Control::Answer { request: 4, answer: Answer::CaddyConfig(caddy_answer()) }),
    ]
}

/// The bytes of [`golden`], in hexadecimal, line by line.
const GOLDEN: &str = include_str!("golden.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<_>>().into()
}

fn decode_all(bytes: &Bytes) -> Result<Vec<Control>, ControlError> {
    let mut decoder = Decoder::default();
    decoder.feed(bytes);
    let mut messages = Vec::new();
    while let Some(message) = decoder.next()? {
        messages.push(message);
    }
    Ok(messages)
}

fn framed(flags: u8, body: &[u8]) -> Bytes {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[flags], &length[1..], body].concat().into()
}

fn packed(value: &impl serde::Serialize) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

#[test]
fn every_message_has_its_golden_bytes() {
    let written: String =
        golden().iter().map(|(name, message)| format!("{name} {}\n", hex(&encode(message).unwrap()))).collect();
    assert_eq!(written, GOLDEN, "the wire's form has changed; if that was meant, a new version is needed");
}

#[test]
fn golden_bytes_are_read_as_what_they_were() {
    for ((name, message), line) in golden().into_iter().zip(GOLDEN.lines()) {
        let (line_name, bytes) = line.split_once(' ').unwrap();
        assert_eq!(line_name, name);
        assert_eq!(decode_all(&unhex(bytes)), Ok(vec![message]), "{name}");
    }
}

#[test]
fn the_protocol_document_shows_the_golden_bytes() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/PROTOCOL.md");
    let document = std::fs::read_to_string(document).unwrap();
    let squeezed: String = document.split_whitespace().collect();
    for line in GOLDEN.lines() {
        let (name, bytes) = line.split_once(' ').unwrap();
        assert!(squeezed.contains(bytes), "docs/PROTOCOL.md lacks the bytes of {name}");
    }
}

#[test]
fn messages_arrive_whole_in_any_cut() {
    let all: Vec<u8> = golden().iter().flat_map(|(_, message)| encode(message).unwrap()).collect();
    let expected: Vec<Control> = golden().into_iter().map(|(_, message)| message).collect();
    for cut in [1, 2, 3, 5, 64, 1000] {
        let mut decoder = Decoder::default();
        let mut messages = Vec::new();
        for piece in all.chunks(cut) {
            decoder.feed(&Bytes::copy_from_slice(piece));
            while let Some(message) = decoder.next().unwrap() {
                messages.push(message);
            }
        }
        assert_eq!(messages, expected, "in pieces of {cut}");
    }
}

#[test]
fn a_message_of_a_newer_release_is_unknown_and_the_next_one_is_read() {
    let newer = packed(&serde_json::json!({
        "type": "quantum_sync", "request": 1, "nested": {"list": [1, 2, {"deep": [null, true, 1.5]}]}, "text": "x",
    }));
    let last = packed(&serde_json::json!({"nested": [1], "type": "quantum_sync"}));
    let bytes = [&framed(0, &newer)[..], &framed(0, &last), &encode(&sync()).unwrap()].concat();
    assert_eq!(decode_all(&bytes.into()), Ok(vec![Control::Unknown, Control::Unknown, sync()]));
}

#[test]
fn unknown_fields_are_ignored_and_missing_new_ones_have_defaults() {
    let newer = packed(&serde_json::json!({
        "type": "drain", "reason": "restart", "colour": {"of": ["the", "sky"]}, "count": 5,
    }));
    let expected = Control::Drain { reason: "restart".into(), back_in_s: None };
    assert_eq!(decode_all(&framed(0, &newer)), Ok(vec![expected]));
}

#[test]
fn codes_of_a_newer_release_are_other() {
    let newer = packed(&serde_json::json!({"type": "refused", "code": "moon_phase", "text": "wait"}));
    let expected = Refused { code: RefusedCode::Other, text: "wait".into(), retry_after_s: None };
    assert_eq!(decode_all(&framed(0, &newer)), Ok(vec![Control::Refused(expected)]));
}

/// The largest state that the product promises to carry: the longest landing page and 5000 mappings with the longest
/// names, hosts and paths, none of which compresses.
#[test]
fn the_largest_desired_state_fits() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut text =
        |length: usize| -> String { (0..length).map(|_| random.alphanumeric().to_ascii_lowercase()).collect() };
    let mappings: Vec<Mapping> = (0..5000)
        .map(|number| {
            let label = text(63);
            let host = format!("{label}.{label}.{label}.{}", &label[..61]);
            Mapping {
                name: "\u{1f419}".repeat(MappingName::MAX_LEN).parse().unwrap(),
                endpoint: Endpoint::Http {
                    host: HostPattern::Exact(host.parse().unwrap()),
                    path: format!("/{}", text(PathPrefix::MAX_LEN - 1)).parse().unwrap(),
                    prefix: PrefixHandling::Strip,
                },
                target: Target::new(Scheme::Https, &host, 65535).unwrap(),
                host_header: HostHeader::Custom(host.parse().unwrap()),
                ..mapping(number)
            }
        })
        .collect();
    let page = LandingPage::new(text(LandingPage::MAX_BYTES)).unwrap();
    let state = DesiredState { revision: Revision(1), mappings, landing_page: Some(page) };
    let message = Control::Sync { request: 1, state };
    let bytes = encode(&message).unwrap();
    assert_eq!(decode_all(&bytes), Ok(vec![message]));
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_sender() {
    let reason = "x".repeat(MAX_MESSAGE);
    assert!(matches!(encode(&Control::Drain { reason, back_in_s: None }), Err(ControlError::TooLarge(_))));
}

#[test]
fn a_large_message_is_compressed_and_comes_back() {
    let message = Control::Drain { reason: "again and ".repeat(1000), back_in_s: None };
    let bytes = encode(&message).unwrap();
    assert_eq!(bytes[0], 1);
    assert!(bytes.len() < 1000, "{} bytes", bytes.len());
    assert_eq!(decode_all(&bytes), Ok(vec![message]));
}

#[test]
fn what_does_not_shrink_is_sent_as_it_is() {
    let mut random = fastrand::Rng::with_seed(1);
    let reason: String = (0..4000).map(|_| random.alphanumeric()).collect();
    let message = Control::Drain { reason, back_in_s: None };
    let bytes = encode(&message).unwrap();
    assert_eq!(bytes[0], 0);
    assert_eq!(decode_all(&bytes), Ok(vec![message]));
}

#[test]
fn a_decompression_bomb_is_refused_before_anything_is_allocated() {
    let over = u32::try_from(MAX_MESSAGE + 1).unwrap().to_be_bytes();
    let bomb = [&over[..], &[0; 64]].concat();
    assert_eq!(decode_all(&framed(1, &bomb)), Err(ControlError::TooLarge(MAX_MESSAGE + 1)));
    let largest = [&[0xff; 4][..], &[0; 64]].concat();
    assert!(matches!(decode_all(&framed(1, &largest)), Err(ControlError::TooLarge(_))));
}

#[test]
fn a_raw_length_that_the_packed_bytes_cannot_give_is_refused() {
    let lie = [&u32::try_from(MAX_MESSAGE).unwrap().to_be_bytes()[..], &[0; 64]].concat();
    assert_eq!(decode_all(&framed(1, &lie)), Err(ControlError::Compression));
    let raw = packed(&serde_json::json!({"type": "drain", "reason": "x".repeat(5000)}));
    let block = lz4_flex::block::compress(&raw);
    for wrong in [raw.len() - 1, raw.len() + 1] {
        let body = [&u32::try_from(wrong).unwrap().to_be_bytes()[..], &block].concat();
        assert_eq!(decode_all(&framed(1, &body)), Err(ControlError::Compression), "{wrong}");
    }
    assert_eq!(decode_all(&framed(1, &[0, 0])), Err(ControlError::Compression));
}

#[test]
fn malformed_messages_name_what_is_wrong() {
    let deep = [vec![0x91; 5000], vec![0xc0]].concat();
    let cases: Vec<(Bytes, &str)> = vec![
        (framed(2, &[0x80]), "flags"),
        (framed(0, &[]), "ends in the middle"),
        (framed(0, &[0xc1]), "reserved"),
        (framed(0, &[0xc0]), "invalid type"),
        (framed(0, &[0x80, 0x80]), "follows"),
        (framed(0, &deep), "nested"),
        (framed(0, &packed(&serde_json::json!({"type": "drain"}))), "reason"),
        (framed(0, &packed(&serde_json::json!({"reason": "no type"}))), "type"),
        (framed(0, &packed(&serde_json::json!({"type": "taken_over", "by": "not a uuid"}))), "UUID"),
    ];
    for (bytes, part) in cases {
        match decode_all(&bytes) {
            Err(ControlError::Malformed(text)) => assert!(text.contains(part), "{text:?} has no {part:?}"),
            other => panic!("{other:?} instead of {part:?}"),
        }
    }
}

#[test]
fn many_small_values_are_refused_before_they_are_decoded() {
    let mut body = packed(&serde_json::json!({"type": "drain", "reason": "x"}));
    body[0] += 1;
    body.extend_from_slice(&packed(&"more"));
    body.extend_from_slice(&[0xdd, 0x00, 0x80, 0x00, 0x00]);
    body.extend(std::iter::repeat_n(0xc0, 0x80_0000));
    assert!(matches!(decode_all(&framed(0, &body)), Err(ControlError::Malformed(text)) if text.contains("values")));
}

#[test]
fn the_newest_common_version_and_the_common_features_are_chosen() {
    let newer = Hello { versions: vec![9, 1, 2], features: vec!["warp".into(), "lz4".into()], ..hello() };
    assert_eq!(negotiate(&newer), Ok(Common { version: 1, features: vec!["lz4".into()] }));
    let plain = Hello { features: Vec::new(), ..hello() };
    assert_eq!(negotiate(&plain), Ok(Common { version: 1, features: Vec::new() }));
    assert_eq!(Hello::offered_versions(), vec![1]);
}

#[test]
fn peers_without_a_common_version_learn_which_side_to_update() {
    let refusal = |versions: Vec<u16>| {
        let refused = negotiate(&Hello { versions, agent_version: "3.2.1".into(), ..hello() }).unwrap_err();
        assert_eq!(refused.code, RefusedCode::Version);
        refused.text
    };
    let newer = refusal(vec![5, 4]);
    assert_eq!(
        newer,
        "the agent (release 3.2.1) speaks protocol version 4, 5, the gateway speaks 1: update the gateway"
    );
    let older = refusal(vec![0]);
    assert_eq!(older, "the agent (release 3.2.1) speaks protocol version 0, the gateway speaks 1: update the agent");
    assert!(refusal(Vec::new()).contains("version none"));
    assert!(refusal((2..=u16::MAX).collect()).len() < 300, "a long list does not make a long text");
}

#[test]
fn limits_that_an_older_peer_does_not_say_are_those_of_its_release() {
    let older = |message: Control| {
        let mut value = serde_json::to_value(message).unwrap();
        let fields = value.as_object_mut().unwrap();
        assert!(fields.remove("bytes_in_flight").is_some());
        if fields["type"] == "hello" {
            assert!(fields.remove("max_streams").is_some());
        }
        decode_all(&framed(0, &packed(&value))).unwrap().remove(0)
    };
    let Control::Hello(from_agent) = older(Control::Hello(hello())) else { panic!("a hello") };
    assert_eq!((from_agent.in_flight(), from_agent.streams()), (64 << 20, 16_384));
    let Control::Welcome(from_gateway) = older(Control::Welcome(welcome())) else { panic!("a welcome") };
    assert_eq!(from_gateway.in_flight(), 64 << 20);
    let said = Hello { bytes_in_flight: Some(5), max_streams: Some(6), ..hello() };
    assert_eq!((said.in_flight(), said.streams(), welcome().in_flight()), (5, 6, 1 << 20));
}

#[test]
fn where_visitors_come_in_is_said_only_of_a_port_for_agents_alone() {
    let read = |message: Welcome| {
        let value = serde_json::to_value(Control::Welcome(message)).unwrap();
        let said = value.as_object().unwrap().contains_key("agents_only");
        let Control::Welcome(read) = decode_all(&framed(0, &packed(&value))).unwrap().remove(0) else {
            panic!("a welcome")
        };
        (said, read.agents_only)
    };
    assert_eq!(read(welcome()), (false, false), "as releases before say it");
    assert_eq!(read(Welcome { agents_only: true, ..welcome() }), (true, true));
}

#[test]
fn an_agent_takes_only_what_it_offered() {
    assert_eq!(hello().accepts(&welcome()), Ok(()));
    assert_eq!(hello().accepts(&Welcome { version: 2, ..welcome() }), Err(WelcomeError::Version(2)));
    let foreign = Welcome { features: vec!["warp".into()], ..welcome() };
    assert_eq!(hello().accepts(&foreign), Err(WelcomeError::Feature("warp".into())));
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        drop(decode_all(&bytes.into()));
    }

    #[test]
    fn no_body_makes_the_decoder_panic(flags in 0_u8..2, body in proptest::collection::vec(any::<u8>(), 0..600)) {
        drop(decode_all(&framed(flags, &body)));
    }

    /// Golden messages with a few bytes changed: refused or read, and then written and read again as the same.
    #[test]
    fn a_perturbed_message_is_refused_or_means_something(
        which in 0_usize..8,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&golden()[which].1).unwrap().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(messages) = decode_all(&bytes.into()) {
            for message in messages.into_iter().filter(|message| *message != Control::Unknown) {
                prop_assert_eq!(decode_all(&encode(&message).unwrap()).unwrap(), vec![message]);
            }
        }
    }

    #[test]
    fn texts_of_any_kind_come_back(reason in ".{0,2000}", back_in_s in any::<Option<u32>>()) {
        let message = Control::Drain { reason, back_in_s };
        prop_assert_eq!(decode_all(&encode(&message).unwrap()).unwrap(), vec![message]);
    }
}
