//! What is told to the merchant's tools, once each: written in the transaction that settles what happened, leased to one
//! process at a time on the database's clock, and ended by whoever holds the lease.
//!
//! A row's id is derived from the shop, what happened, the destination and the part, so the database refuses a second
//! one. What it holds of a person is sealed, and struck out once it was delivered.

use std::time::Duration;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::sealed::Place;
use super::{Destination, Store, StoreError};
use crate::events::happening::{Happening, HappeningKind, PurchaseItem};

/// Characters of a delivery's id: 128 bits of a digest, in hexadecimal.
const ID_CHARACTERS: usize = 32;

/// A delivery leased to this process.
#[derive(Debug, Clone)]
pub struct DueDelivery {
    /// The same for every try, and for every repeat of the event.
    pub id: String,
    /// Whose it is.
    pub shop_id: i64,
    /// 0 for the event itself, and from 1 for each item of a purchase.
    pub part: i32,
    /// Which try this is, from 1.
    pub attempt: i32,
    /// What happened; `None` when it is damaged or was sealed under a key that is not configured any more.
    pub happening: Option<Happening>,
    fence: i64,
}

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

/// One row to write.
struct Part<'a> {
    number: i32,
    kind: &'static str,
    item: Option<&'a PurchaseItem>,
}

impl Store {
    /// Writes, for each destination the shop has turned on, what it is to be told of `happening`; what is there already
    /// stays as it is. `now` is Unix milliseconds.
    pub(super) async fn put_deliveries(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        happening: &Happening,
        now: i64,
    ) -> Result<(), StoreError> {
        const ON: &str = "SELECT i.destination, i.allow_simulated, s.domain FROM integrations i \
             JOIN shops s ON s.id = i.shop_id WHERE i.shop_id = $1 AND i.is_on = $2 AND s.uninstalled_at IS NULL";
        let sql = format!(
            "INSERT INTO deliveries (id, shop_id, destination, event_id, part, kind, connection_id, retailer_id, \
             customer_id, is_simulated, happened_at, created_at, content, key_id, state, due_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'waiting', {clock}) \
             ON CONFLICT (id) DO NOTHING",
            clock = self.clock()
        );
        for row in db.query_all_raw(self.statement(ON, vec![shop_id.into(), true.into()])).await? {
            if happening.is_simulated && !row.try_get::<bool>("", "allow_simulated")? {
                continue;
            }
            let destination = Destination::parse(&row.try_get::<String>("", "destination")?)?;
            let domain: String = row.try_get("", "domain")?;
            for part in parts(happening, destination) {
                let id = id(&domain, &happening.id, destination, part.number);
                let content = serde_json::to_string(&part.of(happening)).expect("plain data serialises");
                let place = format!("delivery:{id}");
                let (sealed, key_id) = self.keyring.seal(Place { shop_id, kind: &place }, &content.into())?;
                let values: Vec<Value> = vec![
                    id.into(),
                    shop_id.into(),
                    destination.as_str().into(),
                    happening.id.clone().into(),
                    part.number.into(),
                    part.kind.into(),
                    happening.connection_id.clone().into(),
                    happening.retailer_id.clone().into(),
                    happening.customer_id.clone().into(),
                    happening.is_simulated.into(),
                    happening.at.into(),
                    now.into(),
                    sealed.into(),
                    key_id.into(),
                ];
                db.execute_raw(self.statement(&sql, values)).await?;
            }
        }
        Ok(())
    }

    /// Writes what the shop's destinations are to be told of `happening`, in a step of its own. `now` is Unix
    /// milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written then.
    pub async fn deliver(&self, shop_id: i64, happening: &Happening, now: i64) -> Result<(), StoreError> {
        let transaction = self.begin_durable().await?;
        self.put_deliveries(&transaction, shop_id, happening, now).await?;
        Ok(transaction.commit().await?)
    }

    /// The shops that have something due for a destination, by id. Costs a few index look-ups a shop, however much waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shops_with_due(&self, destination: Destination) -> Result<Vec<i64>, StoreError> {
        let sql = format!(
            "WITH RECURSIVE s(shop_id) AS (\
             SELECT MIN(shop_id) FROM deliveries WHERE destination = $1 AND due_at IS NOT NULL UNION ALL \
             SELECT (SELECT MIN(d.shop_id) FROM deliveries d WHERE d.destination = $1 AND d.due_at IS NOT NULL \
             AND d.shop_id > s.shop_id) FROM s WHERE s.shop_id IS NOT NULL) \
             SELECT s.shop_id FROM s WHERE s.shop_id IS NOT NULL AND (SELECT MIN(d.due_at) FROM deliveries d \
             WHERE d.destination = $1 AND d.shop_id = s.shop_id AND d.due_at IS NOT NULL) <= {clock}",
            clock = self.clock()
        );
        let rows = self.db.query_all_raw(self.statement(&sql, vec![destination.as_str().into()])).await?;
        rows.iter().map(|row| Ok(row.try_get("", "shop_id")?)).collect()
    }

    /// Leases up to `limit` due deliveries of a shop, those that have been due longest, for so many milliseconds. A lease
    /// that ran out is due again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lease_deliveries(
        &self,
        shop_id: i64,
        destination: Destination,
        limit: u32,
        lease_ms: i64,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let lock = match self.db.get_database_backend() {
            sea_orm::DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
            _ => "",
        };
        let sql = format!(
            "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, fence = fence + 1, \
             due_at = {clock} + $4 WHERE id IN (SELECT id FROM deliveries WHERE destination = $1 AND shop_id = $2 \
             AND due_at <= {clock} ORDER BY due_at LIMIT $3 {lock}) \
             RETURNING id, part, attempts, fence, content",
            clock = self.clock()
        );
        let values: Vec<Value> =
            vec![destination.as_str().into(), shop_id.into(), i64::from(limit).into(), lease_ms.into()];
        let rows = self.db.query_all_raw(self.statement(&sql, values)).await?;
        rows.iter().map(|row| self.read_due(shop_id, row)).collect()
    }

    /// Ends a try. Answers false when it was taken over meanwhile, or its row is gone; nothing is changed then. An end
    /// that a power loss takes back costs a repeat, never an event, so it is not waited for on SQLite.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_delivery(&self, delivery: &DueDelivery, end: &DeliveryEnd, now: i64) -> Result<bool, StoreError> {
        let (state, problem, gap, counts) = match end {
            DeliveryEnd::Delivered => ("delivered", None, None, 0),
            DeliveryEnd::Failed(problem, gap) => ("failed", Some(problem), Some(gap), 0),
            DeliveryEnd::Held(problem, gap) => ("waiting", Some(problem), Some(gap), 1),
            DeliveryEnd::Dead(problem) => ("dead", Some(problem), None, 0),
            DeliveryEnd::Skipped(problem) => ("skipped", Some(problem), None, 0),
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
            problem.cloned().into(),
            time.into(),
            counts.into(),
        ];
        Ok(self.db.execute_raw(self.statement(&sql, values)).await?.rows_affected() == 1)
    }

    /// Skips everything of a shop that is due for a destination, because nothing is sent there any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn skip_due(
        &self,
        shop_id: i64,
        destination: Destination,
        problem: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE deliveries SET state = 'skipped', problem = $3, due_at = NULL, ended_at = $4, fence = fence + 1 \
             WHERE destination = $1 AND shop_id = $2 AND due_at <= {clock}",
            clock = self.clock()
        );
        let values: Vec<Value> = vec![destination.as_str().into(), shop_id.into(), problem.into(), now.into()];
        self.db.execute_raw(self.statement(&sql, values)).await?;
        Ok(())
    }

    fn read_due(&self, shop_id: i64, row: &QueryResult) -> Result<DueDelivery, StoreError> {
        let id: String = row.try_get("", "id")?;
        let content: Option<Vec<u8>> = row.try_get("", "content")?;
        Ok(DueDelivery {
            happening: content.and_then(|sealed| self.open_happening(shop_id, &id, &sealed)),
            shop_id,
            part: row.try_get("", "part")?,
            attempt: row.try_get("", "attempts")?,
            fence: row.try_get("", "fence")?,
            id,
        })
    }

    pub(super) fn open_happening(&self, shop_id: i64, id: &str, sealed: &[u8]) -> Option<Happening> {
        let kind = format!("delivery:{id}");
        let opened = self.keyring.open(Place { shop_id, kind: &kind }, sealed).ok()?;
        serde_json::from_str(opened.expose_secret()).ok()
    }
}

impl Part<'_> {
    /// What the row holds: of a purchase's item, the purchase with that item alone.
    fn of(&self, happening: &Happening) -> Happening {
        let mut happening = happening.clone();
        if let (Some(purchase), Some(item)) = (&mut happening.purchase, self.item) {
            purchase.items = vec![item.clone()];
        }
        happening
    }
}

/// The event itself; for Flow, each item of a purchase besides.
fn parts(happening: &Happening, destination: Destination) -> Vec<Part<'_>> {
    let kind = match happening.kind {
        HappeningKind::Connected => "connected",
        HappeningKind::Reauthenticated => "reauthenticated",
        HappeningKind::Unauthenticated => "unauthenticated",
        HappeningKind::Disconnected => "disconnected",
        HappeningKind::Purchased => "purchased",
    };
    let mut parts = vec![Part { number: 0, kind, item: None }];
    if let (Destination::Flow, Some(purchase)) = (destination, &happening.purchase) {
        let items = (1..).zip(&purchase.items);
        parts.extend(items.map(|(number, item)| Part { number, kind: "product_purchased", item: Some(item) }));
    }
    parts
}

/// The shop by its domain, so that an app that is installed anew tells nothing twice either.
fn id(domain: &str, event: &str, destination: Destination, part: i32) -> String {
    let text = format!("{domain}\0{event}\0{}\0{part}", destination.as_str());
    let mut id = hex::encode(Sha256::digest(text.as_bytes()));
    id.truncate(ID_CHARACTERS);
    id
}
