use octoporty_proto::model::MappingId;
use tokio_util::task::TaskTracker;

use super::*;
use crate::store::{MappingDraft, Precondition};

/// Never reached when things are right.
const PATIENCE: Duration = Duration::from_secs(30);

fn draft() -> MappingDraft {
    let input: crate::api::mappings::input::MappingInput = serde_json::from_value(serde_json::json!({
        "externalDomain": "app.example.com", "internalHost": "localhost", "internalPort": 3000
    }))
    .unwrap();
    input.parse(MappingId::from_uuid(uuid::Uuid::nil())).unwrap()
}

/// A request that is dropped between the commit and its own call of `changed` (its client left) is this: a change
/// of the store, and no call.
#[tokio::test]
async fn a_change_whose_client_left_before_the_answer_is_served_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("test.db")).await.unwrap());
    let (agent, mut news) = watch::channel(Arc::default());
    let desired = Arc::new(Desired::start(Arc::clone(&store), agent).await.unwrap());
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    let (running, stop) = (Arc::clone(&desired), stopping.clone());
    tasks.spawn(async move { running.run(stop).await });

    let stored = store.create_mapping(draft(), 1).await.unwrap().unwrap();
    let served = news.wait_for(|state| state.mappings.len() == 1);
    tokio::time::timeout(PATIENCE, served).await.expect("a new mapping is served").unwrap();

    let id = stored.mapping.id;
    store.toggle_mapping(id, false, Precondition::Any, 2).await.unwrap();
    let gone = news.wait_for(|state| state.mappings.is_empty());
    tokio::time::timeout(PATIENCE, gone).await.expect("a disabled mapping is not served").unwrap();
    assert_eq!(desired.view().mappings.len(), 1);

    stopping.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn a_change_that_is_published_already_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("test.db")).await.unwrap());
    let (agent, _news) = watch::channel(Arc::default());
    let desired = Desired::start(Arc::clone(&store), agent).await.unwrap();
    store.create_mapping(draft(), 1).await.unwrap().unwrap();
    desired.changed().await;
    let view = desired.view();
    desired.changed().await;
    assert!(Arc::ptr_eq(&view, &desired.view()));
}
