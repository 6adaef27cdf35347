//! Forgetting a whole shop.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, Value};

use super::audit::Trail;
use super::inbox::Delivery;
use super::shops::domain_digest;
use super::{Actor, Deed, Outcome, Store, StoreError};
use crate::shopify::ShopDomain;

/// How long after an uninstallation Shopify asks for the shop to be forgotten, in milliseconds.
const REDACT_AFTER_MS: i64 = 48 * 60 * 60 * 1000;
/// How late that may come and still be about an uninstallation that a reinstallation followed, in milliseconds.
const REDACT_LATE_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What deletes every row of a shop; what belongs to a row of `shops` goes with it.
const DELETE: [(&str, &str); 2] = [
    ("shops", "DELETE FROM shops WHERE domain = $1"),
    ("webhook_deliveries", "DELETE FROM webhook_deliveries WHERE shop_domain = $1"),
];

impl Store {
    /// Deletes every row of a shop at an operator's wish, installed or not. What stays is a line in the installation's
    /// own trail, which names the shop by a digest, and receipts. Answers how many rows of each table went; nothing when
    /// there were none. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is deleted then.
    pub async fn erase_shop(
        &self,
        domain: &ShopDomain,
        by: Actor,
        now: i64,
    ) -> Result<BTreeMap<&'static str, i64>, StoreError> {
        let transaction = self.begin_durable().await?;
        let mut rows = self.count_rows(&transaction, domain).await?;
        // A receipt names nobody.
        rows.retain(|table, rows| *rows > 0 && *table != "compliance_receipts");
        for (_, sql) in DELETE {
            transaction.execute_raw(self.statement(sql, vec![domain.as_str().into()])).await?;
        }
        if !rows.is_empty() {
            let detail = serde_json::json!({ "shopSha256": domain_digest(domain.as_str()) });
            let deed = Deed { actor: by, action: "shop.erased", detail };
            self.append_to(&transaction, Trail::Service, &deed, now).await?;
        }
        transaction.commit().await?;
        Ok(rows)
    }

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
        let transaction = self.begin_long().await?;
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
            for (_, sql) in DELETE {
                transaction.execute_raw(self.statement(sql, vec![domain()])).await?;
            }
            if outcome == Outcome::Erased {
                let detail = serde_json::json!({ "shopSha256": domain_digest(&delivery.shop_domain) });
                let deed = Deed { actor: Actor::Shopify, action: "compliance.shop_redacted", detail };
                self.append_to(&transaction, Trail::Service, &deed, now).await?;
                self.announce_domain(&transaction, &delivery.shop_domain).await?;
            }
        }
        self.put_receipt(&transaction, delivery, "shop/redact", outcome, now).await?;
        transaction.commit().await?;
        Ok(outcome)
    }
}
