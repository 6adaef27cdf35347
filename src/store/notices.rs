//! What events told of each connection's status, in the order in which it happened, not in the order it came in.
//!
//! A notice is judged by the one before it. One that comes late is put in its place, and the notice behind it is looked
//! at once more: it may tell something now that looked like a repetition before.

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::subtotal_events::LeasedEvent;
use super::{Store, StoreError};
use crate::events::happening::{Happening, HappeningKind};
use crate::events::transition::{told, word};

/// That a connection has a status.
#[derive(Debug)]
pub struct Notice<'a> {
    /// The event that says so.
    pub event: &'a LeasedEvent,
    /// `active`, `unauthenticated` or `disconnected`.
    pub status: &'static str,
    /// When it happened, Unix milliseconds.
    pub at: i64,
    /// What Subtotal says the status is, where that is another one and `at` can not be relied on. The notice belongs
    /// before the newest one that agrees with Subtotal then.
    pub outdated_by: Option<&'a str>,
    /// What is told of the connection; its kind is decided here.
    pub happening: &'a Happening,
}

/// A notice that stands next to another one.
struct Neighbour {
    event_id: String,
    status: String,
    at: i64,
    is_simulated: bool,
    is_told: bool,
}

impl Store {
    /// Ends the event of a notice, in one step with what follows from it: what happened is told, and when the connection
    /// became active its history is to be read. Answers the kinds of what was told, or `None` when the event was taken
    /// over meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn settle_notice(&self, notice: &Notice<'_>, now: i64) -> Result<Option<Vec<HappeningKind>>, StoreError> {
        const PUT: &str = "INSERT INTO connection_notices \
             (shop_id, event_id, connection_id, status, at, is_simulated, told) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT DO NOTHING";
        const TOLD_AFTER_ALL: &str = "UPDATE connection_notices SET told = $3 WHERE shop_id = $1 AND event_id = $2";
        let (event, of) = (notice.event, notice.happening);
        let transaction = self.begin_write().await?;
        if !self.settle_event(&transaction, event, "done").await? {
            return Ok(None);
        }
        // From here on no other process judges this connection's notices.
        self.follow_connection(&transaction, event.shop_id, of).await?;
        let at = self.place(&transaction, notice).await?;
        let (shop_id, connection) = (event.shop_id, of.connection_id.as_str());
        let line = Line { store: self, db: &transaction, shop_id, connection };
        let before = line.next_to((at, &event.id), Side::Before).await?;
        let behind = line.next_to((at, &event.id), Side::Behind).await?;
        let kind = told(before.as_ref().map(|notice| notice.status.as_str()), notice.status);
        let tells = match kind {
            Some(_) if line.is_told_behind((at, &event.id), notice.status).await? => None,
            kind => kind,
        };
        let values: Vec<Value> = vec![
            shop_id.into(),
            event.id.clone().into(),
            connection.into(),
            notice.status.into(),
            at.into(),
            of.is_simulated.into(),
            tells.map(word).into(),
        ];
        let mut kinds = Vec::new();
        // An event that was forgotten and comes again has its notice still.
        if transaction.execute_raw(self.statement(PUT, values)).await?.rows_affected() == 1 {
            if let Some(kind) = tells {
                self.tell(&transaction, shop_id, &Happening { kind, at, ..of.clone() }, now).await?;
                kinds.push(kind);
            }
            let mut late = Vec::new();
            if let Some(before) = before.filter(|before| !before.is_told && kind.is_some()) {
                let first = line.status_before(before.place(), &before.status).await?;
                late.extend(told(first.as_deref(), &before.status).map(|kind| (before, kind)));
            }
            if let Some(behind) = behind.filter(|behind| !behind.is_told)
                && !line.is_told_behind(behind.place(), &behind.status).await?
            {
                late.extend(told(Some(notice.status), &behind.status).map(|kind| (behind, kind)));
            }
            for (Neighbour { event_id: id, at, is_simulated, .. }, kind) in late {
                let values = vec![shop_id.into(), id.clone().into(), word(kind).into()];
                transaction.execute_raw(self.statement(TOLD_AFTER_ALL, values)).await?;
                self.tell(&transaction, shop_id, &Happening { id, kind, at, is_simulated, ..of.clone() }, now).await?;
                kinds.push(kind);
            }
            let activated =
                kinds.iter().any(|kind| matches!(kind, HappeningKind::Connected | HappeningKind::Reauthenticated));
            self.note_newest(&transaction, event.shop_id, &of.connection_id, activated).await?;
        }
        transaction.commit().await?;
        Ok(Some(kinds))
    }

    /// Makes sure that there is a row of the connection, and locks it.
    async fn follow_connection(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        of: &Happening,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO followed_connections \
             (shop_id, connection_id, customer_id, retailer_id, status, status_at, is_simulated) \
             VALUES ($1, $2, $3, $4, '', 0, $5) ON CONFLICT (shop_id, connection_id) DO UPDATE SET \
             customer_id = COALESCE(excluded.customer_id, followed_connections.customer_id), \
             retailer_id = excluded.retailer_id";
        let values: Vec<Value> = vec![
            shop_id.into(),
            of.connection_id.clone().into(),
            of.customer_id.clone().into(),
            of.retailer_id.clone().into(),
            of.is_simulated.into(),
        ];
        db.execute_raw(self.statement(SQL, values)).await?;
        Ok(())
    }

    /// When the notice's status began, as far as can be known.
    async fn place(&self, db: &impl ConnectionTrait, notice: &Notice<'_>) -> Result<i64, StoreError> {
        const NEWEST: &str = "SELECT at FROM connection_notices WHERE shop_id = $1 AND connection_id = $2 \
             AND status = $3 ORDER BY at DESC LIMIT 1";
        let Some(status) = notice.outdated_by else { return Ok(notice.at) };
        let connection = notice.happening.connection_id.clone();
        let values: Vec<Value> = vec![notice.event.shop_id.into(), connection.into(), status.into()];
        let newest = db.query_one_raw(self.statement(NEWEST, values)).await?;
        let newest: Option<i64> = newest.map(|row| row.try_get("", "at")).transpose()?;
        Ok(newest.map_or(notice.at, |at| notice.at.min(at - 1)))
    }

    /// Writes down the newest status, and that the history is to be read from its start where the connection `activated`.
    async fn note_newest(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        connection: &str,
        activated: bool,
    ) -> Result<(), StoreError> {
        const NEWEST: &str = "SELECT status, at, is_simulated FROM connection_notices \
             WHERE shop_id = $1 AND connection_id = $2 ORDER BY at DESC, event_id DESC LIMIT 1";
        const NOTE: &str = "UPDATE followed_connections SET status = $3, status_at = $4, is_simulated = $5 \
             WHERE shop_id = $1 AND connection_id = $2";
        let of = || vec![Value::from(shop_id), Value::from(connection)];
        let Some(row) = db.query_one_raw(self.statement(NEWEST, of())).await? else { return Ok(()) };
        let (status, at): (String, i64) = (row.try_get("", "status")?, row.try_get("", "at")?);
        let reads_history = activated && status == "active";
        let mut values = of();
        values.extend([status.into(), at.into(), row.try_get::<bool>("", "is_simulated")?.into()]);
        db.execute_raw(self.statement(NOTE, values)).await?;
        if reads_history {
            self.want_history(db, shop_id, connection).await?;
        }
        Ok(())
    }
}

/// A place among a connection's notices: a time, and the event's id.
type NoticePlace<'a> = (i64, &'a str);

/// The notices of a connection in their order, in a transaction that holds the connection's row.
struct Line<'a, Db> {
    store: &'a Store,
    db: &'a Db,
    shop_id: i64,
    connection: &'a str,
}

impl<Db: ConnectionTrait> Line<'_, Db> {
    async fn next_to(&self, place: NoticePlace<'_>, side: Side) -> Result<Option<Neighbour>, StoreError> {
        self.find(place, side, None).await
    }

    /// Whether one of those that say the same, directly behind the place, was told: it was told for all of them.
    async fn is_told_behind(&self, place: NoticePlace<'_>, status: &str) -> Result<bool, StoreError> {
        let found = self.find(place, Side::Behind, Some(status)).await?;
        Ok(found.is_some_and(|notice| notice.status == status))
    }

    /// The status before those that say the same; this very one where one of them was told.
    async fn status_before(&self, place: NoticePlace<'_>, status: &str) -> Result<Option<String>, StoreError> {
        Ok(self.find(place, Side::Before, Some(status)).await?.map(|notice| notice.status))
    }

    /// The nearest notice, passing over those with the status `past` that were not told.
    async fn find(
        &self,
        (at, event_id): NoticePlace<'_>,
        side: Side,
        past: Option<&str>,
    ) -> Result<Option<Neighbour>, StoreError> {
        let (comparison, order) = match side {
            Side::Before => ("<", "DESC"),
            Side::Behind => (">", "ASC"),
        };
        let sql = format!(
            "SELECT event_id, status, at, is_simulated, told FROM connection_notices WHERE shop_id = $1 \
             AND connection_id = $2 AND (at {comparison} $3 OR (at = $3 AND event_id {comparison} $4)) \
             AND (told IS NOT NULL OR CAST($5 AS TEXT) IS NULL OR status <> $5) \
             ORDER BY at {order}, event_id {order} LIMIT 1"
        );
        let values: Vec<Value> =
            vec![self.shop_id.into(), self.connection.into(), at.into(), event_id.into(), past.into()];
        let row = self.db.query_one_raw(self.store.statement(&sql, values)).await?;
        row.as_ref().map(read_neighbour).transpose()
    }
}

impl Neighbour {
    fn place(&self) -> NoticePlace<'_> {
        (self.at, &self.event_id)
    }
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    Behind,
}

fn read_neighbour(row: &QueryResult) -> Result<Neighbour, StoreError> {
    Ok(Neighbour {
        event_id: row.try_get("", "event_id")?,
        status: row.try_get("", "status")?,
        at: row.try_get("", "at")?,
        is_simulated: row.try_get("", "is_simulated")?,
        is_told: row.try_get::<Option<String>>("", "told")?.is_some(),
    })
}
