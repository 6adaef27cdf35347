//! Deliveries as the merchant sees them: listed, counted, replayed, and forgotten in the end.

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;
use serde_json::json;

use super::{Actor, Deed, Store, StoreError};
use crate::events::happening::Happening;

/// What of a row is listed.
const LISTED: &str = "id, event_id, destination, kind, connection_id, retailer_id, is_simulated, is_test, state, \
     attempts, happened_at, created_at, due_at, problem";

/// A delivery as the merchant's staff see it: no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDelivery {
    /// Its id, which is also Klaviyo's `unique_id`.
    pub id: String,
    /// Subtotal's id of the event, or `purchase:` and the id of the purchase.
    pub event_id: String,
    /// `klaviyo` or `flow`.
    pub destination: String,
    /// Such as `connected` or `product_purchased`.
    pub kind: String,
    /// A ULID.
    pub connection_id: String,
    /// The retailer's slug.
    pub retailer_id: String,
    /// Made by Subtotal's simulator.
    pub is_simulated: bool,
    /// A test of the merchant's own: nothing happened.
    pub is_test: bool,
    /// `waiting`, `sending`, `delivered`, `failed` (is tried again), `dead` or `skipped`.
    pub state: String,
    /// Tries so far.
    pub attempts: i32,
    /// When it happened, Unix milliseconds.
    pub happened_at: i64,
    /// When it was written, Unix milliseconds.
    pub created_at: i64,
    /// When the next try is, Unix milliseconds.
    pub next_attempt_at: Option<i64>,
    /// What went wrong last.
    pub problem: Option<String>,
}

/// What is stored of a delivery about a customer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedDelivery {
    /// `klaviyo` or `flow`.
    pub destination: String,
    /// Such as `connected` or `product_purchased`.
    pub kind: String,
    /// The retailer's slug.
    pub retailer_id: String,
    /// A ULID.
    pub connection_id: String,
    /// See [`ListedDelivery::state`].
    pub state: String,
    /// When it happened, Unix milliseconds.
    pub happened_at: i64,
    /// What is to be sent; nothing once it was.
    pub held: Option<Happening>,
}

impl Store {
    /// A shop's deliveries, newest first, from after the one at `before` (when it was written, and its id) on; only those
    /// in `state` where it names one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_deliveries(
        &self,
        shop_id: i64,
        state: Option<&str>,
        before: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<ListedDelivery>, StoreError> {
        let in_state = if state.is_some() { "AND state = $5" } else { "" };
        let sql = format!(
            "SELECT {LISTED} FROM deliveries WHERE shop_id = $1 \
             AND (created_at < $2 OR (created_at = $2 AND id < $3)) {in_state} \
             ORDER BY created_at DESC, id DESC LIMIT $4"
        );
        let (at, id) = before.unwrap_or((i64::MAX, ""));
        let mut values: Vec<Value> = vec![shop_id.into(), at.into(), id.into(), i64::from(limit).into()];
        values.extend(state.map(Value::from));
        let rows = self.db.query_all_raw(self.statement(&sql, values)).await?;
        rows.iter().map(read).collect()
    }

    /// One of a shop's deliveries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery(&self, shop_id: i64, id: &str) -> Result<Option<ListedDelivery>, StoreError> {
        let sql = format!("SELECT {LISTED} FROM deliveries WHERE shop_id = $1 AND id = $2");
        let row = self.db.query_one_raw(self.statement(&sql, vec![shop_id.into(), id.into()])).await?;
        row.as_ref().map(read).transpose()
    }

    /// How many deliveries of a shop stand in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery_states(&self, shop_id: i64) -> Result<Vec<(String, i64)>, StoreError> {
        const SQL: &str = "SELECT state, COUNT(*) AS deliveries FROM deliveries WHERE shop_id = $1 \
             GROUP BY state ORDER BY state";
        let rows = self.db.query_all_raw(self.statement(SQL, vec![shop_id.into()])).await?;
        rows.iter().map(|row| Ok((row.try_get("", "state")?, row.try_get("", "deliveries")?))).collect()
    }

    /// Sends again what was given up, was skipped or waits for its next try: one delivery, or every dead one. Its tries
    /// are counted anew. Answers how many, with a line in the audit trail where there were any. `now` is Unix
    /// milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn replay_deliveries(
        &self,
        shop_id: i64,
        only: Option<&str>,
        by: Actor,
        now: i64,
    ) -> Result<u64, StoreError> {
        let which =
            if only.is_some() { "id = $2 AND state IN ('dead', 'skipped', 'failed')" } else { "state = 'dead'" };
        let sql = format!(
            "UPDATE deliveries SET state = 'waiting', attempts = 0, due_at = {clock}, ended_at = NULL \
             WHERE shop_id = $1 AND content IS NOT NULL AND {which}",
            clock = self.clock()
        );
        let mut values: Vec<Value> = vec![shop_id.into()];
        values.extend(only.map(Value::from));
        let transaction = self.begin_write().await?;
        let queued = transaction.execute_raw(self.statement(&sql, values)).await?.rows_affected();
        if queued > 0 {
            let mut detail = json!({ "deliveries": queued });
            if let Some(id) = only {
                detail["delivery"] = id.into();
            }
            let deed = Deed { actor: by, action: "deliveries.replayed", detail };
            self.append_deed(&transaction, shop_id, &deed, now).await?;
        }
        transaction.commit().await?;
        Ok(queued)
    }

    /// Deletes the deliveries about a customer, whatever their state: by the customer's id, and by connections known to
    /// be the customer's. Goes before those connections are forgotten. A test that names no customer may name anybody's
    /// address, so no such one stays while it holds it.
    pub(super) async fn erase_deliveries_of(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        customer: &str,
    ) -> Result<(), StoreError> {
        const SQL: [&str; 3] = [
            "DELETE FROM deliveries WHERE shop_id = $1 AND customer_id = $2",
            "DELETE FROM deliveries WHERE shop_id = $1 AND connection_id IN \
             (SELECT connection_id FROM connections WHERE shop_id = $1 AND customer_id = $2)",
            "DELETE FROM deliveries WHERE shop_id = $1 AND connection_id IN \
             (SELECT connection_id FROM connection_claims WHERE shop_id = $1 AND customer_id = $2 \
             AND connection_id IS NOT NULL)",
        ];
        const TESTS: &str = "DELETE FROM deliveries WHERE shop_id = $1 AND is_test AND customer_id IS NULL \
             AND content IS NOT NULL";
        for sql in SQL {
            db.execute_raw(self.statement(sql, vec![shop_id.into(), customer.into()])).await?;
        }
        db.execute_raw(self.statement(TESTS, vec![shop_id.into()])).await?;
        Ok(())
    }

    /// The deliveries about a customer, with what they still hold.
    pub(super) async fn report_deliveries_of(
        &self,
        shop_id: i64,
        customer: &str,
    ) -> Result<Vec<ReportedDelivery>, StoreError> {
        const SQL: &str = "SELECT id, destination, kind, retailer_id, connection_id, state, happened_at, content \
             FROM deliveries WHERE shop_id = $1 AND (customer_id = $2 OR connection_id IN \
             (SELECT connection_id FROM connections WHERE shop_id = $1 AND customer_id = $2 \
             UNION SELECT connection_id FROM followed_connections WHERE shop_id = $1 AND customer_id = $2)) \
             ORDER BY happened_at, id";
        let rows = self.db.query_all_raw(self.statement(SQL, vec![shop_id.into(), customer.into()])).await?;
        let read = |row: &QueryResult| {
            let (id, content): (String, Option<Vec<u8>>) = (row.try_get("", "id")?, row.try_get("", "content")?);
            Ok(ReportedDelivery {
                destination: row.try_get("", "destination")?,
                kind: row.try_get("", "kind")?,
                retailer_id: row.try_get("", "retailer_id")?,
                connection_id: row.try_get("", "connection_id")?,
                state: row.try_get("", "state")?,
                happened_at: row.try_get("", "happened_at")?,
                held: content.and_then(|sealed| self.open_happening(shop_id, &id, &sealed)),
            })
        };
        rows.iter().map(read).collect()
    }
}

fn read(row: &QueryResult) -> Result<ListedDelivery, StoreError> {
    let state: String = row.try_get("", "state")?;
    let due: Option<i64> = row.try_get("", "due_at")?;
    Ok(ListedDelivery {
        id: row.try_get("", "id")?,
        event_id: row.try_get("", "event_id")?,
        destination: row.try_get("", "destination")?,
        kind: row.try_get("", "kind")?,
        connection_id: row.try_get("", "connection_id")?,
        retailer_id: row.try_get("", "retailer_id")?,
        is_simulated: row.try_get("", "is_simulated")?,
        is_test: row.try_get("", "is_test")?,
        attempts: row.try_get("", "attempts")?,
        happened_at: row.try_get("", "happened_at")?,
        created_at: row.try_get("", "created_at")?,
        next_attempt_at: due.filter(|_| state != "sending"),
        problem: row.try_get("", "problem")?,
        state,
    })
}
