//! What is told to the merchant's tools, once each: written in the transaction that settles what happened, leased to one
//! process at a time on the database's clock, and ended by whoever holds the lease.
//!
//! A row's id is derived from the shop, what happened, the destination and the part, so the database refuses a second
//! one. What it holds of a person is sealed, and struck out once it was delivered.

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
    pub(super) fence: i64,
}

/// Which delivery a row is.
pub(super) struct NewRow<'a> {
    pub(super) id: &'a str,
    pub(super) shop_id: i64,
    pub(super) destination: Destination,
    pub(super) part: i32,
    pub(super) kind: &'static str,
    pub(super) is_test: bool,
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
        for row in db.query_all_raw(self.statement(ON, vec![shop_id.into(), true.into()])).await? {
            if happening.is_simulated && !row.try_get::<bool>("", "allow_simulated")? {
                continue;
            }
            let destination = Destination::parse(&row.try_get::<String>("", "destination")?)?;
            let domain: String = row.try_get("", "domain")?;
            for part in parts(happening, destination) {
                let id = id(&domain, &happening.id, destination, part.number);
                let row = NewRow { id: &id, shop_id, destination, part: part.number, kind: part.kind, is_test: false };
                self.put_delivery(db, &row, &part.of(happening), now).await?;
            }
        }
        Ok(())
    }

    /// Writes one delivery, unless it is there. It holds `happening` alone, which is sealed.
    pub(super) async fn put_delivery(
        &self,
        db: &impl ConnectionTrait,
        row: &NewRow<'_>,
        happening: &Happening,
        now: i64,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO deliveries (id, shop_id, destination, event_id, part, kind, connection_id, retailer_id, \
             customer_id, is_simulated, is_test, happened_at, created_at, content, key_id, state, due_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'waiting', {clock}) \
             ON CONFLICT (id) DO NOTHING",
            clock = self.clock()
        );
        let content = serde_json::to_string(happening).expect("plain data serialises");
        let place = format!("delivery:{}", row.id);
        let (sealed, key_id) = self.keyring.seal(Place { shop_id: row.shop_id, kind: &place }, &content.into())?;
        let values: Vec<Value> = vec![
            row.id.into(),
            row.shop_id.into(),
            row.destination.as_str().into(),
            happening.id.clone().into(),
            row.part.into(),
            row.kind.into(),
            happening.connection_id.clone().into(),
            happening.retailer_id.clone().into(),
            happening.customer_id.clone().into(),
            happening.is_simulated.into(),
            row.is_test.into(),
            happening.at.into(),
            now.into(),
            sealed.into(),
            key_id.into(),
        ];
        db.execute_raw(self.statement(&sql, values)).await?;
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

    /// The shops that have something due for a destination that is not paused, by id. Costs a few index look-ups a shop,
    /// however much waits.
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
             WHERE d.destination = $1 AND d.shop_id = s.shop_id AND d.due_at IS NOT NULL) <= {clock} AND NOT {paused}",
            clock = self.clock(),
            paused = paused("s.shop_id")
        );
        let rows = self.db.query_all_raw(self.statement(&sql, vec![destination.as_str().into()])).await?;
        rows.iter().map(|row| Ok(row.try_get("", "shop_id")?)).collect()
    }

    /// Leases up to `limit` due deliveries of a shop, those that have been due longest, for so many milliseconds, in the
    /// order they were written in. A lease that ran out is due again. None while the destination is paused.
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
             AND due_at <= {clock} AND NOT {paused} ORDER BY due_at LIMIT $3 {lock}) \
             RETURNING id, part, attempts, fence, content, created_at",
            clock = self.clock(),
            paused = paused("$2")
        );
        let values: Vec<Value> =
            vec![destination.as_str().into(), shop_id.into(), i64::from(limit).into(), lease_ms.into()];
        let rows = self.db.query_all_raw(self.statement(&sql, values)).await?;
        let read = |row: &QueryResult| Ok((row.try_get::<i64>("", "created_at")?, self.read_due(shop_id, row)?));
        let mut leased = rows.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
        leased.sort_by_key(|(written_at, due)| (*written_at, due.part));
        Ok(leased.into_iter().map(|(_, due)| due).collect())
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

/// Whether a shop's destination `$1` is paused, as an SQL expression. One that is off is not: what is due is skipped.
fn paused(shop_id: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM integrations i WHERE i.shop_id = {shop_id} AND i.destination = $1 \
         AND i.is_paused AND i.is_on)"
    )
}

/// What kind of delivery tells of the event itself.
pub(super) fn kind_of(kind: HappeningKind) -> &'static str {
    match kind {
        HappeningKind::Connected => "connected",
        HappeningKind::Reauthenticated => "reauthenticated",
        HappeningKind::Unauthenticated => "unauthenticated",
        HappeningKind::Disconnected => "disconnected",
        HappeningKind::Purchased => "purchased",
    }
}

/// The event itself; for Flow, each item of a purchase besides.
fn parts(happening: &Happening, destination: Destination) -> Vec<Part<'_>> {
    let mut parts = vec![Part { number: 0, kind: kind_of(happening.kind), item: None }];
    if let (Destination::Flow, Some(purchase)) = (destination, &happening.purchase) {
        let items = (1..).zip(&purchase.items);
        parts.extend(items.map(|(number, item)| Part { number, kind: PRODUCT_PURCHASED, item: Some(item) }));
    }
    parts
}

/// The kind of a delivery that tells of one item of a purchase.
pub(super) const PRODUCT_PURCHASED: &str = "product_purchased";

/// The shop by its domain, so that an app that is installed anew tells nothing twice either.
pub(super) fn id(domain: &str, event: &str, destination: Destination, part: i32) -> String {
    let text = format!("{domain}\0{event}\0{}\0{part}", destination.as_str());
    let mut id = hex::encode(Sha256::digest(text.as_bytes()));
    id.truncate(ID_CHARACTERS);
    id
}
