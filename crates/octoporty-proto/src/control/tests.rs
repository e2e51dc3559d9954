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
    }
}

/// Every message, with its bytes as every release must read them. `docs/PROTOCOL.md` shows the same.
fn golden() -> Vec<(&'static str, Control)> {
    let report = SyncReport {
        revision: Revision(5),
        verdicts: vec![(
            MappingId::from_uuid(uuid(0x33)),
            MappingVerdict::Refused(Refusal {
                code: RefusalCode::Taken,
                message: "taken".into(),
                holder: Some("other".into()),
            }),
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
        ("access", Control::Access { records: vec![access_record()], dropped: 3 }),
        ("drain", Control::Drain { reason: "restart".into(), back_in_s: Some(2) }),
        ("taken_over", Control::TakenOver { by: InstanceId::from_uuid(uuid(0x44)) }),
    ]
}
