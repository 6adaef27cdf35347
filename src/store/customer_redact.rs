//! Forgetting a customer.

use sea_orm::{ConnectionTrait, Value};

use super::inbox::Delivery;
use super::subtotal_events::connection_digest;
use super::{Actor, Deed, Outcome, Store, StoreError};
use crate::shopify::ShopDomain;
use crate::visibility::Entry;

impl Store {
    /// Deletes what is stored of a customer, and strikes the customer from work that waits or was done. The delivery
    /// `but` keeps its work.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is deleted then.
    pub async fn erase_customer(
        &self,
        shop_id: i64,
        shop: &ShopDomain,
        customer: &str,
        but: &Delivery,
    ) -> Result<(), StoreError> {
        let transaction = self.begin_durable().await?;
        self.erase_customer_in(&transaction, shop_id, shop, customer, but).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes in nothing more of a connection, because its customer is redacted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shut_connection(&self, shop_id: i64, connection: &str) -> Result<(), StoreError> {
        self.shut(&self.db, shop_id, connection).await
    }

    /// Ends a customer's redaction in one step: what came in meanwhile is deleted too, and the delivery, its line in
    /// the audit trail and its receipt are written. Answers false when the delivery was taken over meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn finish_customer_redact(
        &self,
        delivery: &Delivery,
        shop_id: i64,
        shop: &ShopDomain,
        customer: &str,
        outcome: Outcome,
        now: i64,
    ) -> Result<bool, StoreError> {
        let transaction = self.begin_durable().await?;
        self.erase_customer_in(&transaction, shop_id, shop, customer, delivery).await?;
        if !self.settle_delivery(&transaction, delivery, true).await? {
            return Ok(false);
        }
        let detail = serde_json::json!({ "outcome": outcome.as_str() });
        let deed = Deed { actor: Actor::Shopify, action: "compliance.customer_redacted", detail };
        self.append_deed(&transaction, shop_id, &deed, now).await?;
        self.put_receipt(&transaction, delivery, "customers/redact", outcome, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Strikes an e-mail address from every list of a shop.
    pub(super) async fn strike_entry(
        &self,
        db: &impl ConnectionTrait,
        shop: &ShopDomain,
        entry: &Entry,
        now: i64,
    ) -> Result<(), StoreError> {
        const LISTS: &str = "SELECT l.id, l.shop_id, l.generation FROM visibility_lists l \
             JOIN shops s ON s.id = l.shop_id WHERE s.domain = $1 ORDER BY l.id";
        const STRIKE: &str = "DELETE FROM visibility_entries WHERE list_id = $1 AND value = $2 RETURNING generation";
        const COUNT: &str = "UPDATE visibility_lists SET version = version + 1, entry_count = entry_count - 1, \
             updated_at = $2 WHERE id = $1";
        let mut lists = 0;
        let mut of = None;
        for row in db.query_all_raw(self.statement(LISTS, vec![shop.as_str().into()])).await? {
            let (id, generation): (i64, i64) = (row.try_get("", "id")?, row.try_get("", "generation")?);
            let struck = db.query_all_raw(self.statement(STRIKE, vec![id.into(), entry.as_str().into()])).await?;
            for row in struck {
                if row.try_get::<i64>("", "generation")? == generation {
                    db.execute_raw(self.statement(COUNT, vec![id.into(), now.into()])).await?;
                    lists += 1;
                }
            }
            of = Some(row.try_get::<i64>("", "shop_id")?);
        }
        if let Some(shop_id) = of.filter(|_| lists > 0) {
            let detail = serde_json::json!({ "lists": lists });
            let deed = Deed { actor: Actor::Shopify, action: "rules.customer_struck", detail };
            self.append_deed(db, shop_id, &deed, now).await?;
        }
        Ok(())
    }

    async fn shut(&self, db: &impl ConnectionTrait, shop_id: i64, connection: &str) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO erased_connections (shop_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let values: Vec<Value> = vec![shop_id.into(), connection_digest(shop_id, connection).into()];
        db.execute_raw(self.statement(SQL, values)).await?;
        Ok(())
    }

    /// Deletes what events told of a customer, and takes in nothing more of the connections: disconnecting them makes
    /// Subtotal tell once more. An event that could not be read may be about anybody, so no body of one stays.
    async fn erase_events_of(&self, db: &impl ConnectionTrait, shop_id: i64, customer: &str) -> Result<(), StoreError> {
        const CONNECTIONS: &str = "SELECT connection_id FROM followed_connections WHERE shop_id = $1 AND customer_id = $2 \
             UNION SELECT connection_id FROM connections WHERE shop_id = $1 AND customer_id = $2 \
             UNION SELECT connection_id FROM subtotal_events WHERE shop_id = $1 AND customer_id = $2 \
             UNION SELECT connection_id FROM happenings WHERE shop_id = $1 AND customer_id = $2 \
             UNION SELECT connection_id FROM connection_claims WHERE shop_id = $1 AND customer_id = $2";
        const UNREADABLE: &str = "UPDATE subtotal_events SET sealed = NULL WHERE shop_id = $1 AND state = 'unreadable'";
        let of = || vec![Value::from(shop_id), Value::from(customer)];
        for row in db.query_all_raw(self.statement(CONNECTIONS, of())).await? {
            let Some(connection) = row.try_get::<Option<String>>("", "connection_id")? else { continue };
            self.shut(db, shop_id, &connection).await?;
            // What is being worked on just now is waited for, by its row in one of the first two.
            for table in ["subtotal_events", "followed_connections", "connection_notices", "happenings", "deliveries"] {
                let sql = format!("DELETE FROM {table} WHERE shop_id = $1 AND connection_id = $2");
                let values = vec![shop_id.into(), connection.clone().into()];
                db.execute_raw(self.statement(&sql, values)).await?;
            }
        }
        db.execute_raw(self.statement("DELETE FROM subtotal_events WHERE shop_id = $1 AND customer_id = $2", of()))
            .await?;
        db.execute_raw(self.statement(UNREADABLE, vec![shop_id.into()])).await?;
        Ok(())
    }

    async fn erase_customer_in(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        shop: &ShopDomain,
        customer: &str,
        but: &Delivery,
    ) -> Result<(), StoreError> {
        const WORK: &str = "UPDATE webhook_deliveries SET work = '{}', state = 'done', lease_until = 0 \
             WHERE shop_domain = $1 AND work LIKE $2 AND delivery_id <> $3";
        self.erase_events_of(db, shop_id, customer).await?;
        self.erase_deliveries_of(db, shop_id, customer).await?;
        for table in ["connection_claims", "connections", "data_requests"] {
            let sql = format!("DELETE FROM {table} WHERE shop_id = $1 AND customer_id = $2");
            db.execute_raw(self.statement(&sql, vec![shop_id.into(), customer.into()])).await?;
        }
        let named = format!("%\"customer\":\"{customer}\"%");
        let values: Vec<Value> = vec![shop.as_str().into(), named.into(), but.id.clone().into()];
        db.execute_raw(self.statement(WORK, values)).await?;
        Ok(())
    }
}
