//! How far the purchase history of each connection is read. A try reads one page; the cursor is moved when everything on
//! it was told, so a try that is cut short is repeated, and what it told already is not told again.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Value};

use super::{Store, StoreError};
use crate::events::happening::Happening;

/// A connection whose history is leased to this process.
#[derive(Debug, Clone)]
pub struct LeasedHistory {
    /// The shop's id.
    pub shop_id: i64,
    /// The shop's permanent domain.
    pub shop_domain: String,
    /// The connection.
    pub connection_id: String,
    /// Whose it is, as events told.
    pub customer_id: Option<String>,
    /// The last purchase that was told, or `None` at the start.
    pub cursor: Option<String>,
    /// The connection's status, as events told.
    pub status: String,
    /// Made by Subtotal's simulator.
    pub is_simulated: bool,
    /// Which try at this page it is, from 1.
    pub attempt: i32,
    version: i64,
}

/// Where a history stands after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageEnd {
    /// There are older purchases than this one.
    More(String),
    /// That was the last page.
    Done,
    /// It is not to be read any further.
    Stopped,
}

impl Store {
    /// Leases a history that is due to this process, for so many milliseconds. Shops take turns, as in
    /// [`Store::lease_event`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lease_history(&self, after_shop: i64, lease_ms: i64) -> Result<Option<LeasedHistory>, StoreError> {
        let sql = format!(
            "UPDATE followed_connections SET due_at = {clock} + $2, attempts = attempts + 1, version = version + 1 \
             WHERE (shop_id, connection_id) = (SELECT shop_id, connection_id FROM followed_connections \
              WHERE history = 'waiting' AND shop_id > $1 AND due_at <= {clock} \
              ORDER BY shop_id, due_at LIMIT 1 {skip_locked}) \
             AND history = 'waiting' AND due_at <= {clock} RETURNING shop_id, connection_id, customer_id, cursor, \
             status, is_simulated, attempts, version, (SELECT domain FROM shops WHERE id = shop_id) AS shop_domain",
            clock = self.clock(),
            skip_locked = self.skip_locked()
        );
        for after in [after_shop, i64::MIN] {
            // To its end: SQLite gives the row before it commits, and a disk that is full is told only then.
            let rows = self.db.query_all_raw(self.statement(&sql, vec![after.into(), lease_ms.into()])).await?;
            if let Some(row) = rows.first() {
                return read_leased(row).map(Some);
            }
        }
        Ok(None)
    }

    /// Tells of a purchase on a page, unless it was told before. Answers false when the history was taken over, or begun
    /// anew, or erased meanwhile, and changes nothing then.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn tell_purchase(
        &self,
        history: &LeasedHistory,
        happening: &Happening,
        now: i64,
    ) -> Result<bool, StoreError> {
        let lock = match self.db.get_database_backend() {
            DbBackend::Postgres => "FOR UPDATE",
            _ => "",
        };
        let sql = format!(
            "SELECT version FROM followed_connections \
             WHERE shop_id = $1 AND connection_id = $2 AND version = $3 AND history = 'waiting' {lock}"
        );
        let transaction = self.begin_write().await?;
        if transaction.query_one_raw(self.statement(&sql, history.fence())).await?.is_none() {
            return Ok(false);
        }
        self.tell(&transaction, history.shop_id, happening, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Moves on behind a page whose purchases are told, but for `skipped` that could not be read. Answers false when
    /// the history was taken over meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_page(&self, history: &LeasedHistory, end: &PageEnd, skipped: usize) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE followed_connections SET history = $4, cursor = CAST($5 AS TEXT), attempts = 0, \
             skipped = skipped + $6, problem = NULL, due_at = {clock} \
             WHERE shop_id = $1 AND connection_id = $2 AND version = $3 AND history = 'waiting'",
            clock = self.clock()
        );
        let (state, cursor) = match end {
            PageEnd::More(last) => ("waiting", Some(last.as_str())),
            PageEnd::Done => ("done", None),
            PageEnd::Stopped => ("stopped", None),
        };
        let mut values = history.fence();
        values.extend([state.into(), cursor.into(), i32::try_from(skipped).unwrap_or(i32::MAX).into()]);
        Ok(self.db.execute_raw(self.statement(&sql, values)).await?.rows_affected() == 1)
    }

    /// Notes why a try failed, and when the next one is; without a next one the history is given up where it stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fail_history(
        &self,
        history: &LeasedHistory,
        problem: &str,
        next: Option<Duration>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE followed_connections SET problem = $4, due_at = {clock} + $5, history = $6 \
             WHERE shop_id = $1 AND connection_id = $2 AND version = $3 AND history = 'waiting'",
            clock = self.clock()
        );
        let gap = next.map_or(0, |gap| i64::try_from(gap.as_millis()).unwrap_or(i64::MAX));
        let mut values = history.fence();
        let state = if next.is_some() { "waiting" } else { "failed" };
        values.extend([problem.into(), gap.into(), state.into()]);
        self.db.execute_raw(self.statement(&sql, values)).await?;
        Ok(())
    }

    /// Has a history read from its start, in a transaction of more. Whoever reads it just now loses it.
    pub(super) async fn want_history(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        connection: &str,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE followed_connections SET history = 'waiting', cursor = NULL, attempts = 0, skipped = 0, \
             problem = NULL, version = version + 1, due_at = {clock} WHERE shop_id = $1 AND connection_id = $2",
            clock = self.clock()
        );
        db.execute_raw(self.statement(&sql, vec![shop_id.into(), connection.into()])).await?;
        Ok(())
    }
}

impl LeasedHistory {
    fn fence(&self) -> Vec<Value> {
        vec![self.shop_id.into(), self.connection_id.clone().into(), self.version.into()]
    }
}

fn read_leased(row: &QueryResult) -> Result<LeasedHistory, StoreError> {
    Ok(LeasedHistory {
        shop_id: row.try_get("", "shop_id")?,
        shop_domain: row.try_get("", "shop_domain")?,
        connection_id: row.try_get("", "connection_id")?,
        customer_id: row.try_get("", "customer_id")?,
        cursor: row.try_get("", "cursor")?,
        status: row.try_get("", "status")?,
        is_simulated: row.try_get("", "is_simulated")?,
        attempt: row.try_get("", "attempts")?,
        version: row.try_get("", "version")?,
    })
}
