//! How often shoppers' requests were refused: counted by shop, problem code and day. No shopper is named.

use sea_orm::{ConnectionTrait, Value};

use super::retention::REFUSALS_KEPT_DAYS;
use super::{Store, StoreError};
use crate::shopify::ShopDomain;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Refusals to be added to what is counted already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefusals {
    /// The verified domain.
    pub shop: ShopDomain,
    /// The problem's code.
    pub code: &'static str,
    /// How many.
    pub count: i64,
    /// The last of them, Unix milliseconds.
    pub last_at: i64,
}

/// What was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The problem's code.
    pub code: String,
    /// How many.
    pub count: i64,
    /// The last of them, Unix milliseconds.
    pub last_at: i64,
}

impl Store {
    /// Adds counts, all or none. A shop that is not known here is left out; days long past go.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing is counted then.
    pub async fn add_refusals(&self, new: &[NewRefusals]) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO refusals (shop_id, code, day, count, last_at) \
             SELECT id, $2, $3, $4, $5 FROM shops WHERE domain = $1 \
             ON CONFLICT (shop_id, code, day) DO UPDATE SET count = refusals.count + excluded.count, \
             last_at = CASE WHEN excluded.last_at > refusals.last_at THEN excluded.last_at ELSE refusals.last_at END";
        const FORGET: &str = "DELETE FROM refusals WHERE shop_id = (SELECT id FROM shops WHERE domain = $1) \
             AND code = $2 AND day < $3";
        // Processes that count the same at once do it in the same order, so that they wait for each other, not for ever.
        let mut new: Vec<&NewRefusals> = new.iter().collect();
        new.sort_unstable_by_key(|refusals| (refusals.shop.as_str(), refusals.code));
        let transaction = self.begin_write().await?;
        for NewRefusals { shop, code, count, last_at } in new {
            let (shop, day) = (shop.as_str(), last_at.div_euclid(DAY_MS));
            let values: Vec<Value> = vec![shop.into(), (*code).into(), day.into(), (*count).into(), (*last_at).into()];
            transaction.execute_raw(self.statement(ADD, values)).await?;
            let values: Vec<Value> = vec![shop.into(), (*code).into(), (day - REFUSALS_KEPT_DAYS).into()];
            transaction.execute_raw(self.statement(FORGET, values)).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The shop's refusals of the last `days` days, today among them, by code, the latest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn refusals(&self, shop_id: i64, days: i64, now: i64) -> Result<Vec<Refusal>, StoreError> {
        const SQL: &str = "SELECT code, CAST(SUM(count) AS BIGINT) AS total, MAX(last_at) AS latest FROM refusals \
             WHERE shop_id = $1 AND day > $2 GROUP BY code ORDER BY latest DESC, code";
        let values: Vec<Value> = vec![shop_id.into(), (now.div_euclid(DAY_MS) - days).into()];
        let rows = self.db.query_all_raw(self.statement(SQL, values)).await?;
        rows.iter()
            .map(|row| {
                Ok(Refusal {
                    code: row.try_get("", "code")?,
                    count: row.try_get("", "total")?,
                    last_at: row.try_get("", "latest")?,
                })
            })
            .collect()
    }
}
