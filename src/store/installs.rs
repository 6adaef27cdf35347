//! Installing and uninstalling: what a shop gains with its tokens, and loses without them; and what Shopify tells of an
//! installed shop. What Shopify tells comes late and out of order, so everything is dated by when it happened.

use sea_orm::{ConnectionTrait, Value};

use super::shop::{HostPurpose, accounts_word};
use super::{Accounts, Actor, Deed, Store, StoreError};
use crate::shopify::ShopDomain;
use crate::shopify::oauth::TokenPair;

/// How far Shopify's clock and ours may be apart, in milliseconds. An uninstallation this little older than the
/// installation counts: tokens that should have stayed cost the merchant one more visit, tokens that should have gone
/// would be worse.
const SKEW_MS: i64 = 1000;

/// What Shopify tells of a shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShopTold {
    /// Hosts the storefront answers on, lower case and in ASCII form.
    pub hosts: Vec<String>,
    /// Whether these are all of them: what Shopify told before goes then.
    pub all_hosts: bool,
    /// Which customer accounts it uses, where Shopify says so.
    pub accounts: Option<Accounts>,
}

impl Store {
    /// Installs the shop with its first pair of tokens, or gives an installed one a new pair. Answers the shop's id.
    /// `now` is from before Shopify gave the pair, in Unix milliseconds: until then at least the app was installed, so
    /// older news of an uninstallation is old.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then. [`StoreError::VersionConflict`] when the app was uninstalled since.
    pub async fn install(&self, domain: &ShopDomain, pair: &TokenPair, now: i64) -> Result<i64, StoreError> {
        const UPSERT: &str = "INSERT INTO shops (domain, installed_at, scopes, scopes_at, created_at, updated_at) \
             VALUES ($1, $2, $3, $2, $2, $2) ON CONFLICT (domain) DO UPDATE SET \
             scopes = excluded.scopes, scopes_at = excluded.scopes_at, installed_at = excluded.installed_at, \
             previous_uninstalled_at = COALESCE(shops.uninstalled_at, shops.previous_uninstalled_at), \
             uninstalled_at = NULL, updated_at = excluded.updated_at \
             WHERE shops.uninstalled_at IS NULL OR shops.uninstalled_at <= excluded.installed_at RETURNING id";
        const HAS_TOKENS: &str = "SELECT shop_id FROM shopify_tokens WHERE shop_id = $1";
        let transaction = self.begin_durable().await?;
        let values: Vec<Value> = vec![domain.as_str().into(), now.into(), pair.scopes.clone().into()];
        let row = transaction.query_one_raw(self.statement(UPSERT, values)).await?;
        let id: i64 = row.ok_or(StoreError::VersionConflict)?.try_get("", "id")?;
        // The shop's row is locked by now, so of several first pairs one is the installation.
        if transaction.query_one_raw(self.statement(HAS_TOKENS, vec![id.into()])).await?.is_none() {
            let scopes: Vec<&str> = pair.scopes.split(',').collect();
            let detail = serde_json::json!({ "scopes": scopes });
            let deed = Deed { actor: Actor::Shopify, action: "app.installed", detail };
            self.append_deed(&transaction, id, &deed, now).await?;
        }
        self.put_tokens(&transaction, id, pair).await?;
        self.announce_shop(&transaction, id).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Uninstalls the shop: its tokens go, its settings stay for a reinstallation. An uninstallation from before the
    /// current installation changes nothing. Answers whether it did change something. Times are Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn uninstall(&self, domain: &ShopDomain, triggered_at: i64, now: i64) -> Result<bool, StoreError> {
        const MARK: &str = "UPDATE shops SET uninstalled_at = $2, updated_at = $3 WHERE domain = $1 \
             AND uninstalled_at IS NULL AND (installed_at IS NULL OR installed_at <= $2 + $4) RETURNING id";
        let transaction = self.begin_durable().await?;
        let values: Vec<Value> = vec![domain.as_str().into(), triggered_at.into(), now.into(), SKEW_MS.into()];
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
        let deed = Deed { actor: Actor::Shopify, action: "app.uninstalled", detail: serde_json::json!({}) };
        self.append_deed(&transaction, id, &deed, now).await?;
        self.announce_shop(&transaction, id).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Notes the scopes an installed shop grants since `triggered_at`, unless newer ones are known. Answers whether
    /// they changed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn note_scopes(
        &self,
        shop_id: i64,
        scopes: &[String],
        triggered_at: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE shops SET scopes = $2, scopes_at = $3, updated_at = $4 WHERE id = $1 \
             AND uninstalled_at IS NULL AND COALESCE(scopes_at, 0) <= $3 AND COALESCE(scopes, '') <> $2";
        let transaction = self.begin_durable().await?;
        let values: Vec<Value> = vec![shop_id.into(), scopes.join(",").into(), triggered_at.into(), now.into()];
        if transaction.execute_raw(self.statement(SQL, values)).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let detail = serde_json::json!({ "scopes": scopes });
        let deed = Deed { actor: Actor::Shopify, action: "app.scopes_changed", detail };
        self.append_deed(&transaction, shop_id, &deed, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Notes what Shopify tells of a shop, beside what the merchant said of it. Answers whether that changed anything.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn note_shop(&self, shop_id: i64, told: &ShopTold, now: i64) -> Result<bool, StoreError> {
        const KNOWN: &str = "SELECT host FROM shop_hosts WHERE shop_id = $1 AND purpose = $2";
        const ADD: &str = "INSERT INTO shop_hosts (shop_id, purpose, host) VALUES ($1, $2, $3)";
        const DROP: &str = "DELETE FROM shop_hosts WHERE shop_id = $1 AND purpose = $2 AND host = $3";
        const ACCOUNTS: &str =
            "UPDATE shops SET accounts = $2, updated_at = $3, version = version + 1 WHERE id = $1 AND accounts <> $2";
        let purpose = HostPurpose::Told.as_str();
        let transaction = self.begin_write().await?;
        let rows = transaction.query_all_raw(self.statement(KNOWN, vec![shop_id.into(), purpose.into()])).await?;
        let known: Vec<String> = rows.iter().map(|row| row.try_get("", "host")).collect::<Result<_, _>>()?;
        let mut hosts: Vec<&String> = told.hosts.iter().collect();
        hosts.sort_unstable();
        hosts.dedup();
        let added = hosts.iter().filter(|host| !known.contains(host)).map(|host| (ADD, *host));
        let dropped = known.iter().filter(|host| told.all_hosts && !hosts.contains(host)).map(|host| (DROP, host));
        let changes: Vec<(&str, &String)> = added.chain(dropped).collect();
        for (sql, host) in &changes {
            let values: Vec<Value> = vec![shop_id.into(), purpose.into(), (*host).clone().into()];
            transaction.execute_raw(self.statement(sql, values)).await?;
        }
        let mut accounts_changed = false;
        if let Some(accounts) = told.accounts {
            let values: Vec<Value> = vec![shop_id.into(), accounts_word(accounts).into(), now.into()];
            accounts_changed = transaction.execute_raw(self.statement(ACCOUNTS, values)).await?.rows_affected() > 0;
        }
        if changes.is_empty() && !accounts_changed {
            return Ok(false);
        }
        let mut detail = serde_json::Map::new();
        if !changes.is_empty() {
            detail.insert("domains".to_owned(), serde_json::json!(hosts));
        }
        if let Some(accounts) = told.accounts.filter(|_| accounts_changed) {
            detail.insert("accounts".to_owned(), accounts_word(accounts).into());
        }
        let deed = Deed { actor: Actor::Shopify, action: "shop.updated", detail: detail.into() };
        self.append_deed(&transaction, shop_id, &deed, now).await?;
        self.announce_shop(&transaction, shop_id).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
