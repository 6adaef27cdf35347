//! Events from Subtotal as the merchant's staff see them: listed, counted, and tried again once they were given up.

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde_json::json;

use super::{Actor, Deed, Store, StoreError};

/// An event as the merchant's staff see it: ids, and nothing of what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLine {
    /// Subtotal's id, or a digest of the body where it had none.
    pub id: String,
    /// Such as `connection.activated`.
    pub kind: String,
    /// Unix milliseconds.
    pub received_at: i64,
    /// Made by Subtotal's simulator.
    pub is_simulated: bool,
    /// The connection it is about, if any.
    pub connection_id: Option<String>,
    /// The retailer's slug, if the event says so.
    pub retailer_id: Option<String>,
    /// `waiting`, `done`, `ignored`, `unreadable` or `failed`.
    pub state: String,
    /// Tries of ours.
    pub attempts: i32,
    /// Why it is unreadable, or why the last try failed.
    pub problem: Option<String>,
}

impl Store {
    /// A shop's events, newest first, from after the one at `before` (when it came, and its id) on; only those in `state`
    /// where it names one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events(
        &self,
        shop_id: i64,
        state: Option<&str>,
        before: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<EventLine>, StoreError> {
        let mut values: Vec<Value> = vec![shop_id.into(), i64::from(limit).into()];
        let mut more = String::new();
        if let Some((at, id)) = before {
            more.push_str(" AND (received_at, event_id) < ($3, $4)");
            values.extend([at.into(), id.into()]);
        }
        if let Some(state) = state {
            values.push(state.into());
            more.push_str(&format!(" AND state = ${}", values.len()));
        }
        let sql = format!(
            "SELECT event_id, event_type, received_at, is_simulated, connection_id, retailer_id, state, attempts, \
             problem FROM subtotal_events WHERE shop_id = $1{more} ORDER BY received_at DESC, event_id DESC LIMIT $2"
        );
        self.db.query_all_raw(self.statement(&sql, values)).await?.iter().map(read_line).collect()
    }

    /// How many of a shop's events stand in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn event_states(&self, shop_id: i64) -> Result<Vec<(String, i64)>, StoreError> {
        const SQL: &str = "SELECT state, COUNT(*) AS events FROM subtotal_events WHERE shop_id = $1 \
             GROUP BY state ORDER BY state";
        let rows = self.db.query_all_raw(self.statement(SQL, vec![shop_id.into()])).await?;
        rows.iter().map(|row| Ok((row.try_get("", "state")?, row.try_get("", "events")?))).collect()
    }

    /// How many of a shop's purchase histories were given up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failed_histories(&self, shop_id: i64) -> Result<i64, StoreError> {
        const SQL: &str =
            "SELECT COUNT(*) AS histories FROM followed_connections WHERE history = 'failed' AND shop_id = $1";
        let row = self.db.query_one_raw(self.statement(SQL, vec![shop_id.into()])).await?;
        Ok(row.map(|row| row.try_get("", "histories")).transpose()?.unwrap_or_default())
    }

    /// Lets an event that was given up wait again. Answers false when there is none such, or with a line in the audit
    /// trail. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn retry_event(&self, shop_id: i64, id: &str, by: Actor, now: i64) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE subtotal_events SET state = 'waiting', attempts = 0, due_at = {clock} \
             WHERE shop_id = $1 AND event_id = $2 AND state = 'failed'",
            clock = self.clock()
        );
        let transaction = self.begin_write().await?;
        let retried = transaction.execute_raw(self.statement(&sql, vec![shop_id.into(), id.into()])).await?;
        if retried.rows_affected() == 0 {
            return Ok(false);
        }
        let deed = Deed { actor: by, action: "events.retried", detail: json!({ "events": 1, "event": id }) };
        self.append_deed(&transaction, shop_id, &deed, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Lets every event and every purchase history of a shop that was given up go on where it stands. Answers how many
    /// do, with a line in the audit trail where there were any. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn retry_failed(&self, shop_id: i64, by: Actor, now: i64) -> Result<u64, StoreError> {
        let events = "UPDATE subtotal_events SET state = 'waiting', attempts = 0, due_at = {clock} \
             WHERE shop_id = $1 AND state = 'failed'";
        let histories = "UPDATE followed_connections SET history = 'waiting', attempts = 0, due_at = {clock} \
             WHERE shop_id = $1 AND history = 'failed'";
        let transaction = self.begin_write().await?;
        let mut retried = [0; 2];
        for (sql, retried) in [events, histories].into_iter().zip(&mut retried) {
            let sql = sql.replace("{clock}", self.clock());
            *retried = transaction.execute_raw(self.statement(&sql, vec![shop_id.into()])).await?.rows_affected();
        }
        let [events, histories] = retried;
        if events + histories > 0 {
            let detail = json!({ "events": events, "histories": histories });
            let deed = Deed { actor: by, action: "events.retried", detail };
            self.append_deed(&transaction, shop_id, &deed, now).await?;
        }
        transaction.commit().await?;
        Ok(events + histories)
    }
}

fn read_line(row: &QueryResult) -> Result<EventLine, StoreError> {
    Ok(EventLine {
        id: row.try_get("", "event_id")?,
        kind: row.try_get("", "event_type")?,
        received_at: row.try_get("", "received_at")?,
        is_simulated: row.try_get("", "is_simulated")?,
        connection_id: row.try_get("", "connection_id")?,
        retailer_id: row.try_get("", "retailer_id")?,
        state: row.try_get("", "state")?,
        attempts: row.try_get("", "attempts")?,
        problem: row.try_get("", "problem")?,
    })
}
