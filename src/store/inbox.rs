//! Deliveries from Shopify, kept once each by their id until what they ask for is done.
//!
//! A delivery is leased to one process at a time, on the database's clock. `attempts` is its fence: whoever was taken
//! over can neither finish it nor fail it. The work holds ids only, and is struck out once it is done or given up.

use std::time::Duration;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;

use super::{Deed, Store, StoreError};
use crate::shopify::ShopDomain;
use crate::visibility::Entry;

/// How long deliveries that ended are kept, in milliseconds: far longer than Shopify repeats them.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// How many of them go in one step.
const PRUNED_AT_ONCE: u64 = 1000;

/// A verified delivery that arrived.
#[derive(Debug, Clone)]
pub struct NewDelivery<'a> {
    /// The same for every attempt of Shopify's.
    pub id: &'a str,
    /// Such as `app/uninstalled`.
    pub topic: &'a str,
    /// Whom it is about.
    pub shop: &'a ShopDomain,
    /// What is to be done, in ids only; `None` for a topic that asks for nothing.
    pub work: Option<String>,
    /// When it happened, Unix milliseconds, where Shopify says so.
    pub triggered_at: Option<i64>,
    /// A redacted customer's e-mail address. It is struck from the shop's lists in the same step, as the work must not
    /// hold it.
    pub strike: Option<&'a Entry>,
}

/// A delivery leased to this process.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The same for every attempt of Shopify's.
    pub id: String,
    /// Whom it is about.
    pub shop_domain: String,
    /// What is to be done.
    pub work: String,
    /// When it happened, or arrived where Shopify does not say; Unix milliseconds.
    pub happened_at: i64,
    /// When it arrived, Unix milliseconds.
    pub received_at: i64,
    /// Which try of ours this is, from 1.
    pub attempt: i32,
}

/// A delivery as the merchant's staff see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryLine {
    /// Unix milliseconds.
    pub received_at: i64,
    /// Such as `app/uninstalled`.
    pub topic: String,
    /// `waiting`, `done`, `ignored` or `dead`.
    pub state: String,
    /// Tries of ours.
    pub attempts: i32,
    /// Why the last try failed, if it did.
    pub problem: Option<String>,
}

impl Store {
    /// Keeps a delivery, so that it survives a power loss. Answers false when it is here already, or was. `now` is
    /// Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept then.
    pub async fn receive(&self, delivery: &NewDelivery<'_>, now: i64) -> Result<bool, StoreError> {
        let sql = format!(
            "INSERT INTO webhook_deliveries \
             (delivery_id, topic, shop_domain, work, triggered_at, received_at, state, next_attempt_at) \
             SELECT $1, $2, $3, $4, CAST($5 AS BIGINT), CAST($6 AS BIGINT), $7, {clock} \
             WHERE NOT EXISTS (SELECT 1 FROM compliance_receipts WHERE id = $1) ON CONFLICT DO NOTHING",
            clock = self.clock()
        );
        let values: Vec<Value> = vec![
            delivery.id.into(),
            delivery.topic.into(),
            delivery.shop.as_str().into(),
            delivery.work.clone().unwrap_or_else(|| "{}".to_owned()).into(),
            // Shopify's clock may be ahead of ours, by which installations are dated.
            delivery.triggered_at.map(|at| at.min(now)).into(),
            now.into(),
            if delivery.work.is_some() { "waiting" } else { "ignored" }.into(),
        ];
        let transaction = self.begin_durable().await?;
        let kept = transaction.execute_raw(self.statement(&sql, values)).await?.rows_affected() == 1;
        if let Some(entry) = delivery.strike.filter(|_| kept) {
            self.strike_entry(&transaction, delivery.shop, entry, now).await?;
        }
        transaction.commit().await?;
        Ok(kept)
    }

    /// Leases the delivery that has been due longest to this process, for so many milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lease_delivery(&self, lease_ms: i64) -> Result<Option<Delivery>, StoreError> {
        let sql = format!(
            "UPDATE webhook_deliveries SET lease_until = {clock} + $1, attempts = attempts + 1 WHERE delivery_id = \
             (SELECT delivery_id FROM webhook_deliveries WHERE state = 'waiting' AND next_attempt_at <= {clock} \
              AND lease_until <= {clock} ORDER BY next_attempt_at LIMIT 1 {skip_locked}) \
             AND state = 'waiting' AND lease_until <= {clock} RETURNING delivery_id, shop_domain, work, attempts, \
             received_at, COALESCE(triggered_at, received_at) AS happened_at",
            clock = self.clock(),
            skip_locked = self.skip_locked()
        );
        // To its end: SQLite gives the row before it commits, and a disk that is full is told only then.
        let rows = self.durable.query_all_raw(self.statement(&sql, vec![lease_ms.into()])).await?;
        rows.first().map(read_delivery).transpose()
    }

    /// Ends a delivery whose work is done, with its line in the audit trail of shop `shop_id`. Without a shop the row
    /// goes too, so that nothing is left of a shop that is gone. Answers false when it was taken over meanwhile, and
    /// changes nothing then.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn finish_delivery(
        &self,
        delivery: &Delivery,
        shop_id: Option<i64>,
        deed: Option<&Deed>,
        now: i64,
    ) -> Result<bool, StoreError> {
        let transaction = self.begin_durable().await?;
        if !self.settle_delivery(&transaction, delivery, shop_id.is_some()).await? {
            return Ok(false);
        }
        if let (Some(shop_id), Some(deed)) = (shop_id, deed) {
            self.append_deed(&transaction, shop_id, deed, now).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Notes why a try failed, and when the next one is; without a next one the delivery is given up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fail_delivery(
        &self,
        delivery: &Delivery,
        problem: &str,
        next: Option<Duration>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE webhook_deliveries SET lease_until = 0, problem = $3, next_attempt_at = {clock} + $4, \
             state = $5, work = CASE WHEN $5 = 'dead' THEN '{{}}' ELSE work END \
             WHERE delivery_id = $1 AND attempts = $2 AND state = 'waiting'",
            clock = self.clock()
        );
        let gap = next.map_or(0, |gap| i64::try_from(gap.as_millis()).unwrap_or(i64::MAX));
        let state = if next.is_some() { "waiting" } else { "dead" };
        let values: Vec<Value> =
            vec![delivery.id.clone().into(), delivery.attempt.into(), problem.into(), gap.into(), state.into()];
        self.durable.execute_raw(self.statement(&sql, values)).await?;
        Ok(())
    }

    /// Deliveries for a shop, newest first, from before `before` (Unix milliseconds) on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries(
        &self,
        shop: &ShopDomain,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<DeliveryLine>, StoreError> {
        const SQL: &str = "SELECT received_at, topic, state, attempts, problem FROM webhook_deliveries \
             WHERE shop_domain = $1 AND received_at < $2 ORDER BY received_at DESC, delivery_id LIMIT $3";
        let values: Vec<Value> = vec![shop.as_str().into(), before.unwrap_or(i64::MAX).into(), i64::from(limit).into()];
        let rows = self.db.query_all_raw(self.statement(SQL, values)).await?;
        let read = |row: &QueryResult| {
            Ok(DeliveryLine {
                received_at: row.try_get("", "received_at")?,
                topic: row.try_get("", "topic")?,
                state: row.try_get("", "state")?,
                attempts: row.try_get("", "attempts")?,
                problem: row.try_get("", "problem")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// How many deliveries for a shop stand in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery_counts(&self, shop: &ShopDomain) -> Result<Vec<(String, i64)>, StoreError> {
        const SQL: &str = "SELECT state, COUNT(*) AS deliveries FROM webhook_deliveries WHERE shop_domain = $1 \
             GROUP BY state ORDER BY state";
        let rows = self.db.query_all_raw(self.statement(SQL, vec![shop.as_str().into()])).await?;
        rows.iter().map(|row| Ok((row.try_get("", "state")?, row.try_get("", "deliveries")?))).collect()
    }

    /// Forgets deliveries that ended a month ago, some at a time, beside other processes. Answers how many.
    ///
    /// # Errors
    /// [`StoreError`]; those before stay forgotten.
    pub async fn prune_deliveries(&self, now: i64) -> Result<u64, StoreError> {
        let sql = format!(
            "DELETE FROM webhook_deliveries WHERE delivery_id IN (SELECT delivery_id FROM webhook_deliveries \
             WHERE state <> 'waiting' AND received_at < $1 LIMIT {PRUNED_AT_ONCE} {})",
            self.skip_locked()
        );
        let mut forgotten = 0;
        loop {
            let statement = self.statement(&sql, vec![(now - KEPT_MS).into()]);
            let lot = self.db.execute_raw(statement).await?.rows_affected();
            forgotten += lot;
            if lot < PRUNED_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }

    /// Ends a delivery in a transaction of more; without `keep` its row goes.
    pub(super) async fn settle_delivery(
        &self,
        db: &impl ConnectionTrait,
        delivery: &Delivery,
        keep: bool,
    ) -> Result<bool, StoreError> {
        const END: &str = "UPDATE webhook_deliveries SET state = 'done', work = '{}', problem = NULL, lease_until = 0 \
             WHERE delivery_id = $1 AND attempts = $2 AND state = 'waiting'";
        const DROP: &str =
            "DELETE FROM webhook_deliveries WHERE delivery_id = $1 AND attempts = $2 AND state = 'waiting'";
        let values: Vec<Value> = vec![delivery.id.clone().into(), delivery.attempt.into()];
        let sql = if keep { END } else { DROP };
        Ok(db.execute_raw(self.statement(sql, values)).await?.rows_affected() == 1)
    }
}

fn read_delivery(row: &QueryResult) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.try_get("", "delivery_id")?,
        shop_domain: row.try_get("", "shop_domain")?,
        work: row.try_get("", "work")?,
        happened_at: row.try_get("", "happened_at")?,
        received_at: row.try_get("", "received_at")?,
        attempt: row.try_get("", "attempts")?,
    })
}
