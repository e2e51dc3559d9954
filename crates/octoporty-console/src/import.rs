//! Brings mappings and the landing page in from outside: a file of definitions, a backup, a database of the original.
//!
//! The cast:
//! * [`definition`]: a mapping as a file of definitions has it, and what differs between two of them.
//! * [`mod@file`]: reads such a file, ours or the original's, and collects everything that is wrong with it.
//! * [`plan`]: what would be created, updated, skipped and deleted. Pure: a preview and the import itself make the same
//!   plan, the one from a reader's snapshot and the other within the writer's transaction.
//! * `small`: a value of such a file that may be of any kind, but not of any size.
//! * [`report`]: a plan in the words of whoever asked for it.

pub(crate) mod definition;
pub(crate) mod file;
pub(crate) mod plan;
pub(crate) mod report;
mod small;

use octoporty_proto::model::{LandingPage, MappingId};

use crate::store::MappingDraft;

/// Mappings of one import: as many as a gateway serves of one agent.
pub(crate) const MOST_MAPPINGS: usize = 20_000;

/// What becomes of mappings that are not among those that come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// They stay. For definitions.
    Merge,
    /// They go. For backups.
    Replace,
}

/// What comes in, checked one by one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Wanted {
    /// In the file's order.
    pub(crate) mappings: Vec<WantedMapping>,
    /// The landing page.
    pub(crate) page: PageWish,
}

/// A mapping that comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WantedMapping {
    /// Where it stands in the file, from 0.
    pub(crate) index: usize,
    /// Whether the file names its id; if not, the draft's is a fresh one.
    pub(crate) named: Option<MappingId>,
    /// The mapping.
    pub(crate) draft: MappingDraft,
    /// What the file does not say: an update leaves it as it is.
    pub(crate) unsaid: Vec<Unsaid>,
}

/// A field that a file may leave out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unsaid {
    /// What a person calls it.
    Name,
    /// Whether the prefix reaches the target.
    StripPrefix,
    /// `http` or `https`.
    Scheme,
    /// Which certificates do.
    Verification,
    /// What the target sees as `Host`.
    HostHeader,
    /// Compression on the link.
    Compression,
    /// Whether it is served.
    Enabled,
}

/// What shall become of the landing page.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum PageWish {
    /// The file says nothing of it.
    #[default]
    Keep,
    /// The product's own.
    Default,
    /// This one.
    Custom(LandingPage),
}

/// Something that has to be changed in what comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mistake {
    /// Of the mapping that it concerns.
    pub(crate) index: Option<usize>,
    /// `mappings[3].internalPort`, `landingPageHtml` …
    pub(crate) field: String,
    /// A sentence that says what to change.
    pub(crate) message: String,
}

impl Mistake {
    /// In a field of a mapping.
    pub(crate) fn at(index: usize, field: &str, message: impl Into<String>) -> Self {
        Self { index: Some(index), field: format!("mappings[{index}].{field}"), message: message.into() }
    }

    /// In a mapping as a whole.
    pub(crate) fn of(index: usize, message: impl Into<String>) -> Self {
        Self { index: Some(index), field: format!("mappings[{index}]"), message: message.into() }
    }

    /// In the rest of the file.
    pub(crate) fn elsewhere(field: &str, message: impl Into<String>) -> Self {
        Self { index: None, field: field.to_owned(), message: message.into() }
    }
}
