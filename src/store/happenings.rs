//! What was told on, once each by its id.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, Value};

use super::subtotal_events::LeasedEvent;
use super::{Store, StoreError};
use crate::events::happening::Happening;
use crate::events::transition::word;

impl Store {
    /// Which of these happenings were told already. At most a page of them is asked for at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn told(&self, shop_id: i64, ids: &[String]) -> Result<BTreeSet<String>, StoreError> {
        if ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let places: Vec<String> = (0..ids.len()).map(|nth| format!("${}", nth + 2)).collect();
        let sql = format!("SELECT id FROM happenings WHERE shop_id = $1 AND id IN ({})", places.join(", "));
        let mut values: Vec<Value> = vec![shop_id.into()];
        values.extend(ids.iter().map(|id| Value::from(id.as_str())));
        let rows = self.db.query_all_raw(self.statement(&sql, values)).await?;
        rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect()
    }

    /// Ends the event of a purchase, in one step with telling of it where that was not done before. Answers false when
    /// the event was taken over meanwhile, and changes nothing then.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn settle_purchase(
        &self,
        event: &LeasedEvent,
        happening: Option<&Happening>,
        now: i64,
    ) -> Result<bool, StoreError> {
        let transaction = self.begin_write().await?;
        if !self.settle_event(&transaction, event, "done").await? {
            return Ok(false);
        }
        if let Some(happening) = happening {
            self.tell(&transaction, event.shop_id, happening, now).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Tells of a happening in a transaction of more, unless it was told before: puts what is due to each destination.
    pub(super) async fn tell(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        happening: &Happening,
        now: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO happenings \
             (shop_id, id, kind, connection_id, customer_id, is_simulated, at, told_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        let values: Vec<Value> = vec![
            shop_id.into(),
            happening.id.clone().into(),
            word(happening.kind).into(),
            happening.connection_id.clone().into(),
            happening.customer_id.clone().into(),
            happening.is_simulated.into(),
            happening.at.into(),
            now.into(),
        ];
        if db.execute_raw(self.statement(SQL, values)).await?.rows_affected() == 1 {
            self.put_deliveries(db, shop_id, happening, now).await?;
        }
        Ok(())
    }
}
