//! How the tries of a delivery ended: the end itself, fenced by the lease, and a row of the try in the same step. What was
//! asked and answered comes in masked.

use std::time::Duration;

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{DueDelivery, Store, StoreError};

/// Tries of a delivery that are kept.
const KEPT: i64 = 20;

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// The destination has it.
    Delivered,
    /// It is tried again after the gap.
    Failed(String, Duration),
    /// It was not this delivery's fault: it is tried again after the gap, and the try does not count.
    Held(String, Duration),
    /// It is given up until somebody replays it.
    Dead(String),
    /// It can not be sent as the merchant wants things sent.
    Skipped(String),
}

/// A try, as it is written down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// When it began, Unix milliseconds.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// What was asked, as JSON text: masked, so that it tells of nobody. `None` where nothing was sent.
    pub request: Option<String>,
    /// What was answered, likewise.
    pub response: Option<String>,
}

/// A try as the merchant's staff see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAttempt {
    /// The try.
    pub tried: Tried,
    /// `delivered`, `failed`, `held`, `dead` or `skipped`.
    pub outcome: String,
    /// What went wrong.
    pub problem: Option<String>,
}

impl DeliveryEnd {
    /// The word it is counted and shown as.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed(..) => "failed",
            Self::Held(..) => "held",
            Self::Dead(_) => "dead",
            Self::Skipped(_) => "skipped",
        }
    }

    /// What went wrong, if anything.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Delivered => None,
            Self::Failed(problem, _) | Self::Held(problem, _) | Self::Dead(problem) | Self::Skipped(problem) => {
                Some(problem)
            }
        }
    }
}

impl Store {
    /// Ends a try, and writes it down. Answers false when it was taken over meanwhile, or its row is gone; nothing is
    /// changed then. An end that a power loss takes back costs a repeat, never an event, so it is not waited for on
    /// SQLite. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn end_delivery(
        &self,
        delivery: &DueDelivery,
        end: &DeliveryEnd,
        tried: &Tried,
        now: i64,
    ) -> Result<bool, StoreError> {
        let transaction = self.begin_write().await?;
        if !self.end_try(&transaction, delivery, end, now).await? {
            return Ok(false);
        }
        self.put_attempt(&transaction, delivery, end, tried).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn end_try(
        &self,
        db: &impl ConnectionTrait,
        delivery: &DueDelivery,
        end: &DeliveryEnd,
        now: i64,
    ) -> Result<bool, StoreError> {
        let (state, gap, counts) = match end {
            DeliveryEnd::Failed(_, gap) => ("failed", Some(gap), 0),
            DeliveryEnd::Held(_, gap) => ("waiting", Some(gap), 1),
            DeliveryEnd::Delivered | DeliveryEnd::Dead(_) | DeliveryEnd::Skipped(_) => (end.outcome(), None, 0),
        };
        let due = if gap.is_some() { format!("{} + $5", self.clock()) } else { "NULL".to_owned() };
        let ended = if gap.is_some() { "NULL" } else { "$5" };
        let sql = format!(
            "UPDATE deliveries SET state = $3, problem = $4, due_at = {due}, ended_at = {ended}, \
             attempts = attempts - $6, content = CASE WHEN $3 = 'delivered' THEN NULL ELSE content END \
             WHERE id = $1 AND fence = $2 AND state = 'sending'"
        );
        let time = gap.map_or(now, |gap| i64::try_from(gap.as_millis()).unwrap_or(i64::MAX));
        let values: Vec<Value> = vec![
            delivery.id.clone().into(),
            delivery.fence.into(),
            state.into(),
            end.problem().into(),
            time.into(),
            counts.into(),
        ];
        Ok(db.execute_raw(self.statement(&sql, values)).await?.rows_affected() == 1)
    }

    async fn put_attempt(
        &self,
        db: &impl ConnectionTrait,
        delivery: &DueDelivery,
        end: &DeliveryEnd,
        tried: &Tried,
    ) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO delivery_attempts \
             (delivery_id, fence, shop_id, at, duration_ms, outcome, problem, request, response) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        const FORGET: &str = "DELETE FROM delivery_attempts WHERE delivery_id = $1 AND fence <= $2";
        let id = || Value::from(delivery.id.clone());
        let values: Vec<Value> = vec![
            id(),
            delivery.fence.into(),
            delivery.shop_id.into(),
            tried.at.into(),
            tried.duration_ms.into(),
            end.outcome().into(),
            end.problem().into(),
            tried.request.clone().into(),
            tried.response.clone().into(),
        ];
        db.execute_raw(self.statement(PUT, values)).await?;
        // Every lease has a fence of its own, so those below are older than the last ones.
        let forgotten = delivery.fence - KEPT;
        if forgotten > 0 {
            db.execute_raw(self.statement(FORGET, vec![id(), forgotten.into()])).await?;
        }
        Ok(())
    }

    /// The last tries of a shop's delivery, in the order they were made in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempts(&self, shop_id: i64, delivery_id: &str) -> Result<Vec<ListedAttempt>, StoreError> {
        const SQL: &str = "SELECT at, duration_ms, outcome, problem, request, response FROM delivery_attempts \
             WHERE shop_id = $1 AND delivery_id = $2 ORDER BY fence";
        let rows = self.db.query_all_raw(self.statement(SQL, vec![shop_id.into(), delivery_id.into()])).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &QueryResult) -> Result<ListedAttempt, StoreError> {
    Ok(ListedAttempt {
        tried: Tried {
            at: row.try_get("", "at")?,
            duration_ms: row.try_get("", "duration_ms")?,
            request: row.try_get("", "request")?,
            response: row.try_get("", "response")?,
        },
        outcome: row.try_get("", "outcome")?,
        problem: row.try_get("", "problem")?,
    })
}
