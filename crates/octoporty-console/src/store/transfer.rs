//! Imports: a plan made and done in one transaction of the writer, or only made.

use sqlx::sqlite::SqliteConnection;

use super::writer::Durability;
use super::{Precondition, Store, StoreError, StoredMapping, mappings, settings};
use crate::import::plan::{self, Act, PageAct, Plan};
use crate::import::{Mode, Wanted};

/// What became of an import.
#[derive(Debug)]
pub(crate) enum ImportOutcome {
    /// All of it is stored.
    Done(Plan),
    /// Nothing is, because of the plan's mistakes.
    Refused(Plan),
    /// Nothing is: what is stored is not what it was.
    Stale,
}

impl Store {
    /// What an import would do.
    pub(crate) async fn preview_import(&self, wanted: Wanted, mode: Mode) -> Result<Plan, StoreError> {
        Ok(plan::make(&self.view().await?, wanted, mode))
    }

    /// Imports all of it or nothing.
    pub(crate) async fn import(
        &self,
        wanted: Wanted,
        mode: Mode,
        condition: Precondition,
        now_ms: u64,
    ) -> Result<ImportOutcome, StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    let view = mappings::view(connection).await?;
                    if matches!(condition, Precondition::Revision(seen) if seen != view.revision) {
                        return Ok(ImportOutcome::Stale);
                    }
                    let mut plan = plan::make(&view, wanted, mode);
                    if !plan.mistakes.is_empty() {
                        return Ok(ImportOutcome::Refused(plan));
                    }
                    if plan.changes_anything() {
                        plan.revision = apply(connection, &plan, now_ms).await?;
                    }
                    Ok(ImportOutcome::Done(plan))
                })
            })
            .await
    }
}

/// Stores a plan. Everything that changes goes first, so that two mappings may change places.
async fn apply(
    connection: &mut SqliteConnection,
    plan: &Plan,
    now_ms: u64,
) -> Result<octoporty_proto::model::Revision, StoreError> {
    let revision = mappings::next_revision(connection).await?;
    for act in &plan.acts {
        if let Act::Update { before: stored, .. } | Act::Delete { stored } = act {
            mappings::remove(connection, stored.mapping.id).await?;
        }
    }
    for act in &plan.acts {
        let (draft, created_ms) = match act {
            Act::Create { draft, .. } => (draft, now_ms),
            Act::Update { draft, before, .. } => (draft, before.created_ms),
            Act::Skip { .. } | Act::Delete { .. } => continue,
        };
        let (mapping, enabled) = (draft.mapping.clone(), draft.enabled);
        let stored = StoredMapping { mapping, enabled, revision, created_ms, updated_ms: now_ms };
        mappings::upsert(connection, &stored).await?;
    }
    match &plan.page {
        PageAct::Keep => {}
        PageAct::Reset => settings::put_landing_page(connection, None, now_ms).await?,
        PageAct::Replace(page) => settings::put_landing_page(connection, Some(page.clone()), now_ms).await?,
    }
    Ok(revision)
}
