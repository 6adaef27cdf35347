//! Deliveries of something the merchant invented, to see what a tool does with it. Nothing happened: it is no happening,
//! and no connection is followed for it.

use sea_orm::{ConnectionTrait, Value};
use serde_json::json;

use super::deliveries::{NewRow, PRODUCT_PURCHASED, id, kind_of};
use super::{Actor, Deed, Destination, Store, StoreError};
use crate::events::happening::Happening;

/// Something to try a tool with.
#[derive(Debug, Clone)]
pub struct TestDelivery {
    /// The tool.
    pub destination: Destination,
    /// 0 for the event itself, 1 for the item of a purchase.
    pub part: i32,
    /// What is said to have happened; its id is no other one's.
    pub happening: Happening,
}

impl Store {
    /// Writes a delivery to try a tool with, and a line in the audit trail that does not say for whom. Answers its id, or
    /// `None` where nothing is sent: the tool is off or paused. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written then.
    pub async fn put_test_delivery(
        &self,
        shop_id: i64,
        test: &TestDelivery,
        by: Actor,
        now: i64,
    ) -> Result<Option<String>, StoreError> {
        const ON: &str = "SELECT s.domain FROM integrations i JOIN shops s ON s.id = i.shop_id WHERE i.shop_id = $1 \
             AND i.destination = $2 AND i.is_on AND NOT i.is_paused AND s.uninstalled_at IS NULL";
        let TestDelivery { destination, part, happening } = test;
        let transaction = self.begin_write().await?;
        let values: Vec<Value> = vec![shop_id.into(), destination.as_str().into()];
        let Some(row) = transaction.query_one_raw(self.statement(ON, values)).await? else {
            return Ok(None);
        };
        let id = id(&row.try_get::<String>("", "domain")?, &happening.id, *destination, *part);
        let kind = if *part > 0 { PRODUCT_PURCHASED } else { kind_of(happening.kind) };
        let row = NewRow { id: &id, shop_id, destination: *destination, part: *part, kind, is_test: true };
        self.put_delivery(&transaction, &row, happening, now).await?;
        let detail = json!({ "destination": destination.as_str(), "kind": kind, "delivery": id });
        let deed = Deed { actor: by, action: "deliveries.test_sent", detail };
        self.append_deed(&transaction, shop_id, &deed, now).await?;
        transaction.commit().await?;
        Ok(Some(id))
    }
}
