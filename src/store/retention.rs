//! How long what ended is kept: deliveries and Subtotal's events for days of the merchant's choice, what proves something
//! for days of the operator's, the rest for days that are said here. Old rows go a thousand at a time, each lot in a step of its own, so that nobody waits long. Several processes may do it at once.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Value};
use serde_json::json;
use tokio::time::sleep;

use super::{Actor, Deed, Store, StoreError};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How many rows go in one step, and how long others may write before the next one.
const AT_ONCE: u32 = 1000;
const BETWEEN: Duration = Duration::from_millis(20);

/// For how many days an unanswered request for a customer's data is kept: the merchant has 30 to answer it.
const REQUESTS_KEPT_DAYS: i64 = 90;
/// For how many days refusals are counted.
pub(super) const REFUSALS_KEPT_DAYS: i64 = 90;

/// For how many days the operator keeps what proves something; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptDays {
    /// Lines of the audit trails.
    pub audit: Option<u32>,
    /// Receipts of what compliance webhooks led to.
    pub receipts: Option<u32>,
}

/// A table of what ends, and when a row of it did. A row that did not end is not old.
struct Ending {
    table: &'static str,
    key: &'static str,
    ended_at: &'static str,
    and: &'static str,
}

const DELIVERIES: Ending = Ending { table: "deliveries", key: "id", ended_at: "ended_at", and: "ended_at IS NOT NULL" };
const EVENTS: Ending = Ending {
    table: "subtotal_events",
    key: "event_id",
    ended_at: "received_at",
    and: "state IN ('done', 'ignored', 'unreadable', 'failed')",
};

impl Store {
    /// For how many days the shop keeps what ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events_kept_days(&self, shop_id: i64) -> Result<i32, StoreError> {
        const SQL: &str = "SELECT events_kept_days FROM shops WHERE id = $1";
        let row = self.db.query_one_raw(self.statement(SQL, vec![shop_id.into()])).await?;
        Ok(row.ok_or(StoreError::Unreadable("shops"))?.try_get("", "events_kept_days")?)
    }

    /// Keeps what ended for so many days from now on, with a line in the audit trail. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn keep_events_for(&self, shop_id: i64, days: i32, by: Actor, now: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE shops SET events_kept_days = $2 WHERE id = $1";
        let transaction = self.begin_write().await?;
        transaction.execute_raw(self.statement(SQL, vec![shop_id.into(), days.into()])).await?;
        let deed = Deed { actor: by, action: "settings.retention_changed", detail: json!({ "days": days }) };
        self.append_deed(&transaction, shop_id, &deed, now).await?;
        Ok(transaction.commit().await?)
    }

    /// Forgets deliveries that ended longer ago than their shop keeps them, with their tries. Answers how many. `now` is
    /// Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; the lots before stay forgotten.
    pub async fn prune_ended(&self, now: i64) -> Result<u64, StoreError> {
        self.prune(&DELIVERIES, now).await
    }

    /// Forgets Subtotal's events that ended and came longer ago than their shop keeps them. Answers how many. `now` is
    /// Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; the lots before stay forgotten.
    pub async fn prune_events(&self, now: i64) -> Result<u64, StoreError> {
        self.prune(&EVENTS, now).await
    }

    /// Forgets what proves nothing any more: lines of the audit trails, receipts, requests for data that were not answered,
    /// and counts of refusals. Answers how many rows. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; the lots before stay forgotten.
    pub async fn prune_records(&self, kept: KeptDays, now: i64) -> Result<u64, StoreError> {
        let before = |days: i64| now - days * DAY_MS;
        let mut forgotten = 0;
        if let Some(days) = kept.audit {
            forgotten += self.prune_audit(before(i64::from(days)), now).await?;
        }
        if let Some(days) = kept.receipts {
            forgotten += self.prune_older("compliance_receipts", "at", "id", before(i64::from(days))).await?;
        }
        forgotten += self.prune_older("data_requests", "requested_at", "id", before(REQUESTS_KEPT_DAYS)).await?;
        let day = before(REFUSALS_KEPT_DAYS).div_euclid(DAY_MS);
        Ok(forgotten + self.prune_older("refusals", "day", "code", day).await?)
    }

    async fn prune_older(&self, table: &str, at: &str, key: &str, before: i64) -> Result<u64, StoreError> {
        let shop = if table == "compliance_receipts" { "subject" } else { "shop_id" };
        let forget = format!(
            "DELETE FROM {table} WHERE ({shop}, {key}, {at}) IN (SELECT {shop}, {key}, {at} FROM {table} \
             WHERE {at} < $1 LIMIT {AT_ONCE})"
        );
        let mut forgotten = 0;
        loop {
            let turn = self.turn().await?;
            let lot = self.db.execute_raw(self.statement(&forget, vec![before.into()])).await?.rows_affected();
            drop(turn);
            forgotten += lot;
            if lot < u64::from(AT_ONCE) {
                return Ok(forgotten);
            }
            sleep(BETWEEN).await;
        }
    }

    async fn prune(&self, of: &Ending, now: i64) -> Result<u64, StoreError> {
        let Ending { table, key, ended_at, and } = of;
        // A look-up by index for each shop; only those with something old are gone through.
        let shops = format!(
            "SELECT s.id, s.events_kept_days FROM shops s WHERE EXISTS (SELECT 1 FROM {table} WHERE shop_id = s.id \
             AND {ended_at} < CAST($1 AS BIGINT) - CAST(s.events_kept_days AS BIGINT) * {DAY_MS} AND {and})"
        );
        let forget = format!(
            "DELETE FROM {table} WHERE shop_id = $1 AND {key} IN (SELECT {key} FROM {table} WHERE shop_id = $1 \
             AND {ended_at} < $2 AND {and} ORDER BY {ended_at} LIMIT {AT_ONCE} {skip_locked})",
            skip_locked = self.skip_locked()
        );
        let mut forgotten = 0;
        for shop in self.db.query_all_raw(self.statement(&shops, vec![now.into()])).await? {
            let (id, days): (i64, i32) = (shop.try_get("", "id")?, shop.try_get("", "events_kept_days")?);
            loop {
                let values: Vec<Value> = vec![id.into(), (now - i64::from(days) * DAY_MS).into()];
                let lot = self.db.execute_raw(self.statement(&forget, values)).await?.rows_affected();
                forgotten += lot;
                if lot < u64::from(AT_ONCE) {
                    break;
                }
                sleep(BETWEEN).await;
            }
        }
        Ok(forgotten)
    }
}
