//! Every connection that is known of, once each: what the storefront saw (`connections`) and what events told
//! (`followed_connections`), the newer of the two where both know one.
//!
//! Each half is read in the order of its own index and left out where the other half is newer, so a page costs about as
//! many rows as it has, however many connections a shop has.

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;

use super::{Store, StoreError};

/// The connections of shop $1 of which the storefront knows the newest; `{and}` narrows them down.
const SEEN: &str = "SELECT c.connection_id, c.customer_id, c.retailer_id, c.status, c.since, \
     COALESCE(f.is_simulated, FALSE) AS is_simulated FROM connections c LEFT JOIN followed_connections f \
     ON f.shop_id = c.shop_id AND f.connection_id = c.connection_id WHERE c.shop_id = $1 \
     AND (f.connection_id IS NULL OR f.status_at <= c.since OR f.gone_at >= f.status_at){and}";
/// Those of which events know the newest.
const TOLD: &str = "SELECT f.connection_id, COALESCE(f.customer_id, c.customer_id) AS customer_id, f.retailer_id, \
     f.status, f.status_at AS since, f.is_simulated FROM followed_connections f LEFT JOIN connections c \
     ON c.shop_id = f.shop_id AND c.connection_id = f.connection_id WHERE f.shop_id = $1 AND f.status <> '' \
     AND (f.gone_at IS NULL OR f.gone_at < f.status_at) AND (c.connection_id IS NULL OR c.since < f.status_at){and}";

/// A connection, as the newest that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownConnection {
    /// A ULID.
    pub connection_id: String,
    /// Shopify's customer id; events do not always say it.
    pub customer_id: Option<String>,
    /// The retailer's slug.
    pub retailer_id: String,
    /// As Subtotal says it.
    pub status: String,
    /// When that status began, as far as is known; Unix milliseconds.
    pub since: i64,
    /// Made by Subtotal's simulator.
    pub is_simulated: bool,
}

/// Which connections are asked for.
#[derive(Debug, Clone, Copy)]
pub struct KnownConnections<'a> {
    /// Only those in this status.
    pub status: Option<&'a str>,
    /// By the time their status began.
    pub order: Order,
    /// Only what follows this one: its time, and its id.
    pub after: Option<(i64, &'a str)>,
    /// How many at most.
    pub limit: u32,
}

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// What began last.
    #[default]
    Newest,
    /// What began first.
    Oldest,
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
    /// A shop's connections.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_connections(
        &self,
        shop_id: i64,
        asked: KnownConnections<'_>,
    ) -> Result<Vec<KnownConnection>, StoreError> {
        let (direction, comparison) = match asked.order {
            Order::Newest => ("DESC", "<"),
            Order::Oldest => ("ASC", ">"),
        };
        let mut values: Vec<Value> = vec![shop_id.into(), i64::from(asked.limit).into()];
        let mut and = String::new();
        if let Some((at, id)) = asked.after {
            and.push_str(&format!(" AND ({{time}}, {{of}}.connection_id) {comparison} ($3, $4)"));
            values.extend([at.into(), id.into()]);
        }
        if let Some(status) = asked.status {
            values.push(status.into());
            and.push_str(&format!(" AND {{of}}.status = ${}", values.len()));
        }
        let half = |select: &str, of: &str, time: &str| {
            let order = format!(" ORDER BY {{time}} {direction}, {{of}}.connection_id {direction} LIMIT $2");
            select.replace("{and}", &(and.clone() + &order)).replace("{time}", time).replace("{of}", of)
        };
        let sql = format!(
            "SELECT * FROM ({}) AS seen UNION ALL SELECT * FROM ({}) AS told \
             ORDER BY since {direction}, connection_id {direction} LIMIT $2",
            half(SEEN, "c", "c.since"),
            half(TOLD, "f", "f.status_at")
        );
        self.db.query_all_raw(self.statement(&sql, values)).await?.iter().map(read).collect()
    }

    /// A customer's connections, by retailer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn known_connections_of(
        &self,
        shop_id: i64,
        customer: &str,
    ) -> Result<Vec<KnownConnection>, StoreError> {
        let sql = format!(
            "SELECT * FROM ({} UNION ALL {}) AS known ORDER BY retailer_id, connection_id",
            SEEN.replace("{and}", " AND c.customer_id = $2"),
            TOLD.replace("{and}", " AND COALESCE(f.customer_id, c.customer_id) = $2")
        );
        let values: Vec<Value> = vec![shop_id.into(), customer.into()];
        self.db.query_all_raw(self.statement(&sql, values)).await?.iter().map(read).collect()
    }

    /// How many connections each retailer has in each status.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn connection_counts(&self, shop_id: i64) -> Result<Vec<ConnectionCount>, StoreError> {
        let sql = format!(
            "SELECT retailer_id, status, COUNT(*) AS connections FROM ({} UNION ALL {}) AS known \
             GROUP BY retailer_id, status ORDER BY retailer_id, status",
            SEEN.replace("{and}", ""),
            TOLD.replace("{and}", "")
        );
        let rows = self.db.query_all_raw(self.statement(&sql, vec![shop_id.into()])).await?;
        let read = |row: &QueryResult| {
            Ok(ConnectionCount {
                retailer_id: row.try_get("", "retailer_id")?,
                status: row.try_get("", "status")?,
                connections: row.try_get("", "connections")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

fn read(row: &QueryResult) -> Result<KnownConnection, StoreError> {
    Ok(KnownConnection {
        connection_id: row.try_get("", "connection_id")?,
        customer_id: row.try_get("", "customer_id")?,
        retailer_id: row.try_get("", "retailer_id")?,
        status: row.try_get("", "status")?,
        since: row.try_get("", "since")?,
        is_simulated: row.try_get("", "is_simulated")?,
    })
}
