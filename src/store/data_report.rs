//! What is stored about a customer, and the requests of customers who want to know.

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;

use super::{KnownConnection, ReportedDelivery, Store, StoreError};
use crate::visibility::{Scope, ShopperEmail};

/// What is stored about a customer, for the answer to a request for data. Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataReport {
    /// Shopify's customer id.
    pub customer_id: String,
    /// Known connections to retailers.
    pub connections: Vec<ReportedConnection>,
    /// Connections this service created, or tried to.
    pub creations: Vec<ReportedCreation>,
    /// Requests for this customer's data.
    pub data_requests: Vec<ReportedRequest>,
    /// Events from Subtotal that are about the customer.
    pub events: Vec<ReportedEvent>,
    /// What was told on to the merchant's tools.
    pub happenings: Vec<ReportedHappening>,
    /// What the merchant's tools were told, or are to be told.
    pub deliveries: Vec<ReportedDelivery>,
    /// The visibility lists in which the customer's e-mail address stands: `global`, or a retailer's slug.
    pub visibility_lists: Vec<String>,
}

/// A known connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedConnection {
    /// A ULID.
    pub connection_id: String,
    /// The retailer's slug.
    pub retailer_id: String,
    /// As Subtotal last said it.
    pub status: String,
    /// Since when it is known to have that status.
    pub since: i64,
}

/// A creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedCreation {
    /// The retailer's slug.
    pub retailer_id: String,
    /// `pending`, `created` or `failed`.
    pub state: String,
    /// The connection that was created.
    pub connection_id: Option<String>,
}

/// An event from Subtotal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedEvent {
    /// Subtotal's id.
    pub id: String,
    /// Such as `connection.activated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it came.
    pub received_at: i64,
    /// `waiting`, `done`, `ignored` or `failed`.
    pub state: String,
}

/// Something that was told on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedHappening {
    /// Subtotal's id of the event, or `purchase:` and that of the purchase.
    pub id: String,
    /// Such as `connected` or `purchased`.
    pub kind: String,
    /// The connection it is about.
    pub connection_id: String,
    /// When it happened.
    pub at: i64,
}

/// A request for data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedRequest {
    /// Shopify's id of the request.
    pub id: String,
    /// Whose data.
    pub customer_id: String,
    /// When.
    pub requested_at: i64,
}

impl Store {
    /// The shop's open requests for customers' data, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn data_requests(&self, shop_id: i64) -> Result<Vec<ReportedRequest>, StoreError> {
        const SQL: &str = "SELECT id, customer_id, requested_at FROM data_requests WHERE shop_id = $1 \
             ORDER BY requested_at DESC, id";
        let rows = self.db.query_all_raw(self.statement(SQL, vec![shop_id.into()])).await?;
        rows.iter().map(read_request).collect()
    }

    /// What is stored about a customer. `email` is the customer's address as Shopify gives it, if it does: no address
    /// is stored by customer, but the merchant's lists may hold it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn data_report(
        &self,
        shop_id: i64,
        customer: &str,
        email: Option<&ShopperEmail>,
    ) -> Result<DataReport, StoreError> {
        const CREATIONS: &str = "SELECT retailer_id, state, connection_id FROM connection_claims \
             WHERE shop_id = $1 AND customer_id = $2 ORDER BY retailer_id";
        const REQUESTS: &str = "SELECT id, customer_id, requested_at FROM data_requests \
             WHERE shop_id = $1 AND customer_id = $2 ORDER BY requested_at, id";
        const LISTS: &str = "SELECT l.retailer_id FROM visibility_lists l JOIN visibility_entries e \
             ON e.list_id = l.id AND e.generation = l.generation WHERE l.shop_id = $1 AND e.value = $2 \
             ORDER BY l.retailer_id";
        const EVENTS: &str = "SELECT event_id, event_type, received_at, state FROM subtotal_events \
             WHERE shop_id = $1 AND (customer_id = $2 OR connection_id IN (SELECT connection_id \
             FROM followed_connections WHERE shop_id = $1 AND customer_id = $2)) ORDER BY received_at, event_id";
        const HAPPENINGS: &str = "SELECT id, kind, connection_id, at FROM happenings \
             WHERE shop_id = $1 AND (customer_id = $2 OR connection_id IN (SELECT connection_id \
             FROM followed_connections WHERE shop_id = $1 AND customer_id = $2)) ORDER BY at, id";
        let about = |value: &str| -> Vec<Value> { vec![shop_id.into(), value.into()] };
        let connections = self.known_connections_of(shop_id, customer).await?;
        let creations = self.db.query_all_raw(self.statement(CREATIONS, about(customer))).await?;
        let requests = self.db.query_all_raw(self.statement(REQUESTS, about(customer))).await?;
        let events = self.db.query_all_raw(self.statement(EVENTS, about(customer))).await?;
        let happenings = self.db.query_all_raw(self.statement(HAPPENINGS, about(customer))).await?;
        let address = email.map_or("", ShopperEmail::as_address_entry);
        let lists = self.db.query_all_raw(self.statement(LISTS, about(address))).await?;
        Ok(DataReport {
            customer_id: customer.to_owned(),
            connections: connections.into_iter().map(ReportedConnection::from).collect(),
            creations: creations.iter().map(read_creation).collect::<Result<_, StoreError>>()?,
            data_requests: requests.iter().map(read_request).collect::<Result<_, StoreError>>()?,
            events: events.iter().map(read_event).collect::<Result<_, StoreError>>()?,
            happenings: happenings.iter().map(read_happening).collect::<Result<_, StoreError>>()?,
            deliveries: self.report_deliveries_of(shop_id, customer).await?,
            visibility_lists: lists.iter().map(read_list).collect::<Result<_, StoreError>>()?,
        })
    }
}

impl From<KnownConnection> for ReportedConnection {
    fn from(known: KnownConnection) -> Self {
        Self {
            connection_id: known.connection_id,
            retailer_id: known.retailer_id,
            status: known.status,
            since: known.since,
        }
    }
}

fn read_creation(row: &QueryResult) -> Result<ReportedCreation, StoreError> {
    Ok(ReportedCreation {
        retailer_id: row.try_get("", "retailer_id")?,
        state: row.try_get("", "state")?,
        connection_id: row.try_get("", "connection_id")?,
    })
}

fn read_event(row: &QueryResult) -> Result<ReportedEvent, StoreError> {
    Ok(ReportedEvent {
        id: row.try_get("", "event_id")?,
        kind: row.try_get("", "event_type")?,
        received_at: row.try_get("", "received_at")?,
        state: row.try_get("", "state")?,
    })
}

fn read_happening(row: &QueryResult) -> Result<ReportedHappening, StoreError> {
    Ok(ReportedHappening {
        id: row.try_get("", "id")?,
        kind: row.try_get("", "kind")?,
        connection_id: row.try_get("", "connection_id")?,
        at: row.try_get("", "at")?,
    })
}

fn read_request(row: &QueryResult) -> Result<ReportedRequest, StoreError> {
    Ok(ReportedRequest {
        id: row.try_get("", "id")?,
        customer_id: row.try_get("", "customer_id")?,
        requested_at: row.try_get("", "requested_at")?,
    })
}

fn read_list(row: &QueryResult) -> Result<String, StoreError> {
    let scope = super::rules::scope_of(row.try_get("", "retailer_id")?);
    Ok(match scope {
        Scope::Global => "global".to_owned(),
        Scope::Retailer(id) => id,
    })
}
