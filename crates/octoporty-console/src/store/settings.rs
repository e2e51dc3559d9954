//! Settings that are not mappings: the landing page.

use octoporty_proto::model::LandingPage;
use sqlx::sqlite::SqliteConnection;

use super::writer::Durability;
use super::{Store, StoreError, mappings, signed};

const LANDING_PAGE: &str = "landing_page";

impl Store {
    /// The custom landing page; `None`: the default.
    pub(crate) async fn landing_page(&self) -> Result<Option<LandingPage>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        landing_page(&mut connection).await
    }

    /// Stores a landing page, or goes back to the default.
    pub(crate) async fn set_landing_page(&self, page: Option<LandingPage>, now_ms: u64) -> Result<(), StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    mappings::next_revision(connection).await?;
                    match page {
                        Some(page) => put(connection, page, now_ms).await,
                        None => remove(connection).await,
                    }
                })
            })
            .await
    }
}

pub(super) async fn landing_page(connection: &mut SqliteConnection) -> Result<Option<LandingPage>, StoreError> {
    let html: Option<String> = sqlx::query_scalar("SELECT value FROM settings WHERE key = ?")
        .bind(LANDING_PAGE)
        .fetch_optional(connection)
        .await?;
    html.map(LandingPage::new).transpose().map_err(|error| StoreError::Corrupt(error.to_string().into()))
}

async fn put(connection: &mut SqliteConnection, page: LandingPage, now_ms: u64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO settings (key, value, updated_ms) VALUES (?, ?, ?) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_ms = excluded.updated_ms",
    )
    .bind(LANDING_PAGE)
    .bind(String::from(page))
    .bind(signed(now_ms))
    .execute(connection)
    .await?;
    Ok(())
}

async fn remove(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM settings WHERE key = ?").bind(LANDING_PAGE).execute(connection).await?;
    Ok(())
}
