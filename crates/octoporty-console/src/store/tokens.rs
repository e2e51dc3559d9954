//! Refresh tokens. A family is one login; rotation replaces a token by its successor. A token that comes a second time was
//! stolen, or its answer was lost. Within [`LOST_ANSWER_MS`], and while nobody has used the successor, it is taken for
//! lost: another successor is given in place of that one, which is revoked. Else the family ends; and it ends when a
//! token comes that was replaced in this way, since then two hold what one should.

use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::writer::Durability;
use super::{Store, StoreError, settings, signed, unsigned};

/// A page that is loaded again while it refreshes comes again at once; so does a client after a broken connection.
const LOST_ANSWER_MS: u64 = 10_000;

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
                    let found = sqlx::query("SELECT rowid, * FROM refresh_tokens WHERE hash = ?")
                        .bind(&old.0)
                        .fetch_optional(&mut *connection)
                        .await?;
                    let Some(row) = found else { return Ok(Rotation::Refused) };
                    let token = Token::read(&row)?;
                    let may_rotate = match token.used_ms {
                        _ if token.is_revoked => false,
                        Some(used) => now_ms < used + LOST_ANSWER_MS && replace_successor(connection, &token, now_ms).await?,
                        None => true,
                    };
                    if !may_rotate {
                        let ended = revoke(connection, &token.family, now_ms).await?;
                        let family = token.family;
                        return Ok(if ended > 0 { Rotation::Reused { family } } else { Rotation::Refused });
                    }
                    if token.expires_ms <= now_ms {
                        return Ok(Rotation::Refused);
                    }
                    sqlx::query("UPDATE refresh_tokens SET used_ms = ? WHERE rowid = ? AND used_ms IS NULL")
                        .bind(signed(now_ms))
                        .bind(token.row)
                        .execute(&mut *connection)
                        .await?;
                    sqlx::query(
                        "INSERT INTO refresh_tokens (hash, family, subject, issued_ms, expires_ms) VALUES (?, ?, ?, ?, ?)",
                    )
                    .bind(new.0)
                    .bind(&token.family)
                    .bind(&token.subject)
                    .bind(signed(now_ms))
                    .bind(signed(expires_ms))
                    .execute(connection)
                    .await?;
                    Ok(Rotation::Done { family: token.family, subject: token.subject })
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
                Box::pin(async move { revoke(connection, &family, now_ms).await.map(drop) })
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
        // A login of which one token stands has not ended: the others were replaced.
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT family, MAX(revoked_ms) FROM refresh_tokens GROUP BY family \
             HAVING COUNT(revoked_ms) = COUNT(*) AND MAX(revoked_ms) >= ?",
        )
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

/// A row.
struct Token {
    /// Later tokens have higher ones.
    row: i64,
    family: String,
    subject: String,
    expires_ms: u64,
    used_ms: Option<u64>,
    is_revoked: bool,
}

impl Token {
    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            row: row.try_get("rowid")?,
            family: row.try_get("family")?,
            subject: row.try_get("subject")?,
            expires_ms: unsigned(row.try_get("expires_ms")?),
            used_ms: row.try_get::<Option<i64>, _>("used_ms")?.map(unsigned),
            is_revoked: row.try_get::<Option<i64>, _>("revoked_ms")?.is_some(),
        })
    }
}

/// Revokes the successor of a used token, unless somebody has used it: then it has arrived, and `false` is the answer.
async fn replace_successor(connection: &mut SqliteConnection, token: &Token, now_ms: u64) -> Result<bool, sqlx::Error> {
    let arrived: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM refresh_tokens WHERE family = ? AND rowid > ? AND used_ms IS NOT NULL",
    )
    .bind(&token.family)
    .bind(token.row)
    .fetch_one(&mut *connection)
    .await?;
    if arrived > 0 {
        return Ok(false);
    }
    sqlx::query("UPDATE refresh_tokens SET revoked_ms = ? WHERE family = ? AND rowid > ? AND revoked_ms IS NULL")
        .bind(signed(now_ms))
        .bind(&token.family)
        .bind(token.row)
        .execute(connection)
        .await?;
    Ok(true)
}

/// Revokes what stands of a family; answers how many tokens that were.
async fn revoke(connection: &mut SqliteConnection, family: &str, now_ms: u64) -> Result<u64, StoreError> {
    let done = sqlx::query("UPDATE refresh_tokens SET revoked_ms = ? WHERE family = ? AND revoked_ms IS NULL")
        .bind(signed(now_ms))
        .bind(family)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
