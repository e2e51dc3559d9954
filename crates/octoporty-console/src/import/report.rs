//! A plan as the API answers it.

use serde::Serialize;
use utoipa::ToSchema;

use super::definition::FieldChange;
use super::plan::{Act, PageAct, Plan};
use crate::store::{MappingDraft, StoredMapping};

/// Mistakes that are told one by one: more are mended after these.
const MISTAKES_TOLD: usize = 200;

/// What becomes of a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ImportAction {
    /// It is new.
    Created,
    /// It changes; see `changes`.
    Updated,
    /// It stays as it is; see `reason`.
    Skipped,
    /// It goes (a restore only).
    Deleted,
}

/// One mapping of an import.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportEntry {
    /// What becomes of it.
    pub(crate) action: ImportAction,
    /// Where it stands in the file, from 0; null for what is deleted.
    #[schema(required)]
    index: Option<usize>,
    /// The mapping's id.
    #[schema(format = "uuid")]
    id: String,
    /// Its name.
    name: String,
    /// Its public name, with its path if it has one.
    address: String,
    /// Its target.
    target: String,
    /// What changes, when it is updated.
    changes: Vec<FieldChange>,
    /// Why it is skipped.
    #[schema(required)]
    reason: Option<String>,
}

/// What becomes of the landing page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LandingPageAction {
    /// It stays.
    Kept,
    /// It is replaced.
    Replaced,
    /// It is the product's own again.
    Reset,
}

/// Something to change in the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportMistake {
    /// Where: `mappings[3].internalPort`, counted from 0.
    field: String,
    /// What to change.
    message: String,
}

/// What an import or a restore did or, as a preview, would do. `success`, `error`, the three counts and `errors` are as
/// in the original.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportResult {
    /// Whether it was done or, as a preview, can be done.
    success: bool,
    /// Why not.
    #[schema(required)]
    error: Option<String>,
    /// Whether this is a preview: nothing was stored.
    dry_run: bool,
    /// Of the settings that this was compared with; the `ETag` as well, for `If-Match`.
    revision: u64,
    /// New mappings.
    created: usize,
    /// Changed ones.
    updated: usize,
    /// Those that are stored as they come.
    skipped: usize,
    /// Those that go (a restore only).
    deleted: usize,
    /// Mistakes as texts, each with its field before it.
    errors: Vec<String>,
    /// Mistakes by field; the first 200.
    mistakes: Vec<ImportMistake>,
    /// Mapping by mapping, in the file's order.
    entries: Vec<ImportEntry>,
    /// The landing page.
    landing_page: LandingPageAction,
}

/// Whether what is reported was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// It was.
    Stored,
    /// It was only looked at.
    Preview,
}

impl ImportResult {
    /// In the words of the API.
    pub(crate) fn of(plan: &Plan, effect: Effect) -> Self {
        let entries: Vec<_> = plan.acts.iter().map(entry).collect();
        let count = |action| entries.iter().filter(|entry| entry.action == action).count();
        let wrong = plan.mistakes.len();
        let told = plan.mistakes.iter().take(MISTAKES_TOLD);
        let mistakes: Vec<_> =
            told.map(|one| ImportMistake { field: one.field.clone(), message: one.message.clone() }).collect();
        Self {
            success: wrong == 0,
            error: (wrong > 0).then(|| summary(wrong)),
            dry_run: effect == Effect::Preview,
            revision: plan.revision.0,
            created: count(ImportAction::Created),
            updated: count(ImportAction::Updated),
            skipped: count(ImportAction::Skipped),
            deleted: count(ImportAction::Deleted),
            errors: mistakes.iter().map(|one| format!("{}: {}", one.field, one.message)).collect(),
            mistakes,
            entries,
            landing_page: match plan.page {
                PageAct::Keep => LandingPageAction::Kept,
                PageAct::Reset => LandingPageAction::Reset,
                PageAct::Replace(_) => LandingPageAction::Replaced,
            },
        }
    }

    /// Mistakes by field, for the error of an import that was refused.
    pub(crate) fn mistakes_of(plan: &Plan) -> crate::api::problem::Fields {
        let mut fields = crate::api::problem::Fields::new();
        for one in plan.mistakes.iter().take(MISTAKES_TOLD) {
            fields.entry(one.field.clone()).or_default().push(one.message.clone());
        }
        fields
    }
}

/// How many mistakes there are, in words.
pub(crate) fn summary(wrong: usize) -> String {
    let (things, told) = (if wrong == 1 { "thing is" } else { "things are" }, MISTAKES_TOLD.min(wrong));
    let more = if wrong > told { format!(" The first {told} are told.") } else { String::new() };
    format!("{wrong} {things} wrong with this file, and nothing was stored. Change the file and import it again.{more}")
}

/// Domain and path, target: as people read a mapping.
pub(crate) fn addresses(draft: &MappingDraft) -> (String, String) {
    let mapping = &draft.mapping;
    let address = match &mapping.endpoint {
        octoporty_proto::model::Endpoint::Http { host, path, .. } if path.is_root() => host.to_string(),
        octoporty_proto::model::Endpoint::Http { host, path, .. } => format!("{host}{path}"),
        other => format!("{other:?}"),
    };
    (address, mapping.target.to_string())
}

fn entry(act: &Act) -> ImportEntry {
    let of = |action, index, draft: &MappingDraft, changes: &[FieldChange], reason: Option<&str>| {
        let (address, target) = addresses(draft);
        ImportEntry {
            action,
            index,
            id: draft.mapping.id.to_string(),
            name: draft.mapping.name.to_string(),
            address,
            target,
            changes: changes.to_vec(),
            reason: reason.map(str::to_owned),
        }
    };
    let as_draft = |stored: &StoredMapping| MappingDraft { mapping: stored.mapping.clone(), enabled: stored.enabled };
    match act {
        Act::Create { index, draft } => of(ImportAction::Created, Some(*index), draft, &[], None),
        Act::Update { index, draft, changes, .. } => of(ImportAction::Updated, Some(*index), draft, changes, None),
        Act::Skip { index, stored } => {
            of(ImportAction::Skipped, Some(*index), &as_draft(stored), &[], Some("It is stored like this already."))
        }
        Act::Delete { stored } => of(ImportAction::Deleted, None, &as_draft(stored), &[], None),
    }
}
