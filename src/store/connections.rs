//! The last known status of each connection, for the merchant's overview. Subtotal stays the only authority: nothing is
//! decided by what stands here.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{Store, StoreError};

/// How often a shop's storefront is noted, in milliseconds.
const SEEN_EVERY_MS: i64 = 60_000;
/// How old a connection that events told of must be, in milliseconds, for a list without it to mean that it is gone: the
/// list may have been read before the connection was made.
const LISTED_AFTER_MS: i64 = 60_000;
/// A customer's connections, as Subtotal last listed them.
const SEEN: &str = "SELECT connection_id, retailer_id, status, since FROM connections \
     WHERE shop_id = $1 AND customer_id = $2";
/// A customer's connections, as events told of them.
const TOLD: &str = "SELECT connection_id, status, status_at FROM followed_connections \
     WHERE shop_id = $1 AND status <> '' AND (gone_at IS NULL OR gone_at < status_at) AND connection_id IN \
     (SELECT connection_id FROM followed_connections WHERE shop_id = $1 AND customer_id = $2 \
     UNION SELECT connection_id FROM connections WHERE shop_id = $1 AND customer_id = $2)";

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

/// What is known of one by an earlier list.
struct Seen {
    listed: ListedConnection,
    since: i64,
}

/// What is known of one by events.
struct Told {
    status: String,
    at: i64,
}

impl Store {
    /// Notes what Subtotal listed, writing only what changed. A shop that is gone meanwhile is passed over.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn note_connections(&self, listed: &[ListedConnections], now: i64) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO connections (shop_id, connection_id, customer_id, retailer_id, status, since) \
             SELECT id, $2, $3, $4, $5, CAST($6 AS BIGINT) FROM shops WHERE id = $1 \
             ON CONFLICT (shop_id, connection_id) DO UPDATE SET customer_id = excluded.customer_id, \
             retailer_id = excluded.retailer_id, status = excluded.status, since = excluded.since";
        const DROP: &str = "DELETE FROM connections WHERE shop_id = $1 AND connection_id = $2";
        const GONE: &str = "UPDATE followed_connections SET gone_at = $3 \
             WHERE shop_id = $1 AND connection_id = $2 AND status_at < $3";
        let mut changes = Vec::new();
        for ListedConnections { shop_id, customer_id, connections } in listed {
            let of = || vec![(*shop_id).into(), customer_id.clone().into()];
            let rows = self.db.query_all_raw(self.statement(SEEN, of())).await?;
            let mut seen = rows.iter().map(read_seen).collect::<Result<BTreeMap<_, _>, StoreError>>()?;
            let rows = self.db.query_all_raw(self.statement(TOLD, of())).await?;
            let mut told = rows.iter().map(read_told).collect::<Result<BTreeMap<_, _>, StoreError>>()?;
            for connection in connections {
                let id = || Value::from(connection.connection_id.clone());
                let (seen, told) = (seen.remove(&connection.connection_id), told.remove(&connection.connection_id));
                if let Some(since) = changed(connection, seen.as_ref(), told.as_ref(), now) {
                    let customer = customer_id.clone().into();
                    let (retailer, status) = (connection.retailer_id.clone().into(), connection.status.clone().into());
                    let values = vec![(*shop_id).into(), id(), customer, retailer, status, since.into()];
                    changes.push((*shop_id, connection.connection_id.clone(), PUT, values));
                }
            }
            let of = |id: &String| vec![(*shop_id).into(), id.clone().into()];
            changes.extend(seen.into_keys().map(|id| (*shop_id, id.clone(), DROP, of(&id))));
            let gone = told.into_iter().filter(|(_, told)| now - told.at > LISTED_AFTER_MS);
            changes.extend(gone.map(|(id, _)| (*shop_id, id.clone(), GONE, [of(&id), vec![now.into()]].concat())));
        }
        if changes.is_empty() {
            return Ok(());
        }
        // Processes that note the same at once do it in the same order, so that they wait for each other, not for ever.
        changes.sort_by(|(shop, id, ..), (other_shop, other_id, ..)| (shop, id).cmp(&(other_shop, other_id)));
        let transaction = self.begin_write().await?;
        for (_, _, sql, values) in changes {
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

/// Since when a listed connection has its status, where that is not what is known already.
fn changed(listed: &ListedConnection, seen: Option<&Seen>, told: Option<&Told>, now: i64) -> Option<i64> {
    let seen_at = seen.map_or(i64::MIN, |seen| seen.since);
    // What events told counts where it is newer than the last sighting.
    let told = told.filter(|told| told.at > seen_at);
    match (seen, told) {
        (Some(seen), None) if seen.listed == *listed => None,
        (Some(seen), Some(told)) if seen.listed == *listed && told.status == listed.status => None,
        (_, Some(told)) if told.status == listed.status => Some(told.at),
        _ => Some(now),
    }
}

fn read_seen(row: &QueryResult) -> Result<(String, Seen), StoreError> {
    let id: String = row.try_get("", "connection_id")?;
    let (retailer_id, status) = (row.try_get("", "retailer_id")?, row.try_get("", "status")?);
    let listed = ListedConnection { connection_id: id.clone(), retailer_id, status };
    Ok((id, Seen { listed, since: row.try_get("", "since")? }))
}

fn read_told(row: &QueryResult) -> Result<(String, Told), StoreError> {
    let told = Told { status: row.try_get("", "status")?, at: row.try_get("", "status_at")? };
    Ok((row.try_get("", "connection_id")?, told))
}
