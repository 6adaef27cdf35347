//! Forgetting a whole shop.

use sea_orm::{ConnectionTrait, DbBackend, Value};

use super::audit::Trail;
use super::inbox::Delivery;
use super::shops::domain_digest;
use super::{Actor, Deed, Outcome, Store, StoreError};

/// How long after an uninstallation Shopify asks for the shop to be forgotten, in milliseconds.
const REDACT_AFTER_MS: i64 = 48 * 60 * 60 * 1000;
/// How late that may come and still be about an uninstallation that a reinstallation followed, in milliseconds.
const REDACT_LATE_MS: i64 = 7 * 24 * 60 * 60 * 1000;

impl Store {
    /// Deletes every row of a shop, unless it has been installed again since the uninstallation the delivery is about.
    /// The receipt, in the same step, is all that stays.
    ///
    /// An installed shop counts as installed again when Shopify proved so, or its storefront was seen, less than
    /// 48 hours before; or when an uninstallation is known that the reinstallation followed and that is about as old as
    /// Shopify waits.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is deleted then.
    pub async fn redact_shop(&self, delivery: &Delivery, now: i64) -> Result<Outcome, StoreError> {
        let lock = match self.durable.get_database_backend() {
            DbBackend::Postgres => "FOR UPDATE",
            _ => "",
        };
        let find = format!(
            "SELECT id, CASE WHEN uninstalled_at IS NULL AND (installed_at > $2 OR previous_uninstalled_at > $3 \
             OR (installed_at IS NOT NULL AND storefront_seen_at > $2)) THEN 1 ELSE 0 END AS reinstalled \
             FROM shops WHERE domain = $1 {lock}"
        );
        const DELETE: [&str; 2] =
            ["DELETE FROM shops WHERE domain = $1", "DELETE FROM webhook_deliveries WHERE shop_domain = $1"];
        let transaction = self.begin_durable().await?;
        let uninstalled_by = delivery.happened_at.saturating_sub(REDACT_AFTER_MS);
        let domain = || Value::from(delivery.shop_domain.clone());
        let values = vec![domain(), uninstalled_by.into(), (uninstalled_by - REDACT_LATE_MS).into()];
        let row = transaction.query_one_raw(self.statement(&find, values)).await?;
        let reinstalled = row.as_ref().map(|row| row.try_get::<i32>("", "reinstalled")).transpose()? == Some(1);
        let outcome = match &row {
            None => Outcome::NothingStored,
            Some(_) if reinstalled => Outcome::Reinstalled,
            Some(_) => Outcome::Erased,
        };
        if let Some(row) = row.filter(|_| reinstalled) {
            if !self.settle_delivery(&transaction, delivery, true).await? {
                return Ok(outcome);
            }
            let detail = serde_json::json!({ "outcome": outcome.as_str() });
            let deed = Deed { actor: Actor::Shopify, action: "compliance.shop_redact_refused", detail };
            self.append_deed(&transaction, row.try_get("", "id")?, &deed, now).await?;
        } else {
            for sql in DELETE {
                transaction.execute_raw(self.statement(sql, vec![domain()])).await?;
            }
            if outcome == Outcome::Erased {
                let detail = serde_json::json!({ "shopSha256": domain_digest(&delivery.shop_domain) });
                let deed = Deed { actor: Actor::Shopify, action: "compliance.shop_redacted", detail };
                self.append_to(&transaction, Trail::Service, &deed, now).await?;
            }
        }
        self.put_receipt(&transaction, delivery, "shop/redact", outcome, now).await?;
        transaction.commit().await?;
        Ok(outcome)
    }
}
