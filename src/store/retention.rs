//! How long a shop keeps what ended: its deliveries and Subtotal's events, in days of the merchant's choice. Old rows go a
//! thousand at a time, each lot in a step of its own, so that nobody waits long. Several processes may do it at once.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Value};
use serde_json::json;
use tokio::time::sleep;

use super::{Actor, Deed, Store, StoreError};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How many rows go in one step, and how long others may write before the next one.
const AT_ONCE: u32 = 1000;
const BETWEEN: Duration = Duration::from_millis(20);

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
