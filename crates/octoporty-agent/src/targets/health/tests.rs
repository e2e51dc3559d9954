use std::sync::Arc;

use octoporty_proto::model::{Compression, Endpoint, HostHeader, PathPrefix, PrefixHandling, Revision};
use uuid::Uuid;

use super::*;

fn mapping(target: &str) -> Mapping {
    Mapping {
        id: MappingId::from_uuid(Uuid::new_v4()),
        name: "a".parse().unwrap(),
        endpoint: Endpoint::Http {
            host: "a.example".parse().unwrap(),
            path: PathPrefix::root(),
            prefix: PrefixHandling::Keep,
        },
        target: target.parse().unwrap(),
        verification: TlsVerification::Strict,
        host_header: HostHeader::Keep,
        compression: Compression::Auto,
    }
}

fn state(mappings: &[&Mapping]) -> DesiredState {
    let mappings = mappings.iter().map(|mapping| (*mapping).clone()).collect();
    DesiredState { revision: Revision(1), mappings, landing_page: None }
}

#[test]
fn only_changes_are_told() {
    let (board, mut seen) = HealthBoard::new();
    let one = mapping("http://10.0.0.1");
    assert!(board.note(one.id, TargetHealth::Up));
    assert!(seen.has_changed().unwrap());
    assert_eq!(seen.borrow_and_update()[&one.id], TargetHealth::Up);
    assert!(!board.note(one.id, TargetHealth::Up));
    assert!(!seen.has_changed().unwrap());
    let before = Arc::clone(&seen.borrow());
    board.note(one.id, speaks_tls(&one.target));
    assert_eq!(seen.borrow_and_update()[&one.id], speaks_tls(&one.target));
    assert_eq!(before[&one.id], TargetHealth::Up, "a reader's snapshot does not change under it");
}

#[test]
fn a_connection_alone_does_not_make_a_target_well_that_answers_in_tls() {
    let (board, seen) = HealthBoard::new();
    let one = mapping("http://10.0.0.1");
    board.note(one.id, speaks_tls(&one.target));
    board.note_connected(&one);
    assert_eq!(seen.borrow()[&one.id], speaks_tls(&one.target));
    let refused = DialError::Refused { address: "10.0.0.1:80".parse().unwrap() };
    board.note(one.id, down(&refused));
    assert!(matches!(&seen.borrow()[&one.id], TargetHealth::Down { code, .. } if code == "target_refused"));
    board.note_connected(&one);
    assert_eq!(seen.borrow()[&one.id], TargetHealth::Up);
}

#[test]
fn what_is_gone_or_leads_elsewhere_is_forgotten() {
    let (board, mut seen) = HealthBoard::new();
    let (stays, moves, goes) = (mapping("http://10.0.0.1"), mapping("http://10.0.0.2"), mapping("http://10.0.0.3"));
    for one in [&stays, &moves, &goes] {
        board.note(one.id, TargetHealth::Up);
    }
    let before = state(&[&stays, &moves, &goes]);
    let mut moved = moves.clone();
    moved.verification = TlsVerification::AcceptInvalid;
    board.forget_changed(&before, &state(&[&stays, &moved]));
    assert_eq!(seen.borrow_and_update().keys().copied().collect::<Vec<_>>(), [stays.id]);
    board.forget_changed(&state(&[&stays]), &state(&[&stays]));
    assert!(!seen.has_changed().unwrap());
}
