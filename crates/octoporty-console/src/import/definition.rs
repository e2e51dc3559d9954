//! A mapping as a file of definitions has it: the original's names where the original has the field, our own beside
//! them. Each thing has one name only, so that whoever edits the file cannot change one of two and be overruled.

use octoporty_proto::model::{Endpoint, Mapping, PrefixHandling, Scheme, TlsVerification};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::mappings::resource::{CompressionMode, host_header_text};

/// A mapping in a file of definitions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the file has independent switches")]
pub(crate) struct Definition {
    /// UUID; an import finds the mapping again by it.
    #[schema(format = "uuid")]
    id: String,
    /// `http`.
    kind: &'static str,
    /// The public name, or `*.example.com`.
    external_domain: String,
    /// `/` for every path.
    path_prefix: String,
    /// Whether the target sees the path without the prefix.
    strip_prefix: bool,
    /// Host or address that the agent dials.
    internal_host: String,
    /// Port that the agent dials.
    internal_port: u16,
    /// Whether the target is https.
    internal_use_tls: bool,
    /// For https targets: any certificate does.
    allow_self_signed_certs: bool,
    /// `keep`, `target` or a fixed name.
    host_header: String,
    /// Compression between gateway and agent.
    compression: CompressionMode,
    /// Whether it is served at all.
    is_enabled: bool,
    /// What a person calls it.
    description: String,
}

/// A field that an import changes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FieldChange {
    /// As the file calls it.
    pub(crate) field: String,
    /// What is stored.
    pub(crate) from: String,
    /// What would be stored.
    pub(crate) to: String,
}

impl Definition {
    /// Of a mapping. Taken apart whole, so that a field that a later release adds cannot be left out of its exports.
    pub(crate) fn of(mapping: &Mapping, enabled: bool) -> Self {
        let Mapping { id, name, endpoint, target, verification, host_header, compression } = mapping;
        let (kind, external_domain, path_prefix, strip_prefix) = match endpoint {
            Endpoint::Http { host, path, prefix } => {
                ("http", host.to_string(), path.to_string(), *prefix == PrefixHandling::Strip)
            }
            other => unreachable!("the API makes no {other:?}"),
        };
        Self {
            id: id.to_string(),
            kind,
            external_domain,
            path_prefix,
            strip_prefix,
            internal_host: String::from(target.host.clone()),
            internal_port: target.port.get(),
            internal_use_tls: target.scheme == Scheme::Https,
            allow_self_signed_certs: *verification == TlsVerification::AcceptInvalid,
            host_header: host_header_text(host_header).to_owned(),
            compression: (*compression).into(),
            is_enabled: enabled,
            description: name.to_string(),
        }
    }

    /// What differs, ids aside.
    pub(crate) fn changes_to(&self, other: &Self) -> Vec<FieldChange> {
        let fields = |definition: &Self| match serde_json::to_value(definition) {
            Ok(Value::Object(fields)) => fields,
            _ => unreachable!("a definition is always an object"),
        };
        let (from, to) = (fields(self), fields(other));
        let differs = from.into_iter().filter(|(field, _)| field != "id").filter_map(|(field, from)| {
            let to = to.get(&field)?;
            (from != *to).then(|| FieldChange { from: plain(&from), to: plain(to), field })
        });
        differs.collect()
    }
}

/// A value without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
