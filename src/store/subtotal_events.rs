//! Events from Subtotal, kept once each by their id until what they tell is worked out.
//!
//! An event is leased to one process at a time, on the database's clock. `attempts` is its fence: whoever was taken over
//! can neither settle it nor fail it. The body is sealed, and goes when the event is done with.

use std::time::Duration;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::sealed::Place;
use super::{Store, StoreError};

/// A verified event that arrived.
#[derive(Debug)]
pub struct NewEvent {
    /// The shop's id.
    pub shop_id: i64,
    /// The same for every repeat.
    pub id: String,
    /// Such as `connection.activated`.
    pub kind: String,
    /// The connection it is about, if any.
    pub connection_id: Option<String>,
    /// Whose it is, if the event says so.
    pub customer_id: Option<String>,
    /// The retailer's slug, if the event says so.
    pub retailer_id: Option<String>,
    /// The purchase it is about, if any.
    pub purchase_id: Option<String>,
    /// Made by Subtotal's simulator.
    pub is_simulated: bool,
    /// The whole body; it is kept while it is needed.
    pub body: SecretString,
    /// When it was sent, Unix milliseconds.
    pub sent_at: i64,
    /// When it arrived, Unix milliseconds.
    pub received_at: i64,
    /// What becomes of it.
    pub fate: EventFate,
}

/// What becomes of an event that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventFate {
    /// It waits to be worked on.
    Wanted,
    /// Nothing follows from it; its body is not kept.
    Ignored,
    /// It could not be read, for this reason. Its body is kept.
    Unreadable(&'static str),
}

/// An event leased to this process.
#[derive(Debug)]
pub struct LeasedEvent {
    /// The shop's id.
    pub shop_id: i64,
    /// The shop's permanent domain.
    pub shop_domain: String,
    /// The same for every repeat.
    pub id: String,
    /// Such as `connection.activated`.
    pub kind: String,
    /// The whole body.
    pub body: SecretString,
    /// When it was sent, Unix milliseconds.
    pub sent_at: i64,
    /// Which try of ours this is, from 1.
    pub attempt: i32,
}

impl Store {
    /// Keeps events of installed shops in one step, so that they survive a power loss. Answers for each whether it is
    /// new: it may be here already, or about a connection whose customer was redacted.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept then.
    pub async fn receive_events(&self, events: &[NewEvent]) -> Result<Vec<bool>, StoreError> {
        let sql = format!(
            "INSERT INTO subtotal_events (shop_id, event_id, event_type, connection_id, customer_id, retailer_id, \
             purchase_id, is_simulated, sealed, sent_at, received_at, state, problem, key_id, due_at) \
             SELECT id, $2, $3, CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT), \
             CAST($8 AS BOOLEAN), {sealed}, CAST($10 AS BIGINT), CAST($11 AS BIGINT), $12, CAST($13 AS TEXT), \
             CAST($15 AS TEXT), {clock} \
             FROM shops WHERE id = $1 AND uninstalled_at IS NULL AND NOT EXISTS \
             (SELECT 1 FROM erased_connections WHERE shop_id = $1 AND digest = $14) ON CONFLICT DO NOTHING",
            sealed = self.bytes("$9"),
            clock = self.clock()
        );
        let rows = events.iter().map(|event| self.values(event)).collect::<Result<Vec<_>, StoreError>>()?;
        let transaction = self.begin_durable().await?;
        let mut kept = Vec::with_capacity(events.len());
        for values in rows {
            kept.push(transaction.execute_raw(self.statement(&sql, values)).await?.rows_affected() == 1);
        }
        transaction.commit().await?;
        Ok(kept)
    }

    fn values(&self, event: &NewEvent) -> Result<Vec<Value>, StoreError> {
        let (state, problem, keeps_body) = match event.fate {
            EventFate::Wanted => ("waiting", None, true),
            EventFate::Ignored => ("ignored", None, false),
            EventFate::Unreadable(why) => ("unreadable", Some(why), true),
        };
        let place = format!("subtotal_event\0{}", event.id);
        let place = Place { shop_id: event.shop_id, kind: &place };
        let sealed = keeps_body.then(|| self.keyring.seal(place, &event.body)).transpose()?;
        let (sealed, key_id) = sealed.unzip();
        let digest = event.connection_id.as_ref().map(|id| connection_digest(event.shop_id, id)).unwrap_or_default();
        Ok(vec![
            event.shop_id.into(),
            event.id.clone().into(),
            event.kind.clone().into(),
            event.connection_id.clone().into(),
            event.customer_id.clone().into(),
            event.retailer_id.clone().into(),
            event.purchase_id.clone().into(),
            event.is_simulated.into(),
            sealed.into(),
            event.sent_at.into(),
            event.received_at.into(),
            state.into(),
            problem.into(),
            digest.into(),
            key_id.into(),
        ])
    }

    /// Leases an event that is due to this process, for so many milliseconds. Shops take turns: it is the one due
    /// longest of the next shop after `after_shop` that has any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lease_event(&self, after_shop: i64, lease_ms: i64) -> Result<Option<LeasedEvent>, StoreError> {
        let sql = format!(
            "UPDATE subtotal_events SET due_at = {clock} + $2, attempts = attempts + 1 WHERE (shop_id, event_id) = \
             (SELECT shop_id, event_id FROM subtotal_events WHERE state = 'waiting' AND shop_id > $1 \
              AND due_at <= {clock} ORDER BY shop_id, due_at LIMIT 1 {skip_locked}) \
             AND state = 'waiting' AND due_at <= {clock} RETURNING shop_id, event_id, event_type, sealed, sent_at, \
             attempts, (SELECT domain FROM shops WHERE id = shop_id) AS shop_domain",
            clock = self.clock(),
            skip_locked = self.skip_locked()
        );
        for after in [after_shop, i64::MIN] {
            let _turn = self.turn().await?;
            // To its end: SQLite gives the row before it commits, and a disk that is full is told only then.
            let rows = self.db.query_all_raw(self.statement(&sql, vec![after.into(), lease_ms.into()])).await?;
            if let Some(row) = rows.first() {
                return self.read_leased(row).map(Some);
            }
        }
        Ok(None)
    }

    /// Ends an event from which nothing follows. Answers false when it was taken over meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ignore_event(&self, event: &LeasedEvent) -> Result<bool, StoreError> {
        self.settle_event(&self.db, event, "ignored").await
    }

    /// Notes why a try failed, and when the next one is; without a next one the event is given up. Its body stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fail_event(
        &self,
        event: &LeasedEvent,
        problem: &str,
        next: Option<Duration>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE subtotal_events SET problem = $4, due_at = {clock} + $5, state = $6 \
             WHERE shop_id = $1 AND event_id = $2 AND attempts = $3 AND state = 'waiting'",
            clock = self.clock()
        );
        let gap = next.map_or(0, |gap| i64::try_from(gap.as_millis()).unwrap_or(i64::MAX));
        let mut values = event.fence();
        let state = if next.is_some() { "waiting" } else { "failed" };
        values.extend([problem.into(), gap.into(), state.into()]);
        self.db.execute_raw(self.statement(&sql, values)).await?;
        Ok(())
    }

    /// Ends an event, in a transaction of more. Answers false when it was taken over meanwhile.
    pub(super) async fn settle_event(
        &self,
        db: &impl ConnectionTrait,
        event: &LeasedEvent,
        state: &str,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE subtotal_events SET state = $4, sealed = NULL, problem = NULL \
             WHERE shop_id = $1 AND event_id = $2 AND attempts = $3 AND state = 'waiting'";
        let mut values = event.fence();
        values.push(state.into());
        Ok(db.execute_raw(self.statement(SQL, values)).await?.rows_affected() == 1)
    }

    fn read_leased(&self, row: &QueryResult) -> Result<LeasedEvent, StoreError> {
        let (shop_id, id): (i64, String) = (row.try_get("", "shop_id")?, row.try_get("", "event_id")?);
        let sealed: Vec<u8> = row.try_get("", "sealed")?;
        // One that does not open is an event nobody can read; it must not stop the others.
        let place = format!("subtotal_event\0{id}");
        let body = self.keyring.open(Place { shop_id, kind: &place }, &sealed).unwrap_or_default();
        Ok(LeasedEvent {
            shop_id,
            shop_domain: row.try_get("", "shop_domain")?,
            kind: row.try_get("", "event_type")?,
            sent_at: row.try_get("", "sent_at")?,
            attempt: row.try_get("", "attempts")?,
            body,
            id,
        })
    }
}

impl LeasedEvent {
    /// Whether its body could be opened.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.body.expose_secret().is_empty()
    }

    fn fence(&self) -> Vec<Value> {
        vec![self.shop_id.into(), self.id.clone().into(), self.attempt.into()]
    }
}

/// What is kept of a connection whose customer was redacted. Its id is random enough not to be found from this.
pub(super) fn connection_digest(shop_id: i64, connection_id: &str) -> String {
    hex::encode(Sha256::digest(format!("{shop_id}\0{connection_id}")))
}
