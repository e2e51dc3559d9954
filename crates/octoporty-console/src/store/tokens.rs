//! Refresh tokens. A family is one login; rotation replaces a token by its successor, and a token that comes a second
//! time was stolen or its answer was lost: nobody can tell, so the family ends.

use sha2::{Digest, Sha256};
use sqlx::Row;

use super::writer::Durability;
use super::{Store, StoreError, settings, signed, unsigned};

/// SHA-256 of a token. Tokens have 256 random bits: a plain hash cannot be searched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TokenHash(String);

impl TokenHash {
    /// Of a token as the client holds it.
    pub(crate) fn of(token: &str) -> Self {
        let digest = Sha256::digest(token.as_bytes());
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// What became of a rotation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Rotation {
    /// The successor is stored.
    Done {
        /// The login.
        family: String,
        /// Whose.
        subject: String,
    },
    /// Unknown, expired or revoked.
    Refused,
    /// It was used before; the whole family is revoked now.
    Reused {
        /// The login that ended.
        family: String,
    },
}

impl Store {
    /// Begins a family.
    pub(crate) async fn add_refresh_token(
        &self,
        hash: TokenHash,
        family: String,
        subject: String,
        issued_ms: u64,
        expires_ms: u64,
    ) -> Result<(), StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO refresh_tokens (hash, family, subject, issued_ms, expires_ms) VALUES (?, ?, ?, ?, ?)",
                    )
                    .bind(hash.0)
                    .bind(family)
                    .bind(subject)
                    .bind(signed(issued_ms))
                    .bind(signed(expires_ms))
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Uses a token up and stores its successor, at once.
    pub(crate) async fn rotate_refresh_token(
        &self,
        old: TokenHash,
        new: TokenHash,
        now_ms: u64,
        expires_ms: u64,
    ) -> Result<Rotation, StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    let found = sqlx::query("SELECT * FROM refresh_tokens WHERE hash = ?")
                        .bind(&old.0)
                        .fetch_optional(&mut *connection)
                        .await?;
                    let Some(row) = found else { return Ok(Rotation::Refused) };
                    let (family, subject): (String, String) = (row.try_get("family")?, row.try_get("subject")?);
                    if row.try_get::<Option<i64>, _>("revoked_ms")?.is_some() {
                        return Ok(Rotation::Refused);
                    }
                    if row.try_get::<Option<i64>, _>("used_ms")?.is_some() {
                        sqlx::query("UPDATE refresh_tokens SET revoked_ms = ? WHERE family = ?")
                            .bind(signed(now_ms))
                            .bind(&family)
                            .execute(connection)
                            .await?;
                        return Ok(Rotation::Reused { family });
                    }
                    if unsigned(row.try_get("expires_ms")?) <= now_ms {
                        return Ok(Rotation::Refused);
                    }
                    sqlx::query("UPDATE refresh_tokens SET used_ms = ? WHERE hash = ?")
                        .bind(signed(now_ms))
                        .bind(&old.0)
                        .execute(&mut *connection)
                        .await?;
                    sqlx::query(
                        "INSERT INTO refresh_tokens (hash, family, subject, issued_ms, expires_ms) VALUES (?, ?, ?, ?, ?)",
                    )
                    .bind(new.0)
                    .bind(&family)
                    .bind(&subject)
                    .bind(signed(now_ms))
                    .bind(signed(expires_ms))
                    .execute(connection)
                    .await?;
                    Ok(Rotation::Done { family, subject })
                })
            })
            .await
    }

    /// The login that a token belongs to.
    pub(crate) async fn family_of(&self, hash: &TokenHash) -> Result<Option<String>, StoreError> {
        let family = sqlx::query_scalar("SELECT family FROM refresh_tokens WHERE hash = ?")
            .bind(&hash.0)
            .fetch_optional(&self.readers)
            .await?;
        Ok(family)
    }

    /// Ends a login.
    pub(crate) async fn revoke_family(&self, family: String, now_ms: u64) -> Result<(), StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    sqlx::query("UPDATE refresh_tokens SET revoked_ms = ? WHERE family = ? AND revoked_ms IS NULL")
                        .bind(signed(now_ms))
                        .bind(family)
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Notes by what logins are made now; if that is not what it was, all that stand are ended. Answers how many.
    pub(crate) async fn note_credentials(&self, fingerprint: String, now_ms: u64) -> Result<u64, StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    if settings::credentials(connection).await?.as_deref() == Some(fingerprint.as_str()) {
                        return Ok(0);
                    }
                    let standing: i64 = sqlx::query_scalar(
                        "SELECT count(DISTINCT family) FROM refresh_tokens WHERE revoked_ms IS NULL AND expires_ms > ?",
                    )
                    .bind(signed(now_ms))
                    .fetch_one(&mut *connection)
                    .await?;
                    sqlx::query("UPDATE refresh_tokens SET revoked_ms = ? WHERE revoked_ms IS NULL")
                        .bind(signed(now_ms))
                        .execute(&mut *connection)
                        .await?;
                    settings::set_credentials(connection, fingerprint, now_ms).await?;
                    Ok(unsigned(standing))
                })
            })
            .await
    }

    /// Logins that were ended since a moment: their access tokens may not have run out yet.
    pub(crate) async fn families_revoked_since(&self, since_ms: u64) -> Result<Vec<(String, u64)>, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT family, MAX(revoked_ms) FROM refresh_tokens WHERE revoked_ms >= ? GROUP BY family")
                .bind(signed(since_ms))
                .fetch_all(&self.readers)
                .await?;
        Ok(rows.into_iter().map(|(family, at)| (family, unsigned(at))).collect())
    }

    /// Forgets tokens that ran out before a moment.
    pub(crate) async fn prune_refresh_tokens(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.writer
            .run(Durability::Logs, move |connection| {
                Box::pin(async move {
                    let done = sqlx::query("DELETE FROM refresh_tokens WHERE expires_ms < ?")
                        .bind(signed(before_ms))
                        .execute(connection)
                        .await?;
                    Ok(done.rows_affected())
                })
            })
            .await
    }
}
