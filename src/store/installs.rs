//! Installing and uninstalling: what a shop gains with its tokens, and loses without them.

use sea_orm::{ConnectionTrait, TransactionTrait, Value};

use super::{Store, StoreError};
use crate::shopify::ShopDomain;
use crate::shopify::oauth::TokenPair;

impl Store {
    /// Installs the shop with its first pair of tokens, or gives an installed one a new pair. Answers the shop's id.
    /// `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn install(&self, domain: &ShopDomain, pair: &TokenPair, now: i64) -> Result<i64, StoreError> {
        const UPSERT: &str = "INSERT INTO shops (domain, installed_at, scopes, created_at, updated_at) \
             VALUES ($1, $2, $3, $2, $2) ON CONFLICT (domain) DO UPDATE SET scopes = excluded.scopes, \
             installed_at = CASE WHEN shops.uninstalled_at IS NULL AND shops.installed_at IS NOT NULL \
             THEN shops.installed_at ELSE excluded.installed_at END, uninstalled_at = NULL, \
             updated_at = excluded.updated_at RETURNING id";
        let transaction = self.begin_durable().await?;
        let values: Vec<Value> = vec![domain.as_str().into(), now.into(), pair.scopes.clone().into()];
        let row = transaction.query_one_raw(self.statement(UPSERT, values)).await?;
        let id: i64 = row.ok_or(StoreError::Unreadable("shops"))?.try_get("", "id")?;
        self.put_tokens(&transaction, id, pair).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Uninstalls the shop: its tokens go, its settings stay for a reinstallation. An uninstallation from before the
    /// current installation changes nothing. Answers whether it did change something. Times are Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn uninstall(&self, domain: &ShopDomain, triggered_at: i64) -> Result<bool, StoreError> {
        const MARK: &str = "UPDATE shops SET uninstalled_at = $2, updated_at = $2 WHERE domain = $1 \
             AND uninstalled_at IS NULL AND (installed_at IS NULL OR installed_at <= $2) RETURNING id";
        let transaction = self.begin_durable().await?;
        let values: Vec<Value> = vec![domain.as_str().into(), triggered_at.into()];
        let Some(row) = transaction.query_one_raw(self.statement(MARK, values)).await? else {
            return Ok(false);
        };
        let id: i64 = row.try_get("", "id")?;
        for sql in [
            "DELETE FROM shopify_tokens WHERE shop_id = $1",
            "DELETE FROM shop_secrets WHERE shop_id = $1 AND kind = 'shopify_admin_token'",
        ] {
            transaction.execute_raw(self.statement(sql, vec![id.into()])).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    async fn begin_durable(&self) -> Result<sea_orm::DatabaseTransaction, StoreError> {
        Ok(self.durable.begin_with_options(super::write_options()).await?)
    }
}
