//! What an import does, mapping by mapping.
//!
//! A mapping of the file is the stored one with its id; else the one that has its domain and path, as in the original,
//! where the domain is the key; else it is new, and has the id that the file gives it. A backup replaces everything, so
//! there the id alone counts.

use std::collections::HashMap;

use octoporty_proto::model::{Endpoint, LandingPage, MappingId, Revision};

use super::definition::{Definition, FieldChange};
use super::{Mistake, Mode, PageWish, Unsaid, Wanted, WantedMapping};
use crate::store::{MappingDraft, StoredMapping, View};

/// The whole of an import.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Plan {
    /// Of what is stored.
    pub(crate) revision: Revision,
    /// In the file's order, deletions last.
    pub(crate) acts: Vec<Act>,
    /// The landing page.
    pub(crate) page: PageAct,
    /// Why it cannot be done; empty: it can.
    pub(crate) mistakes: Vec<Mistake>,
}

/// What becomes of one mapping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// It is new.
    Create {
        /// In the file.
        index: usize,
        /// As it will be.
        draft: MappingDraft,
    },
    /// It differs from what is stored.
    Update {
        /// In the file.
        index: usize,
        /// As it is.
        before: Box<StoredMapping>,
        /// As it will be.
        draft: MappingDraft,
        /// What differs.
        changes: Vec<FieldChange>,
    },
    /// It is stored as it comes.
    Skip {
        /// In the file.
        index: usize,
        /// As it is.
        stored: Box<StoredMapping>,
    },
    /// It is not in the backup.
    Delete {
        /// As it is.
        stored: Box<StoredMapping>,
    },
}

/// What becomes of the landing page.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum PageAct {
    /// Nothing: the file does not speak of it, or it is the same.
    #[default]
    Keep,
    /// The product's own again.
    Reset,
    /// Another one.
    Replace(LandingPage),
}

impl Plan {
    /// Whether anything would be stored.
    pub(crate) fn changes_anything(&self) -> bool {
        self.page != PageAct::Keep || self.acts.iter().any(|act| !matches!(act, Act::Skip { .. }))
    }
}

/// Domain and path: what no two mappings have in common.
type Key = (String, String);

fn key_of(endpoint: &Endpoint) -> Key {
    match endpoint {
        Endpoint::Http { host, path, .. } => (host.to_string(), path.to_string()),
        other => (format!("{other:?}"), String::new()),
    }
}

/// As people read it: the path only if it says something.
fn shown(key: &Key) -> String {
    if key.1 == "/" { key.0.clone() } else { format!("{}{}", key.0, key.1) }
}

/// Makes the plan.
pub(crate) fn make(view: &View, wanted: Wanted, mode: Mode) -> Plan {
    let mut plan = Plan { revision: view.revision, ..Plan::default() };
    let wanted_mappings = without_duplicates(wanted.mappings, &mut plan.mistakes);
    let matched = match_up(view, &wanted_mappings, mode);
    let taken: HashMap<MappingId, usize> =
        matched.iter().enumerate().filter_map(|(at, stored)| Some((stored.as_ref()?.mapping.id, at))).collect();
    if mode == Mode::Merge {
        refuse_held_endpoints(view, &wanted_mappings, &taken, &mut plan.mistakes);
    }
    for (wanted, stored) in wanted_mappings.into_iter().zip(matched) {
        plan.acts.push(act(wanted, stored));
    }
    if mode == Mode::Replace {
        let gone = view.mappings.iter().filter(|stored| !taken.contains_key(&stored.mapping.id));
        plan.acts.extend(gone.map(|stored| Act::Delete { stored: Box::new(stored.clone()) }));
    }
    plan.page = match (wanted.page, &view.landing_page) {
        (PageWish::Keep, _) | (PageWish::Default, None) => PageAct::Keep,
        (PageWish::Default, Some(_)) => PageAct::Reset,
        (PageWish::Custom(page), Some(stored)) if page == *stored => PageAct::Keep,
        (PageWish::Custom(page), _) => PageAct::Replace(page),
    };
    plan
}

fn act(wanted: WantedMapping, stored: Option<&StoredMapping>) -> Act {
    let WantedMapping { index, mut draft, unsaid, .. } = wanted;
    let Some(before) = stored else { return Act::Create { index, draft } };
    draft.mapping.id = before.mapping.id;
    for field in unsaid {
        keep(&mut draft, before, field);
    }
    if draft.mapping == before.mapping && draft.enabled == before.enabled {
        return Act::Skip { index, stored: Box::new(before.clone()) };
    }
    let from = Definition::of(&before.mapping, before.enabled);
    let changes = from.changes_to(&Definition::of(&draft.mapping, draft.enabled));
    Act::Update { index, before: Box::new(before.clone()), draft, changes }
}

/// Takes a field from what is stored.
fn keep(draft: &mut MappingDraft, before: &StoredMapping, field: Unsaid) {
    let (to, from) = (&mut draft.mapping, &before.mapping);
    match field {
        Unsaid::Name => to.name.clone_from(&from.name),
        Unsaid::StripPrefix => {
            if let (Endpoint::Http { prefix: to, .. }, Endpoint::Http { prefix: from, .. }) =
                (&mut to.endpoint, &from.endpoint)
            {
                *to = *from;
            }
        }
        Unsaid::Scheme => to.target.scheme = from.target.scheme,
        Unsaid::Verification => to.verification = from.verification,
        Unsaid::HostHeader => to.host_header.clone_from(&from.host_header),
        Unsaid::Compression => to.compression = from.compression,
        Unsaid::Enabled => draft.enabled = before.enabled,
    }
}

/// Finds the stored mapping of each: by id first, so that an entry without one cannot take what another names.
fn match_up<'a>(view: &'a View, wanted: &[WantedMapping], mode: Mode) -> Vec<Option<&'a StoredMapping>> {
    let by_id: HashMap<MappingId, &StoredMapping> =
        view.mappings.iter().map(|stored| (stored.mapping.id, stored)).collect();
    let mut matched: Vec<Option<&StoredMapping>> =
        wanted.iter().map(|one| one.named.and_then(|id| by_id.get(&id).copied())).collect();
    if mode == Mode::Replace {
        return matched;
    }
    let named: Vec<MappingId> = matched.iter().flatten().map(|stored| stored.mapping.id).collect();
    let named: std::collections::HashSet<_> = named.into_iter().collect();
    let free = view.mappings.iter().filter(|stored| !named.contains(&stored.mapping.id));
    let by_key: HashMap<Key, &StoredMapping> = free.map(|stored| (key_of(&stored.mapping.endpoint), stored)).collect();
    for (one, found) in wanted.iter().zip(&mut matched) {
        if found.is_none() {
            *found = by_key.get(&key_of(&one.draft.mapping.endpoint)).copied();
        }
    }
    matched
}

/// The first of each domain and path, and of each id; the others are mistakes.
fn without_duplicates(wanted: Vec<WantedMapping>, mistakes: &mut Vec<Mistake>) -> Vec<WantedMapping> {
    let (mut keys, mut ids) = (HashMap::new(), HashMap::new());
    let mut kept = Vec::with_capacity(wanted.len());
    for one in wanted {
        let key = key_of(&one.draft.mapping.endpoint);
        let twin = one.named.and_then(|id| ids.get(&id));
        let mistake = if let Some(first) = keys.get(&key) {
            let message =
                format!("{} stands at mappings[{first}] of this file already: remove one of the two.", shown(&key));
            Some(("externalDomain", message))
        } else {
            twin.map(|first| {
                ("id", format!("This id stands at mappings[{first}] already: remove it from one of the two."))
            })
        };
        if let Some((field, message)) = mistake {
            mistakes.push(Mistake::at(one.index, field, message));
            continue;
        }
        keys.insert(key, one.index);
        if let Some(id) = one.named {
            ids.insert(id, one.index);
        }
        kept.push(one);
    }
    kept
}

/// A domain and path of a stored mapping that the file does not speak of cannot be given to another.
fn refuse_held_endpoints(
    view: &View,
    wanted: &[WantedMapping],
    taken: &HashMap<MappingId, usize>,
    mistakes: &mut Vec<Mistake>,
) {
    let others = view.mappings.iter().filter(|stored| !taken.contains_key(&stored.mapping.id));
    let held: HashMap<Key, &StoredMapping> = others.map(|stored| (key_of(&stored.mapping.endpoint), stored)).collect();
    for one in wanted {
        let key = key_of(&one.draft.mapping.endpoint);
        if let Some(holder) = held.get(&key) {
            let message = format!(
                "{} belongs to the mapping {:?} already; choose another domain or path here, or change that mapping.",
                shown(&key),
                holder.mapping.name.as_str()
            );
            mistakes.push(Mistake::at(one.index, "externalDomain", message));
        }
    }
}

#[cfg(test)]
mod tests;
