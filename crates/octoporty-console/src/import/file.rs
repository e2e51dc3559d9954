//! A file of definitions: schema "1", in the original's words or ours.

use std::fmt;

use octoporty_proto::model::{LandingPage, MappingId};
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::definition::Definition;
use super::small::Small;
use super::{MOST_MAPPINGS, Mistake, PageWish, Unsaid, Wanted, WantedMapping};
use crate::api::error::ApiError;
use crate::api::loose::Loose;
use crate::api::mappings::input::MappingInput;
use crate::clock::rfc3339;
use crate::store::View;

/// The schema that this release writes and reads; the original's is the same.
pub(crate) const SCHEMA: &str = "1";

/// Everything that an import can bring back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Definitions)]
pub(crate) struct ExportFile {
    /// `1`.
    schema_version: &'static str,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    exported_at_utc: String,
    /// By domain and path.
    mappings: Vec<Definition>,
    /// The custom page; null while it is the product's own.
    #[schema(required)]
    landing_page_html: Option<String>,
    /// Whether it is the product's own page.
    landing_page_is_default: bool,
}

impl ExportFile {
    /// Of all that is stored.
    pub(crate) fn of(view: &View, now_ms: u64) -> Self {
        let html = view.landing_page.as_ref().map(|page| page.html().to_owned());
        Self {
            schema_version: SCHEMA,
            exported_at_utc: rfc3339(now_ms),
            mappings: view.mappings.iter().map(|one| Definition::of(&one.mapping, one.enabled)).collect(),
            landing_page_is_default: html.is_none(),
            landing_page_html: html,
        }
    }
}

/// Definitions as they come in: an export of this release, of the original, or written by hand.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DefinitionsInput)]
pub(crate) struct ImportFile {
    /// `1`.
    #[serde(default)]
    #[schema(value_type = String, required)]
    schema_version: Small,
    /// At most 20000.
    #[serde(default)]
    #[schema(value_type = Vec<EntryInput>, required)]
    mappings: Entries,
    /// A page to store; null or left out: the page stays as it is.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    landing_page_html: Small,
    /// True: back to the product's own page.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    landing_page_is_default: Small,
}

/// A mapping as it comes in: a mapping in either vocabulary, with its id. What is left out stays as it is when the
/// mapping is there already, else it has its default.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryInput {
    /// Of the mapping that this is; left out: the one with the same domain and path, or a new one.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub(crate) id: Loose<String>,
    /// The mapping.
    #[serde(flatten)]
    pub(crate) mapping: MappingInput,
}

/// The list of mappings, as long as a list may be.
#[derive(Debug, Default)]
struct Entries(Vec<Loose<EntryInput>>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Entries;

            fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
                words.write_str("a list of mappings")
            }

            fn visit_unit<E>(self) -> Result<Entries, E> {
                Ok(Entries::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = list.next_element::<Small>()? {
                    if entries.len() == MOST_MAPPINGS {
                        let words = format!("an import takes at most {MOST_MAPPINGS} mappings: split the file");
                        return Err(A::Error::custom(words));
                    }
                    entries.push(entry.read());
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_any(List)
    }
}

/// What a file has that is good, and what is wrong with the rest.
pub(crate) type Read = (Wanted, Vec<Mistake>);

/// Reads a file of definitions. An error concerns the file as a whole; what is wrong with one mapping is a mistake.
pub(crate) fn read(bytes: &[u8], release: &str) -> Result<Read, ApiError> {
    // Editors of some systems begin a file with a byte order mark.
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if text.trim_ascii_start().starts_with(b"[") {
        let words = "This is not a file of definitions: it is a list, and an object is needed.";
        return Err(ApiError::malformed(words).at_field("body"));
    }
    let file: ImportFile = serde_json::from_slice(text).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "This is not a file of definitions",
            serde_json::error::Category::Eof => "The file ends too early: it was cut off. Export it again",
            _ => "The file is not JSON",
        };
        ApiError::malformed(format!("{what}: {error}.")).at_field("body")
    })?;
    check_schema(&file.schema_version.0, release)?;
    let mut read: Read = Default::default();
    for (index, entry) in file.mappings.0.into_iter().enumerate() {
        match entry {
            Loose::Given(entry) => take(index, entry, &mut read),
            Loose::Absent => read.1.push(Mistake::of(index, "A mapping is needed here, not null.")),
            Loose::Wrong(kind) => read.1.push(Mistake::of(index, format!("A mapping is an object, not {kind}."))),
        }
    }
    read.0.page = page(file.landing_page_html.read(), file.landing_page_is_default.read(), &mut read.1);
    Ok(read)
}

fn check_schema(given: &Value, release: &str) -> Result<(), ApiError> {
    let found = match given {
        Value::Null => {
            let words =
                "schemaVersion is missing: this is not an export of Octoporty. Give the file that Export JSON makes.";
            return Err(ApiError::invalid_field("schemaVersion", words));
        }
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    if found == SCHEMA {
        return Ok(());
    }
    let words = format!(
        "This file has schemaVersion {found:?}. Octoporty {release}, as every release before it and the original, reads \
         \"1\": update this agent to the release that wrote the file, or export it there as \"1\"."
    );
    Err(ApiError::new(http::StatusCode::BAD_REQUEST, "unknown_schema", words).at_field("schemaVersion"))
}

/// Checks one mapping; the store of the original has its own rows read by the same way.
pub(crate) fn take(index: usize, entry: EntryInput, (wanted, mistakes): &mut Read) {
    let named = match entry.id {
        Loose::Absent => None,
        Loose::Given(text) if text.trim().is_empty() => None,
        Loose::Given(text) => match text.trim().parse::<MappingId>() {
            Ok(id) => Some(id),
            Err(_) => {
                let words = format!("{text:?} is not a mapping's id: it is a UUID. Correct it, or leave it out.");
                return mistakes.push(Mistake::at(index, "id", words));
            }
        },
        Loose::Wrong(kind) => {
            return mistakes.push(Mistake::at(index, "id", format!("A UUID is needed here, not {kind}.")));
        }
    };
    let unsaid = unsaid(&entry.mapping);
    let id = named.unwrap_or_else(|| MappingId::from_uuid(Uuid::new_v4()));
    match entry.mapping.parse(id) {
        Ok(draft) => wanted.mappings.push(WantedMapping { index, named, draft, unsaid }),
        Err(error) => {
            for (field, messages) in error.fields() {
                mistakes.extend(messages.iter().map(|message| Mistake::at(index, field, message)));
            }
        }
    }
}

fn unsaid(input: &MappingInput) -> Vec<Unsaid> {
    let mut unsaid = Vec::new();
    let mut note = |field: Unsaid, absent: bool| {
        if absent {
            unsaid.push(field);
        }
    };
    let blank = |text: &Loose<String>| match text {
        Loose::Absent => true,
        Loose::Given(text) => text.trim().is_empty(),
        Loose::Wrong(_) => false,
    };
    note(Unsaid::Name, blank(&input.name) && blank(&input.description));
    note(Unsaid::StripPrefix, input.strip_prefix == Loose::Absent);
    note(Unsaid::Scheme, blank(&input.internal_protocol) && input.internal_use_tls == Loose::Absent);
    let verification =
        input.allow_invalid_certificates == Loose::Absent && input.allow_self_signed_certs == Loose::Absent;
    note(Unsaid::Verification, verification);
    note(Unsaid::HostHeader, blank(&input.host_header));
    note(Unsaid::Compression, blank(&input.compression));
    note(Unsaid::Enabled, input.enabled == Loose::Absent && input.is_enabled == Loose::Absent);
    unsaid
}

fn page(html: Loose<String>, is_default: Loose<bool>, mistakes: &mut Vec<Mistake>) -> PageWish {
    match is_default {
        Loose::Given(true) => return PageWish::Default,
        Loose::Wrong(kind) => {
            mistakes
                .push(Mistake::elsewhere("landingPageIsDefault", format!("True or false is needed here, not {kind}.")));
        }
        _ => {}
    }
    match html {
        Loose::Absent => PageWish::Keep,
        Loose::Given(html) if html.trim().is_empty() => PageWish::Keep,
        Loose::Given(html) => LandingPage::new(html).map_or_else(
            |error| {
                mistakes.push(Mistake::elsewhere("landingPageHtml", format!("The page cannot be stored: {error}.")));
                PageWish::Keep
            },
            PageWish::Custom,
        ),
        Loose::Wrong(kind) => {
            mistakes.push(Mistake::elsewhere("landingPageHtml", format!("A text is needed here, not {kind}.")));
            PageWish::Keep
        }
    }
}

#[cfg(test)]
mod tests;
