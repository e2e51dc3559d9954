//! What is done to a database while no console runs on it: a backup is put back, a database of the original Octoporty is
//! taken over. The binary's commands; nothing here prints.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::StartError;
use crate::clock::Clock;
use crate::import::plan::{self, Act, PageAct, Plan};
use crate::import::report::addresses;
use crate::import::{Mistake, Mode, Wanted, WantedMapping};
use crate::store::original::{self, OriginalError};
use crate::store::swap::{self, SwapError, Taken};
use crate::store::{
    Archive, ArchiveError, ImportOutcome, MappingDraft, Precondition, Scratch, Store, StoreError, View,
};

/// Why nothing was changed. Each says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// The file that was given is not what it has to be.
    #[error("{path} {reason}")]
    File {
        /// Which.
        path: String,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// An agent runs on the database, or a file cannot be moved.
    #[error("{0}")]
    Database(String),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] StartError),
}

impl From<SwapError> for MaintenanceError {
    fn from(error: SwapError) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<StoreError> for MaintenanceError {
    fn from(error: StoreError) -> Self {
        Self::Database(error.to_string())
    }
}

/// A backup that was put back.
#[derive(Debug)]
pub struct Restored {
    /// Mappings that it has.
    pub mappings: usize,
    /// Whether it has a landing page of its own.
    pub has_landing_page: bool,
    /// Where the database from before is; `None`: there was none.
    pub kept: Option<PathBuf>,
}

/// Whether a take-over is only to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Do it.
    Store,
    /// Tell what would be done and touch nothing.
    Preview,
}

/// One line of what a take-over did.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// `created`, `updated`, `skipped` or `left out`.
    pub what: &'static str,
    /// The public name.
    pub address: String,
    /// The target, what changes, or what is wrong.
    pub detail: String,
}

/// What a take-over did.
#[derive(Debug)]
pub struct TakenOver {
    /// Mapping by mapping.
    pub lines: Vec<Line>,
    /// What became of the landing page, as a sentence.
    pub landing_page: &'static str,
    /// Where the file is that the new database took the place of.
    pub kept: Option<PathBuf>,
}

impl TakenOver {
    /// How many lines say this.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        self.lines.iter().filter(|line| line.what == what).count()
    }
}

/// Puts a backup in the database's place: all of it, logs too. What was there is kept beside it.
///
/// # Errors
/// See [`MaintenanceError`]; nothing was touched then.
pub async fn restore(from: &Path, database: &Path) -> Result<Restored, MaintenanceError> {
    let of_file = |reason: String| MaintenanceError::File { path: from.display().to_string(), reason };
    if is_same(from, database) {
        return Err(of_file("is the database itself: give a backup".to_owned()));
    }
    let scratch = copy_beside(from, database).map_err(|error| of_file(format!("cannot be copied: {error}")))?;
    let archive = Archive::open(scratch).await.map_err(|error: ArchiveError| of_file(error.to_string()))?;
    let kept = swap::replace(database, &archive.file, "before-restore", Clock::system().now_ms()).await?;
    let Archive { view, .. } = archive;
    Ok(Restored { mappings: view.mappings.len(), has_landing_page: view.landing_page.is_some(), kept })
}

/// Merges mappings and landing page of a database of the original into ours; rows that cannot be taken over are told and
/// left out. Where the original's file is the very place of our database, ours takes it and the file is kept.
///
/// # Errors
/// See [`MaintenanceError`]; nothing was touched then.
pub async fn import_original(from: &Path, database: &Path, effect: Effect) -> Result<TakenOver, MaintenanceError> {
    let (wanted, mistakes) = original::read(from).await.map_err(|error: OriginalError| MaintenanceError::File {
        path: from.display().to_string(),
        reason: format!("cannot be taken over: {error}"),
    })?;
    let fresh = !database.exists() || is_same(from, database);
    if !fresh {
        // Whoever runs on it would not see what is merged into it.
        Taken::take(database).await?.release().await;
    }
    let (view, store) = match (fresh, effect) {
        (true, _) => (View::default(), None),
        (false, Effect::Preview) => (view_of_copy(database).await?, None),
        (false, Effect::Store) => {
            let store = Store::open(database).await?;
            (store.view().await?, Some(store))
        }
    };
    let (wanted, mut report) = settle(&view, wanted, mistakes);
    match (effect, store) {
        (Effect::Preview, _) => {}
        (Effect::Store, Some(store)) => {
            let done = store_all(&store, wanted).await;
            store.close().await;
            done?;
        }
        (Effect::Store, None) => report.kept = make(database, wanted).await?,
    }
    Ok(report)
}

/// Leaves out what cannot be merged, and tells what becomes of the rest.
fn settle(view: &View, mut wanted: Wanted, mistakes: Vec<Mistake>) -> (Wanted, TakenOver) {
    let mut lines: Vec<Line> = mistakes.into_iter().map(|one| left_out(one.field, one.message)).collect();
    let plan = loop {
        let plan = plan::make(view, wanted.clone(), Mode::Merge);
        if plan.mistakes.is_empty() {
            break plan;
        }
        let rows: HashMap<usize, &WantedMapping> = wanted.mappings.iter().map(|one| (one.index, one)).collect();
        let mut gone = HashSet::new();
        for mistake in plan.mistakes {
            let row = mistake.index.and_then(|index| rows.get(&index));
            let address = row.map_or(mistake.field, |one| addresses(&one.draft).0);
            lines.push(left_out(address, mistake.message));
            gone.extend(mistake.index);
        }
        wanted.mappings.retain(|one| !gone.contains(&one.index));
    };
    lines.splice(0..0, plan.acts.iter().filter_map(line));
    let landing_page = page_words(&plan);
    (wanted, TakenOver { lines, landing_page, kept: None })
}

fn left_out(address: String, detail: String) -> Line {
    Line { what: "left out", address, detail }
}

fn line(act: &Act) -> Option<Line> {
    let line = |what, draft: &MappingDraft, detail: Option<String>| {
        let (address, target) = addresses(draft);
        Some(Line { what, address, detail: detail.unwrap_or(target) })
    };
    match act {
        Act::Create { draft, .. } => line("created", draft, None),
        Act::Update { draft, changes, .. } => {
            let words: Vec<_> =
                changes.iter().map(|one| format!("{}: {} -> {}", one.field, one.from, one.to)).collect();
            line("updated", draft, Some(words.join(", ")))
        }
        Act::Skip { stored, .. } => {
            let draft = MappingDraft { mapping: stored.mapping.clone(), enabled: stored.enabled };
            line("skipped", &draft, Some("is stored like this already".to_owned()))
        }
        Act::Delete { .. } => None,
    }
}

const fn page_words(plan: &Plan) -> &'static str {
    match plan.page {
        PageAct::Keep => "the landing page stays as it is",
        PageAct::Reset => "the landing page is the product's own again",
        PageAct::Replace(_) => "the landing page is taken over",
    }
}

async fn store_all(store: &Store, wanted: Wanted) -> Result<(), MaintenanceError> {
    match store.import(wanted, Mode::Merge, Precondition::Any, Clock::system().now_ms()).await? {
        ImportOutcome::Done(_) => Ok(()),
        ImportOutcome::Refused(_) | ImportOutcome::Stale => {
            Err(MaintenanceError::Database("the database changed meanwhile; repeat this".to_owned()))
        }
    }
}

/// A database of ours where there is none, or where the original's is.
async fn make(database: &Path, wanted: Wanted) -> Result<Option<PathBuf>, MaintenanceError> {
    let unwritable = |error: io::Error| MaintenanceError::Database(format!("{}: {error}", database.display()));
    let scratch = beside(database).map_err(unwritable)?;
    let store = Store::open(scratch.path()).await?;
    let done = store_all(&store, wanted).await;
    store.close().await;
    done?;
    // Folds the log into the file: a file that is moved comes alone.
    Taken::take(scratch.path()).await?.release().await;
    Ok(swap::replace(database, &scratch, "before-import", Clock::system().now_ms()).await?)
}

/// What is stored, without opening the database for writing.
async fn view_of_copy(database: &Path) -> Result<View, MaintenanceError> {
    let of_file = |reason: String| MaintenanceError::File { path: database.display().to_string(), reason };
    let scratch = copy_beside(database, database).map_err(|error| of_file(format!("cannot be copied: {error}")))?;
    let archive = Archive::open(scratch).await.map_err(|error| of_file(error.to_string()))?;
    Ok(archive.view)
}

/// A scratch file, in a folder that may have to be made.
fn beside(database: &Path) -> io::Result<Scratch> {
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    Scratch::beside(database)
}

fn copy_beside(from: &Path, database: &Path) -> io::Result<Scratch> {
    let mut source = std::fs::File::open(from)?;
    let backup = source.metadata()?;
    if backup.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let scratch = beside(database)?;
    io::copy(&mut source, &mut scratch.file())?;
    scratch.take_log_of(from, &backup)?;
    Ok(scratch)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| std::fs::metadata(path).map(|file| (file.dev(), file.ino()));
    matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests;
