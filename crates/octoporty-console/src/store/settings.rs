//! What is kept as a key and its value: the landing page, and by what logins are made.

use octoporty_proto::model::LandingPage;
use sqlx::sqlite::SqliteConnection;

use super::writer::Durability;
use super::{Store, StoreError, mappings, signed};

const LANDING_PAGE: &str = "landing_page";
const CREDENTIALS: &str = "credentials";

/// What became of a change of the landing page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PageOutcome {
    /// Stored.
    Done,
    /// Somebody changed it in between.
    Stale,
}

impl Store {
    /// The custom landing page; `None`: the default.
    pub(crate) async fn landing_page(&self) -> Result<Option<LandingPage>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        landing_page(&mut connection).await
    }

    /// Stores a landing page, or goes back to the default, if the page that is there is what the change is based on.
    pub(crate) async fn change_landing_page(
        &self,
        page: Option<LandingPage>,
        is_base: impl FnOnce(Option<&LandingPage>) -> bool + Send + 'static,
        now_ms: u64,
    ) -> Result<PageOutcome, StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    if !is_base(landing_page(connection).await?.as_ref()) {
                        return Ok(PageOutcome::Stale);
                    }
                    mappings::next_revision(connection).await?;
                    put_landing_page(connection, page, now_ms).await?;
                    Ok(PageOutcome::Done)
                })
            })
            .await
    }
}

pub(super) async fn landing_page(connection: &mut SqliteConnection) -> Result<Option<LandingPage>, StoreError> {
    let html = get(connection, LANDING_PAGE).await?;
    html.map(LandingPage::new).transpose().map_err(|error| StoreError::Corrupt(error.to_string().into()))
}

/// For the writer alone.
pub(super) async fn put_landing_page(
    connection: &mut SqliteConnection,
    page: Option<LandingPage>,
    now_ms: u64,
) -> Result<(), StoreError> {
    match page {
        Some(page) => put(connection, LANDING_PAGE, page.into(), now_ms).await,
        None => remove(connection, LANDING_PAGE).await,
    }
}

/// Fingerprint of what logins are made by.
pub(super) async fn credentials(connection: &mut SqliteConnection) -> Result<Option<String>, StoreError> {
    get(connection, CREDENTIALS).await
}

/// Forgets it, so that whoever opens the database next ends what stands.
pub(super) async fn forget_credentials(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    remove(connection, CREDENTIALS).await
}

pub(super) async fn set_credentials(
    connection: &mut SqliteConnection,
    fingerprint: String,
    now_ms: u64,
) -> Result<(), StoreError> {
    put(connection, CREDENTIALS, fingerprint, now_ms).await
}

async fn get(connection: &mut SqliteConnection, key: &str) -> Result<Option<String>, StoreError> {
    let value = sqlx::query_scalar("SELECT value FROM settings WHERE key = ?").bind(key);
    Ok(value.fetch_optional(connection).await?)
}

async fn put(connection: &mut SqliteConnection, key: &str, value: String, now_ms: u64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO settings (key, value, updated_ms) VALUES (?, ?, ?) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_ms = excluded.updated_ms",
    )
    .bind(key)
    .bind(value)
    .bind(signed(now_ms))
    .execute(connection)
    .await?;
    Ok(())
}

async fn remove(connection: &mut SqliteConnection, key: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM settings WHERE key = ?").bind(key).execute(connection).await?;
    Ok(())
}
