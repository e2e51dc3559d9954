//! Who may do what: one person with one password.
//!
//! The cast:
//! * [`visitor`]: where a request comes from, and how (source, https, prefix), believing only trusted proxies.
//! * [`lockout`]: counts failures; a pure state machine.
//! * [`tokens`]: access tokens (JWT) and the randomness of refresh tokens.
//! * [`cookies`]: how tokens travel in browsers.
//! * [`origin`]: whether a browser's request comes from this very page.
//! * [`guard`]: lets requests in.
//! * [`secret`]: the key of access tokens, kept beside the database.

pub(crate) mod cookies;
pub(crate) mod guard;
pub(crate) mod lockout;
pub(crate) mod origin;
pub(crate) mod secret;
pub(crate) mod tokens;
pub(crate) mod visitor;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use tracing::{info, warn};
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::PasswordHash;
use crate::store::{Rotation, Store, StoreError, TokenHash};
use lockout::{Attempt, Locked, Lockouts, Outcome};
use tokens::{ACCESS_LIFETIME_MS, AccessTokens, Claims, REFRESH_LIFETIME_MS};

/// Hashings at once: each keeps a core busy for milliseconds, and data may flow on the other one.
const CONCURRENT_HASHINGS: usize = 2;
/// Who logs in where no user name is configured.
pub(crate) const DEFAULT_USER: &str = "admin";

/// Both tokens of a session, fresh.
pub(crate) struct Tokens {
    /// Access token.
    pub(crate) access: String,
    /// When it ends, Unix milliseconds.
    pub(crate) access_expires_ms: u64,
    /// Refresh token.
    pub(crate) refresh: String,
    /// When it ends, Unix milliseconds.
    pub(crate) refresh_expires_ms: u64,
}

/// Why somebody was not let in.
#[derive(Debug)]
pub(crate) enum LoginError {
    /// Wrong password or user name.
    Wrong,
    /// Too many failures.
    Locked(Locked),
    /// The database is away.
    Store(StoreError),
}

/// Passwords, tokens and lockouts of one console.
pub(crate) struct Auth {
    store: Arc<Store>,
    clock: Clock,
    hash: PasswordHash,
    username: Option<String>,
    access: AccessTokens,
    lockouts: Arc<Mutex<Lockouts>>,
    hashings: Arc<Semaphore>,
    /// Logins that ended, with the moment when their last access token runs out.
    revoked: Mutex<HashMap<String, u64>>,
}

/// What a console's login is made of.
pub(crate) struct Credentials {
    /// The password's hash.
    pub(crate) hash: PasswordHash,
    /// The user name, where one is configured.
    pub(crate) username: Option<String>,
    /// Key of access tokens.
    pub(crate) key: Vec<u8>,
}

impl Auth {
    /// Brings lockouts and ended logins back from the store. Where the credentials are not those of the last start,
    /// every login ends: a new password that lets the old sessions live on would keep nobody out.
    pub(crate) async fn load(store: Arc<Store>, clock: Clock, credentials: Credentials) -> Result<Self, StoreError> {
        let now = clock.now_ms();
        let access = AccessTokens::new(&credentials.key);
        let fingerprint = access.fingerprint(&credentials.hash, credentials.username.as_deref());
        let ended = store.note_credentials(fingerprint, now).await?;
        if ended > 0 {
            info!(sessions = ended, "password, user name or key are not those of the last start; all sessions ended");
        }
        let lockouts = Lockouts::restore(store.lockouts().await?);
        let revoked = store.families_revoked_since(now.saturating_sub(ACCESS_LIFETIME_MS)).await?;
        let revoked = revoked.into_iter().map(|(family, at)| (family, at + ACCESS_LIFETIME_MS)).collect();
        Ok(Self {
            store,
            clock,
            hash: credentials.hash,
            username: credentials.username,
            access,
            lockouts: Arc::new(Mutex::new(lockouts)),
            hashings: Arc::new(Semaphore::new(CONCURRENT_HASHINGS)),
            revoked: Mutex::new(revoked),
        })
    }

    /// Whether a login has to name the user.
    pub(crate) const fn wants_username(&self) -> bool {
        self.username.is_some()
    }

    /// Lets somebody in by password.
    pub(crate) async fn login(
        &self,
        source: IpAddr,
        username: Option<String>,
        password: String,
    ) -> Result<Tokens, LoginError> {
        let attempt = Attempt::begin(&self.lockouts, source, self.clock.now_ms()).map_err(LoginError::Locked)?;
        let right = self.verify(username, password).await;
        let outcome = if right { Outcome::Success } else { Outcome::Failure };
        let changes = attempt.end(outcome, self.clock.now_ms());
        self.store.save_lockouts(changes.rows, changes.gone).await.map_err(LoginError::Store)?;
        if !right {
            warn!(%source, "login failed");
            return Err(LoginError::Wrong);
        }
        info!(%source, "login");
        let subject = self.username.clone().unwrap_or_else(|| DEFAULT_USER.to_owned());
        self.begin_family(subject).await.map_err(LoginError::Store)
    }

    /// The password is hashed whatever the user name is: time tells nothing about which one was wrong.
    async fn verify(&self, username: Option<String>, password: String) -> bool {
        let known = match &self.username {
            None => true,
            Some(wanted) => username.is_some_and(|given| bool::from(wanted.as_bytes().ct_eq(given.as_bytes()))),
        };
        let Ok(permit) = Arc::clone(&self.hashings).acquire_owned().await else { return false };
        let hash = self.hash.clone();
        let hashing = tokio::task::spawn_blocking(move || {
            // Held by the work itself: it goes on when the visitor leaves.
            let _permit = permit;
            hash.verifies(&password)
        });
        let right = hashing.await.unwrap_or(false);
        right && known
    }

    async fn begin_family(&self, subject: String) -> Result<Tokens, StoreError> {
        let family = Uuid::new_v4().to_string();
        let now = self.clock.now_ms();
        let tokens = self.tokens(&family, &subject, now);
        let hash = TokenHash::of(&tokens.refresh);
        self.store.add_refresh_token(hash, family, subject, now, tokens.refresh_expires_ms).await?;
        Ok(tokens)
    }

    fn tokens(&self, family: &str, subject: &str, now_ms: u64) -> Tokens {
        Tokens {
            access: self.access.issue(subject, family, now_ms),
            access_expires_ms: now_ms + ACCESS_LIFETIME_MS,
            refresh: tokens::random_token(),
            refresh_expires_ms: now_ms + REFRESH_LIFETIME_MS,
        }
    }

    /// New tokens for a refresh token, which is used up. `None`: it is not good, or no longer.
    pub(crate) async fn refresh(&self, token: &str) -> Result<Option<Tokens>, StoreError> {
        let now = self.clock.now_ms();
        let next = tokens::random_token();
        let expires = now + REFRESH_LIFETIME_MS;
        let rotation =
            self.store.rotate_refresh_token(TokenHash::of(token), TokenHash::of(&next), now, expires).await?;
        match rotation {
            Rotation::Done { family, subject } => {
                let tokens = self.tokens(&family, &subject, now);
                Ok(Some(Tokens { refresh: next, ..tokens }))
            }
            Rotation::Refused => Ok(None),
            Rotation::Reused { family } => {
                warn!("a refresh token was used twice; its login is ended");
                self.end_access(family);
                Ok(None)
            }
        }
    }

    /// Ends the login of a refresh token, of an access token, or of both.
    pub(crate) async fn logout(&self, refresh: Option<&str>, access: Option<&Claims>) -> Result<(), StoreError> {
        let mut families = Vec::from_iter(access.map(|claims| claims.sid.clone()));
        if let Some(token) = refresh {
            families.extend(self.store.family_of(&TokenHash::of(token)).await?);
        }
        families.dedup();
        for family in families {
            self.store.revoke_family(family.clone(), self.clock.now_ms()).await?;
            self.end_access(family);
        }
        Ok(())
    }

    /// The claims of an access token that is good now.
    pub(crate) fn check(&self, token: &str) -> Option<Claims> {
        let claims = self.access.read(token, self.clock.now_ms())?;
        (!self.is_revoked(&claims.sid)).then_some(claims)
    }

    /// Whether a login was ended.
    pub(crate) fn is_revoked(&self, family: &str) -> bool {
        self.revoked().contains_key(family)
    }

    fn end_access(&self, family: String) {
        let now = self.clock.now_ms();
        let mut revoked = self.revoked();
        revoked.retain(|_, until| *until > now);
        revoked.insert(family, now + ACCESS_LIFETIME_MS);
    }

    fn revoked(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what no longer matters.
    pub(crate) async fn prune(&self) -> Result<(), StoreError> {
        let now = self.clock.now_ms();
        let gone = self.lockouts.lock().unwrap_or_else(PoisonError::into_inner).prune(now);
        if !gone.is_empty() {
            self.store.save_lockouts(Vec::new(), gone).await?;
        }
        self.store.prune_refresh_tokens(now).await.map(drop)
    }
}
