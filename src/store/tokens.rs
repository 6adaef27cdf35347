//! The pair of expiring Admin API tokens of each shop: sealed together and stored in one step, so there is never half
//! a pair. Expiry and leases are measured on the database's clock, which every process shares.

use sea_orm::{ConnectionTrait, Statement, Value};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::sealed::Place;
use super::{Store, StoreError};
use crate::shopify::oauth::TokenPair;

const KIND: &str = "shopify_token_pair";

/// A stored pair, open.
#[derive(Debug, Clone)]
pub struct StoredTokens {
    /// For the Admin API.
    pub access: SecretString,
    /// For the next pair.
    pub refresh: SecretString,
    /// Milliseconds the access token still lives; negative once it is dead.
    pub access_left_ms: i64,
    /// Milliseconds the refresh token still lives; negative once it is dead.
    pub refresh_left_ms: i64,
    /// Whether somebody holds the right to refresh it.
    pub is_being_refreshed: bool,
    /// Grows with every stored pair, and starts anywhere: a refresh that outlives the shop's tokens does not take those
    /// of the next installation for its own.
    pub version: i64,
    /// Why the pair is of no use any more, if it is not.
    pub problem: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    access: String,
    refresh: String,
}

impl Store {
    /// The shop's pair, or `None` when it has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&self, shop_id: i64) -> Result<Option<StoredTokens>, StoreError> {
        let sql = format!(
            "SELECT sealed, access_expires_at - {clock} AS access_left, refresh_expires_at - {clock} AS refresh_left, \
             refresh_until >= {clock} AS is_being_refreshed, version, problem FROM shopify_tokens WHERE shop_id = $1",
            clock = self.clock()
        );
        let Some(row) = self.db.query_one_raw(self.statement(&sql, vec![shop_id.into()])).await? else {
            return Ok(None);
        };
        let sealed: Vec<u8> = row.try_get("", "sealed")?;
        let opened = self.keyring.open(Place { shop_id, kind: KIND }, &sealed)?;
        let pair: Sealed = serde_json::from_str(opened.expose_secret())
            .map_err(|_| StoreError::Unreadable("shopify_tokens.sealed"))?;
        Ok(Some(StoredTokens {
            access: pair.access.into(),
            refresh: pair.refresh.into(),
            access_left_ms: row.try_get("", "access_left")?,
            refresh_left_ms: row.try_get("", "refresh_left")?,
            is_being_refreshed: row.try_get("", "is_being_refreshed")?,
            version: row.try_get("", "version")?,
            problem: row.try_get("", "problem")?,
        }))
    }

    /// Takes the right to refresh the pair as it was read, for `lease_ms` milliseconds. Answers false when somebody
    /// else refreshes, or has refreshed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn take_refresh(&self, shop_id: i64, version: i64, lease_ms: i64) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE shopify_tokens SET refresh_until = {clock} + $3 \
             WHERE shop_id = $1 AND version = $2 AND refresh_until < {clock}",
            clock = self.clock()
        );
        self.changed_one(&sql, vec![shop_id.into(), version.into(), lease_ms.into()]).await
    }

    /// Replaces the pair that was read as `version`. Answers false when it is gone or was replaced meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; the old pair stays then.
    pub async fn replace_tokens(&self, shop_id: i64, version: i64, pair: &TokenPair) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE shopify_tokens SET sealed = $3, key_id = $4, access_expires_at = {clock} + $5, \
             refresh_expires_at = {clock} + $6, version = version + 1, refresh_until = 0, problem = NULL \
             WHERE shop_id = $1 AND version = $2",
            clock = self.clock()
        );
        let mut values = vec![shop_id.into(), version.into()];
        values.extend(self.sealed_pair(shop_id, pair)?);
        self.changed_one(&sql, values).await
    }

    /// Writes down that the pair read as `version` is dead, and why. Gives the right to refresh back.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end_refresh(&self, shop_id: i64, version: i64, problem: Option<&str>) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE shopify_tokens SET refresh_until = 0, problem = COALESCE($3, problem) \
             WHERE shop_id = $1 AND version = $2";
        self.changed_one(SQL, vec![shop_id.into(), version.into(), problem.map(str::to_owned).into()]).await?;
        Ok(())
    }

    /// Stores a pair for a shop, whatever it had.
    pub(super) async fn put_tokens(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        pair: &TokenPair,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO shopify_tokens \
             (shop_id, sealed, key_id, access_expires_at, refresh_expires_at, version, refresh_until) \
             VALUES ($1, $2, $3, {clock} + $4, {clock} + $5, $6, 0) \
             ON CONFLICT (shop_id) DO UPDATE SET sealed = excluded.sealed, key_id = excluded.key_id, \
             access_expires_at = excluded.access_expires_at, refresh_expires_at = excluded.refresh_expires_at, \
             version = shopify_tokens.version + 1, refresh_until = 0, problem = NULL",
            clock = self.clock()
        );
        let mut values = vec![shop_id.into()];
        values.extend(self.sealed_pair(shop_id, pair)?);
        values.push(rand::random_range(1..i64::MAX / 2).into());
        db.execute_raw(self.statement(&sql, values)).await?;
        Ok(())
    }

    /// The columns of a pair: sealed, key id, and how long both tokens live in milliseconds.
    fn sealed_pair(&self, shop_id: i64, pair: &TokenPair) -> Result<[Value; 4], StoreError> {
        let open =
            Sealed { access: pair.access.expose_secret().to_owned(), refresh: pair.refresh.expose_secret().to_owned() };
        let text = serde_json::to_string(&open).expect("two strings serialise");
        let (sealed, key_id) = self.keyring.seal(Place { shop_id, kind: KIND }, &text.into())?;
        let milliseconds = |seconds: i64| seconds.saturating_mul(1000).into();
        Ok([sealed.into(), key_id.into(), milliseconds(pair.access_lives), milliseconds(pair.refresh_lives)])
    }

    async fn changed_one(&self, sql: &str, values: Vec<Value>) -> Result<bool, StoreError> {
        let statement: Statement = self.statement(sql, values);
        Ok(self.durable.execute_raw(statement).await?.rows_affected() == 1)
    }
}
