use octoporty_proto::model::Revision;

use super::*;

fn stored(number: u32) -> StoredMapping {
    let input: crate::api::mappings::input::MappingInput = serde_json::from_value(serde_json::json!({
        "externalDomain": format!("app{number}.example.com"), "internalHost": "localhost", "internalPort": 3000
    }))
    .unwrap();
    let draft = input.parse(MappingId::from_uuid(uuid::Uuid::from_u128(number.into()))).unwrap();
    StoredMapping { mapping: draft.mapping, enabled: true, revision: Revision(1), created_ms: 0, updated_ms: 0 }
}

/// The surroundings of mappings that the gateway has applied, but for the last, which it refused.
fn surroundings(verdicts: &Verdicts, mappings: &[StoredMapping]) -> Surroundings {
    let refused = Refusal { code: RefusalCode::Taken, reason: "taken".to_owned() };
    let last = mappings.len() - 1;
    let verdict = |at| if at == last { MappingVerdict::Refused(refused.clone()) } else { MappingVerdict::Applied };
    let list = mappings.iter().enumerate().map(|(at, stored)| (stored.mapping.id, verdict(at)));
    let sync = Arc::new(SyncReport { revision: Revision(1), verdicts: list.collect() });
    Surroundings {
        status: Arc::new(AgentStatus { state: ConnectionState::Connected, ..AgentStatus::default() }),
        verdicts: verdicts.places(&sync),
        sync,
        targets: Arc::default(),
    }
}

#[test]
fn each_mapping_has_its_own_verdict() {
    let mappings: Vec<_> = (0..3).map(stored).collect();
    let known = surroundings(&Verdicts::default(), &mappings);
    let states: Vec<_> = mappings.iter().map(|stored| known.state_of(stored).sync.state).collect();
    assert_eq!(states, [SyncStateName::Applied, SyncStateName::Applied, SyncStateName::Refused]);
    assert_eq!(known.state_of(&stored(3)).sync.state, SyncStateName::Pending, "the report has nothing of it");
}

#[test]
fn a_report_is_gone_through_once_and_a_new_one_again() {
    let verdicts = Verdicts::default();
    let report = Arc::new(SyncReport::default());
    let places = verdicts.places(&report);
    assert!(Arc::ptr_eq(&places, &verdicts.places(&report)));
    assert!(!Arc::ptr_eq(&places, &verdicts.places(&Arc::new(SyncReport::default()))));
}
