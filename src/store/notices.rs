//! What events told of each connection's status, in the order in which it happened, not in the order it came in.
//!
//! A notice is judged by the one before it. One that comes late is put in its place, and the notice behind it is looked
//! at once more: it may tell something now that looked like a repetition before.

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::subtotal_events::LeasedEvent;
use super::{Store, StoreError};
use crate::events::happening::{Happening, HappeningKind};
use crate::events::transition::{Judged, judge, word};

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
        let (shop_id, connection) = (event.shop_id, of.connection_id.as_str());
        let line = self.line(&transaction, shop_id, connection).await?;
        let at = notice.place(&line);
        let place = line.partition_point(|known| (known.at, &known.event_id) < (at, &event.id));
        let judgement = judge(&line, place, notice.status);
        let values: Vec<Value> = vec![
            shop_id.into(),
            event.id.clone().into(),
            connection.into(),
            notice.status.into(),
            at.into(),
            of.is_simulated.into(),
            judgement.tells.map(word).into(),
        ];
        let mut kinds = Vec::new();
        // An event that was forgotten and comes again has its notice still.
        if transaction.execute_raw(self.statement(PUT, values)).await?.rows_affected() == 1 {
            if let Some(kind) = judgement.tells {
                self.tell(&transaction, shop_id, &Happening { kind, at, ..of.clone() }, now).await?;
                kinds.push(kind);
            }
            for (nth, kind) in judgement.late {
                let Judged { event_id: id, at, is_simulated, .. } = line[nth].clone();
                let values = vec![shop_id.into(), id.clone().into(), word(kind).into()];
                transaction.execute_raw(self.statement(TOLD_AFTER_ALL, values)).await?;
                self.tell(&transaction, shop_id, &Happening { id, kind, at, is_simulated, ..of.clone() }, now).await?;
                kinds.push(kind);
            }
            let newest = match line.last().filter(|_| place < line.len()) {
                Some(newest) => (newest.status.as_str(), newest.at, newest.is_simulated),
                None => (notice.status, at, of.is_simulated),
            };
            self.note_newest(&transaction, shop_id, connection, newest).await?;
            let is_activated =
                kinds.iter().any(|kind| matches!(kind, HappeningKind::Connected | HappeningKind::Reauthenticated));
            if is_activated && newest.0 == "active" {
                self.want_history(&transaction, shop_id, connection).await?;
            }
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

    /// What is known of a connection, in the order in which it happened.
    async fn line(&self, db: &impl ConnectionTrait, shop_id: i64, connection: &str) -> Result<Vec<Judged>, StoreError> {
        const SQL: &str = "SELECT event_id, status, at, is_simulated, told FROM connection_notices \
             WHERE shop_id = $1 AND connection_id = $2";
        let rows = db.query_all_raw(self.statement(SQL, vec![shop_id.into(), connection.into()])).await?;
        let mut line = rows.iter().map(read_judged).collect::<Result<Vec<_>, _>>()?;
        // By bytes, as everywhere here; a database may sort ids by the words of some language.
        line.sort_by(|one, other| (one.at, &one.event_id).cmp(&(other.at, &other.event_id)));
        Ok(line)
    }

    async fn note_newest(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        connection: &str,
        (status, at, is_simulated): (&str, i64, bool),
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE followed_connections SET status = $3, status_at = $4, is_simulated = $5 \
             WHERE shop_id = $1 AND connection_id = $2";
        let values: Vec<Value> = vec![shop_id.into(), connection.into(), status.into(), at.into(), is_simulated.into()];
        db.execute_raw(self.statement(SQL, values)).await?;
        Ok(())
    }
}

impl Notice<'_> {
    /// When its status began, as far as can be known.
    fn place(&self, line: &[Judged]) -> i64 {
        let newest = line.iter().rev().find(|known| Some(known.status.as_str()) == self.outdated_by);
        newest.map_or(self.at, |newest| self.at.min(newest.at - 1))
    }
}

fn read_judged(row: &QueryResult) -> Result<Judged, StoreError> {
    Ok(Judged {
        event_id: row.try_get("", "event_id")?,
        status: row.try_get("", "status")?,
        at: row.try_get("", "at")?,
        is_simulated: row.try_get("", "is_simulated")?,
        is_told: row.try_get::<Option<String>>("", "told")?.is_some(),
    })
}
