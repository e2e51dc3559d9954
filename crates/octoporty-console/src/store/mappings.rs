//! Mappings, and the revision that rises with each change of them.

use futures_util::TryStreamExt;
use octoporty_proto::model::{
    Compression, DesiredState, Endpoint, HostHeader, LandingPage, Mapping, MappingId, PrefixHandling, Revision, Scheme,
    Target, TlsVerification,
};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tracing::error;
use uuid::Uuid;

use super::writer::Durability;
use super::{Store, StoreError, settings, signed, unsigned};
use crate::api::mappings::resource::host_header_text;

/// A mapping as a client wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MappingDraft {
    /// All but the id is taken.
    pub(crate) mapping: Mapping,
    /// Whether it is served.
    pub(crate) enabled: bool,
}

/// A mapping as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StoredMapping {
    /// The mapping.
    pub(crate) mapping: Mapping,
    /// Whether it is served.
    pub(crate) enabled: bool,
    /// Revision of its newest change.
    pub(crate) revision: Revision,
    /// Unix milliseconds.
    pub(crate) created_ms: u64,
    /// Unix milliseconds.
    pub(crate) updated_ms: u64,
}

/// Everything that the gateway shall know, and the disabled mappings beside it; of one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct View {
    /// Of the newest change.
    pub(crate) revision: Revision,
    /// By domain and path.
    pub(crate) mappings: Vec<StoredMapping>,
    /// `None`: the default.
    pub(crate) landing_page: Option<LandingPage>,
}

impl View {
    /// What the agent shall have the gateway serve.
    pub(crate) fn desired(&self) -> DesiredState {
        let enabled = self.mappings.iter().filter(|stored| stored.enabled);
        DesiredState {
            revision: self.revision,
            mappings: enabled.map(|stored| stored.mapping.clone()).collect(),
            landing_page: self.landing_page.clone(),
        }
    }
}

/// The endpoint has another mapping already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Occupied {
    /// Who holds it.
    pub(crate) id: MappingId,
    /// Its name.
    pub(crate) name: String,
}

/// `If-Match`, as far as the store is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Precondition {
    /// Whatever is there.
    Any,
    /// Only if the newest change was this one.
    Revision(Revision),
}

/// What became of a change to one mapping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ReplaceOutcome {
    /// Stored.
    Done(Box<StoredMapping>),
    /// There is no such mapping.
    Missing,
    /// Somebody changed it in between.
    Stale,
    /// The endpoint has another mapping.
    Occupied(Occupied),
}

const COLUMNS: &str = "id, name, kind, domain, path_prefix, strip_prefix, target_scheme, target_host, target_port, \
                       allow_invalid, host_header, compression, enabled, revision, created_ms, updated_ms";

impl Store {
    /// Everything of one moment: mappings, landing page and revision belong together.
    pub(crate) async fn view(&self) -> Result<View, StoreError> {
        view(&mut *self.readers.begin().await?).await
    }

    /// Revision of the newest change.
    pub(crate) async fn revision(&self) -> Result<Revision, StoreError> {
        let mut connection = self.readers.acquire().await?;
        current_revision(&mut connection).await
    }

    /// All mappings, by domain and path.
    pub(crate) async fn mappings(&self) -> Result<Vec<StoredMapping>, StoreError> {
        let rows = sqlx::query("SELECT * FROM mappings ORDER BY domain, path_prefix").fetch_all(&self.readers).await?;
        Ok(rows.iter().filter_map(legal_row).collect())
    }

    /// One mapping.
    pub(crate) async fn mapping(&self, id: MappingId) -> Result<Option<StoredMapping>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        find(&mut connection, id).await
    }

    /// Stores a new mapping, under a fresh id.
    pub(crate) async fn create_mapping(
        &self,
        mut draft: MappingDraft,
        now_ms: u64,
    ) -> Result<Result<StoredMapping, Occupied>, StoreError> {
        draft.mapping.id = MappingId::from_uuid(Uuid::new_v4());
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    if let Some(holder) = holder_of(connection, &draft.mapping).await? {
                        return Ok(Err(holder));
                    }
                    let revision = next_revision(connection).await?;
                    let stored = StoredMapping {
                        mapping: draft.mapping,
                        enabled: draft.enabled,
                        revision,
                        created_ms: now_ms,
                        updated_ms: now_ms,
                    };
                    upsert(connection, &stored).await?;
                    Ok(Ok(stored))
                })
            })
            .await
    }

    /// Replaces all of a mapping but its id and the time of its making.
    pub(crate) async fn replace_mapping(
        &self,
        draft: MappingDraft,
        condition: Precondition,
        now_ms: u64,
    ) -> Result<ReplaceOutcome, StoreError> {
        let id = draft.mapping.id;
        self.change(id, condition, now_ms, move |stored| {
            stored.mapping = draft.mapping;
            stored.enabled = draft.enabled;
        })
        .await
    }

    /// Enables or disables a mapping.
    pub(crate) async fn toggle_mapping(
        &self,
        id: MappingId,
        enabled: bool,
        condition: Precondition,
        now_ms: u64,
    ) -> Result<ReplaceOutcome, StoreError> {
        self.change(id, condition, now_ms, move |stored| stored.enabled = enabled).await
    }

    /// Deletes a mapping; its log rows stay.
    pub(crate) async fn delete_mapping(
        &self,
        id: MappingId,
        condition: Precondition,
    ) -> Result<ReplaceOutcome, StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    let stored = match found(find(connection, id).await?, condition) {
                        Ok(stored) => stored,
                        Err(outcome) => return Ok(outcome),
                    };
                    next_revision(connection).await?;
                    remove(connection, id).await?;
                    Ok(ReplaceOutcome::Done(Box::new(stored)))
                })
            })
            .await
    }

    async fn change(
        &self,
        id: MappingId,
        condition: Precondition,
        now_ms: u64,
        change: impl FnOnce(&mut StoredMapping) + Send + 'static,
    ) -> Result<ReplaceOutcome, StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    let mut stored = match found(find(connection, id).await?, condition) {
                        Ok(stored) => stored,
                        Err(outcome) => return Ok(outcome),
                    };
                    change(&mut stored);
                    if let Some(holder) = holder_of(connection, &stored.mapping).await? {
                        return Ok(ReplaceOutcome::Occupied(holder));
                    }
                    stored.revision = next_revision(connection).await?;
                    stored.updated_ms = now_ms;
                    upsert(connection, &stored).await?;
                    Ok(ReplaceOutcome::Done(Box::new(stored)))
                })
            })
            .await
    }
}

fn found(stored: Option<StoredMapping>, condition: Precondition) -> Result<StoredMapping, ReplaceOutcome> {
    let stored = stored.ok_or(ReplaceOutcome::Missing)?;
    match condition {
        Precondition::Revision(wanted) if wanted != stored.revision => Err(ReplaceOutcome::Stale),
        _ => Ok(stored),
    }
}

/// The same within a transaction of the caller's.
pub(super) async fn view(snapshot: &mut SqliteConnection) -> Result<View, StoreError> {
    let revision = current_revision(snapshot).await?;
    let rows = sqlx::query("SELECT * FROM mappings ORDER BY domain, path_prefix").fetch_all(&mut *snapshot).await?;
    let landing_page = settings::landing_page(snapshot).await?;
    let mappings = rows.iter().filter_map(legal_row).collect();
    Ok(View { revision, mappings, landing_page })
}

/// What is wrong with the first row that is not legal.
pub(super) async fn first_illegal(connection: &mut SqliteConnection) -> Result<Option<StoreError>, StoreError> {
    // One by one: a row that is not legal may be as large as the file.
    let mut rows = sqlx::query("SELECT * FROM mappings").fetch(connection);
    while let Some(row) = rows.try_next().await? {
        if let Err(error) = read_row(&row) {
            return Ok(Some(error));
        }
    }
    Ok(None)
}

/// Deletes a row. For the writer alone, as [`upsert`].
pub(super) async fn remove(connection: &mut SqliteConnection, id: MappingId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM mappings WHERE id = ?").bind(id.to_string()).execute(connection).await?;
    Ok(())
}

async fn current_revision(connection: &mut SqliteConnection) -> Result<Revision, StoreError> {
    let value: i64 = sqlx::query_scalar("SELECT value FROM desired_revision").fetch_one(connection).await?;
    Ok(Revision(unsigned(value)))
}

/// Counts a change. For the writer alone.
pub(super) async fn next_revision(connection: &mut SqliteConnection) -> Result<Revision, StoreError> {
    let value: i64 = sqlx::query_scalar("UPDATE desired_revision SET value = value + 1 RETURNING value")
        .fetch_one(connection)
        .await?;
    Ok(Revision(unsigned(value)))
}

async fn find(connection: &mut SqliteConnection, id: MappingId) -> Result<Option<StoredMapping>, StoreError> {
    let row =
        sqlx::query("SELECT * FROM mappings WHERE id = ?").bind(id.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(read_row).transpose()
}

/// Another mapping with the same endpoint.
async fn holder_of(connection: &mut SqliteConnection, mapping: &Mapping) -> Result<Option<Occupied>, StoreError> {
    let endpoint = EndpointColumns::of(&mapping.endpoint);
    let row =
        sqlx::query("SELECT id, name FROM mappings WHERE kind = ? AND domain = ? AND path_prefix = ? AND id <> ?")
            .bind(endpoint.kind)
            .bind(endpoint.domain)
            .bind(endpoint.path_prefix)
            .bind(mapping.id.to_string())
            .fetch_optional(connection)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let id: String = row.try_get("id")?;
    let id = id.parse().map_err(|_| corrupt("id", &id))?;
    Ok(Some(Occupied { id, name: row.try_get("name")? }))
}

struct EndpointColumns {
    kind: &'static str,
    domain: String,
    path_prefix: String,
    strip_prefix: bool,
}

impl EndpointColumns {
    fn of(endpoint: &Endpoint) -> Self {
        match endpoint {
            Endpoint::Http { host, path, prefix } => Self {
                kind: "http",
                domain: host.to_string(),
                path_prefix: path.to_string(),
                strip_prefix: *prefix == PrefixHandling::Strip,
            },
            other => unreachable!("the API makes no {other:?}"),
        }
    }
}

pub(super) async fn upsert(connection: &mut SqliteConnection, stored: &StoredMapping) -> Result<(), StoreError> {
    let mapping = &stored.mapping;
    let endpoint = EndpointColumns::of(&mapping.endpoint);
    let sql = format!(
        "INSERT INTO mappings ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, domain = excluded.domain, \
         path_prefix = excluded.path_prefix, strip_prefix = excluded.strip_prefix, \
         target_scheme = excluded.target_scheme, target_host = excluded.target_host, \
         target_port = excluded.target_port, allow_invalid = excluded.allow_invalid, \
         host_header = excluded.host_header, compression = excluded.compression, enabled = excluded.enabled, \
         revision = excluded.revision, updated_ms = excluded.updated_ms"
    );
    // Made of constants alone.
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(mapping.id.to_string())
        .bind(mapping.name.as_str())
        .bind(endpoint.kind)
        .bind(endpoint.domain)
        .bind(endpoint.path_prefix)
        .bind(endpoint.strip_prefix)
        .bind(mapping.target.scheme.as_str())
        .bind(String::from(mapping.target.host.clone()))
        .bind(i64::from(mapping.target.port.get()))
        .bind(mapping.verification == TlsVerification::AcceptInvalid)
        .bind(host_header_text(&mapping.host_header))
        .bind(compression_text(mapping.compression))
        .bind(stored.enabled)
        .bind(signed(stored.revision.0))
        .bind(signed(stored.created_ms))
        .bind(signed(stored.updated_ms))
        .execute(connection)
        .await?;
    Ok(())
}

const fn compression_text(compression: Compression) -> &'static str {
    match compression {
        Compression::Auto => "auto",
        Compression::On => "on",
        Compression::Off => "off",
    }
}

fn corrupt(column: &str, value: &str) -> StoreError {
    StoreError::Corrupt(format!("mappings.{column} is {value:?}").into())
}

/// One row that was damaged by hand must not take every other mapping down.
fn legal_row(row: &SqliteRow) -> Option<StoredMapping> {
    read_row(row).inspect_err(|error| error!(%error, "a mapping is left out")).ok()
}

fn read_row(row: &SqliteRow) -> Result<StoredMapping, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let parse_error = |column: &'static str, value: &str| corrupt(column, value);
    let id = text("id")?;
    let name = text("name")?;
    let (scheme, host) = (text("target_scheme")?, text("target_host")?);
    let scheme = match scheme.as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => return Err(corrupt("target_scheme", other)),
    };
    let port = row.try_get::<u32, _>("target_port")?;
    let host_header = text("host_header")?;
    let compression = text("compression")?;
    let mapping = Mapping {
        id: id.parse().map_err(|_| parse_error("id", &id))?,
        name: name.parse().map_err(|_| parse_error("name", &name))?,
        endpoint: read_endpoint(row)?,
        target: Target::new(scheme, &host, port).map_err(|_| parse_error("target_host", &host))?,
        verification: if row.try_get("allow_invalid")? {
            TlsVerification::AcceptInvalid
        } else {
            TlsVerification::Strict
        },
        host_header: match host_header.as_str() {
            "keep" => HostHeader::Keep,
            "target" => HostHeader::Target,
            name => HostHeader::Custom(name.parse().map_err(|_| parse_error("host_header", name))?),
        },
        compression: match compression.as_str() {
            "auto" => Compression::Auto,
            "on" => Compression::On,
            "off" => Compression::Off,
            other => return Err(corrupt("compression", other)),
        },
    };
    Ok(StoredMapping {
        mapping,
        enabled: row.try_get("enabled")?,
        revision: Revision(unsigned(row.try_get("revision")?)),
        created_ms: unsigned(row.try_get("created_ms")?),
        updated_ms: unsigned(row.try_get("updated_ms")?),
    })
}

fn read_endpoint(row: &SqliteRow) -> Result<Endpoint, StoreError> {
    let kind: String = row.try_get("kind")?;
    if kind != "http" {
        return Err(corrupt("kind", &kind));
    }
    let (domain, path) = (row.try_get::<String, _>("domain")?, row.try_get::<String, _>("path_prefix")?);
    Ok(Endpoint::Http {
        host: domain.parse().map_err(|_| corrupt("domain", &domain))?,
        path: path.parse().map_err(|_| corrupt("path_prefix", &path))?,
        prefix: if row.try_get("strip_prefix")? { PrefixHandling::Strip } else { PrefixHandling::Keep },
    })
}
