//! The last known status of each connection, for the merchant's overview. Subtotal stays the only authority: nothing is
//! decided by what stands here.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;

use super::{Store, StoreError};

/// How often a shop's storefront is noted, in milliseconds.
const SEEN_EVERY_MS: i64 = 60_000;

/// A customer's connections, as Subtotal listed them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedConnections {
    /// The shop's id.
    pub shop_id: i64,
    /// Shopify's customer id.
    pub customer_id: String,
    /// Every one of them.
    pub connections: Vec<ListedConnection>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedConnection {
    /// A ULID.
    pub connection_id: String,
    /// The retailer's slug.
    pub retailer_id: String,
    /// As Subtotal says it.
    pub status: String,
}

/// How many connections of a retailer have a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionCount {
    /// The retailer's slug.
    pub retailer_id: String,
    /// As Subtotal says it.
    pub status: String,
    /// At least 1.
    pub connections: i64,
}

impl Store {
    /// Notes what Subtotal listed, writing only what changed. A shop that is gone meanwhile is passed over.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn note_connections(&self, listed: &[ListedConnections], now: i64) -> Result<(), StoreError> {
        const KNOWN: &str = "SELECT connection_id, retailer_id, status FROM connections \
             WHERE shop_id = $1 AND customer_id = $2";
        const PUT: &str = "INSERT INTO connections (shop_id, connection_id, customer_id, retailer_id, status, since) \
             SELECT id, $2, $3, $4, $5, CAST($6 AS BIGINT) FROM shops WHERE id = $1 \
             ON CONFLICT (shop_id, connection_id) DO UPDATE SET customer_id = excluded.customer_id, \
             retailer_id = excluded.retailer_id, status = excluded.status, since = excluded.since";
        const DROP: &str = "DELETE FROM connections WHERE shop_id = $1 AND connection_id = $2";
        let mut changes = Vec::new();
        for ListedConnections { shop_id, customer_id, connections } in listed {
            let of = vec![(*shop_id).into(), customer_id.clone().into()];
            let rows = self.db.query_all_raw(self.statement(KNOWN, of)).await?;
            let mut known = rows.iter().map(read_known).collect::<Result<BTreeMap<_, _>, StoreError>>()?;
            for connection in connections {
                let id = || Value::from(connection.connection_id.clone());
                if known.remove(&connection.connection_id).as_ref() != Some(connection) {
                    let customer = customer_id.clone().into();
                    let (retailer, status) = (connection.retailer_id.clone().into(), connection.status.clone().into());
                    changes.push((PUT, vec![(*shop_id).into(), id(), customer, retailer, status, now.into()]));
                }
            }
            changes.extend(known.into_keys().map(|id| (DROP, vec![(*shop_id).into(), id.into()])));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let transaction = self.begin_write().await?;
        for (sql, values) in changes {
            transaction.execute_raw(self.statement(sql, values)).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Notes that a shop's storefront asked something; at most once a minute that is written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_storefront(&self, shop_id: i64, now: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE shops SET storefront_seen_at = $2 \
             WHERE id = $1 AND COALESCE(storefront_seen_at, 0) <= $3";
        let values: Vec<Value> = vec![shop_id.into(), now.into(), (now - SEEN_EVERY_MS).into()];
        self.db.execute_raw(self.statement(SQL, values)).await?;
        Ok(())
    }

    /// When the shop's storefront last asked something, to the minute; Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn storefront_seen_at(&self, shop_id: i64) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT storefront_seen_at FROM shops WHERE id = $1";
        let row = self.db.query_one_raw(self.statement(SQL, vec![shop_id.into()])).await?;
        Ok(row.map(|row| row.try_get("", "storefront_seen_at")).transpose()?.flatten())
    }

    /// How many connections each retailer has in each status.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn connection_counts(&self, shop_id: i64) -> Result<Vec<ConnectionCount>, StoreError> {
        const SQL: &str = "SELECT retailer_id, status, COUNT(*) AS connections FROM connections WHERE shop_id = $1 \
             GROUP BY retailer_id, status ORDER BY retailer_id, status";
        let rows = self.db.query_all_raw(self.statement(SQL, vec![shop_id.into()])).await?;
        let read = |row: &QueryResult| {
            Ok(ConnectionCount {
                retailer_id: row.try_get("", "retailer_id")?,
                status: row.try_get("", "status")?,
                connections: row.try_get("", "connections")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Whether the customer ever linked anything through this service, as far as it knows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_connections(&self, shop_id: i64, customer: &str) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM connections WHERE shop_id = $1 AND customer_id = $2 UNION ALL \
             SELECT 1 FROM connection_claims WHERE shop_id = $1 AND customer_id = $2 LIMIT 1";
        let values: Vec<Value> = vec![shop_id.into(), customer.into()];
        Ok(self.db.query_one_raw(self.statement(SQL, values)).await?.is_some())
    }
}

fn read_known(row: &QueryResult) -> Result<(String, ListedConnection), StoreError> {
    let id: String = row.try_get("", "connection_id")?;
    let (retailer_id, status) = (row.try_get("", "retailer_id")?, row.try_get("", "status")?);
    Ok((id.clone(), ListedConnection { connection_id: id, retailer_id, status }))
}
