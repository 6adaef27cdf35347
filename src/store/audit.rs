//! The audit trail of each shop: who did what, and when. Every line holds the digest of the one before, and the head of
//! the chain stands beside it, so a changed, removed or added line is found. No personal data: ids and counts only.

use std::fmt;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;

use super::{Store, StoreError};

/// Whose trail a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trail {
    /// A shop's, by its id. It goes when the shop is removed.
    Shop(i64),
    /// The installation's own, which outlives every shop.
    Service,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A member of the shop's staff, by the Shopify user id of the session token.
    Staff(String),
    /// Somebody with the operator's command line.
    CommandLine,
    /// Shopify, by a webhook.
    Shopify,
    /// The service itself, by what it does regularly.
    Service,
}

/// Something that was done: `action` is a dotted name such as `rules.replaced`, `detail` holds ids and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: &'static str,
    /// More of it, as a JSON object; no personal data and no secrets.
    pub detail: serde_json::Value,
}

/// A line of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// From 1, without gaps.
    #[serde(skip)]
    pub seq: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// A JSON object.
    pub detail: String,
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staff(user) => write!(formatter, "staff:{user}"),
            Self::CommandLine => formatter.write_str("command-line"),
            Self::Shopify => formatter.write_str("shopify"),
            Self::Service => formatter.write_str("service"),
        }
    }
}

impl Trail {
    /// The tables the trail stands in, lines first, and the id its rows carry.
    pub(super) fn place(self) -> (&'static str, &'static str, i64) {
        match self {
            Self::Shop(id) => ("audit_lines", "audit_heads", id),
            Self::Service => ("service_audit_lines", "service_audit_heads", 0),
        }
    }
}

impl Store {
    /// Every trail there is, by the shop's domain; `service` is the installation's own.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn trails(&self) -> Result<Vec<(String, Trail)>, StoreError> {
        const SQL: &str = "SELECT id, domain FROM shops ORDER BY domain";
        let rows = self.db.query_all_raw(self.statement(SQL, Vec::new())).await?;
        let read = |row: &QueryResult| Ok((row.try_get("", "domain")?, Trail::Shop(row.try_get("", "id")?)));
        let mut trails = rows.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
        trails.push(("service".to_owned(), Trail::Service));
        Ok(trails)
    }

    /// Adds a line of its own, where there is no change to write it with. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, shop_id: i64, deed: &Deed, now: i64) -> Result<(), StoreError> {
        let transaction = self.begin_write().await?;
        self.append_deed(&transaction, shop_id, deed, now).await?;
        Ok(transaction.commit().await?)
    }

    /// Adds a line of its own unless the trail has the same one, but for its time, since `since`. Times are Unix
    /// milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_unless_since(&self, shop_id: i64, deed: &Deed, since: i64, now: i64) -> Result<(), StoreError> {
        const SAME: &str = "SELECT seq FROM audit_lines \
             WHERE shop_id = $1 AND at >= $2 AND action = $3 AND actor = $4 AND detail = $5 LIMIT 1";
        let (actor, detail) = (deed.actor.to_string(), deed.detail.to_string());
        let values: Vec<Value> = vec![shop_id.into(), since.into(), deed.action.into(), actor.into(), detail.into()];
        if self.db.query_one_raw(self.statement(SAME, values)).await?.is_none() {
            self.record(shop_id, deed, now).await?;
        }
        Ok(())
    }

    /// Adds a line to a shop's trail, in the transaction of the change it is about.
    pub(super) async fn append_deed(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        deed: &Deed,
        now: i64,
    ) -> Result<(), StoreError> {
        self.append_to(db, Trail::Shop(shop_id), deed, now).await
    }

    /// Adds a line to any trail, in the transaction of the change it is about. The head's row is locked until the
    /// commit, so lines are added one after the other.
    pub(super) async fn append_to(
        &self,
        db: &impl ConnectionTrait,
        trail: Trail,
        deed: &Deed,
        now: i64,
    ) -> Result<(), StoreError> {
        let (lines, heads, id) = trail.place();
        let lock = format!(
            "INSERT INTO {heads} (shop_id, seq, digest) VALUES ($1, 0, '') \
             ON CONFLICT (shop_id) DO UPDATE SET seq = {heads}.seq RETURNING seq, digest"
        );
        let add = format!(
            "INSERT INTO {lines} (shop_id, seq, at, actor, action, detail, digest) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        );
        let advance = format!("UPDATE {heads} SET seq = $2, digest = $3 WHERE shop_id = $1");
        let head = db.query_one_raw(self.statement(&lock, vec![id.into()])).await?;
        let head = head.ok_or(StoreError::Unreadable("audit_heads"))?;
        let (seq, before): (i64, String) = (head.try_get::<i64>("", "seq")? + 1, head.try_get("", "digest")?);
        let line = AuditLine {
            seq,
            at: now,
            actor: deed.actor.to_string(),
            action: deed.action.to_owned(),
            detail: deed.detail.to_string(),
        };
        let digest = line.digest(id, &before);
        let values: Vec<Value> = vec![
            id.into(),
            seq.into(),
            now.into(),
            line.actor.into(),
            line.action.into(),
            line.detail.into(),
            digest.clone().into(),
        ];
        db.execute_raw(self.statement(&add, values)).await?;
        db.execute_raw(self.statement(&advance, vec![id.into(), seq.into(), digest.into()])).await?;
        Ok(())
    }

    /// Lines whose action starts with `kind`, newest first, from before the line `before` on.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn audit_lines(
        &self,
        shop_id: i64,
        kind: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditLine>, StoreError> {
        const SQL: &str = "SELECT seq, at, actor, action, detail, digest FROM audit_lines \
             WHERE shop_id = $1 AND seq < $2 AND substr(action, 1, length($3)) = $3 ORDER BY seq DESC LIMIT $4";
        let before = before.unwrap_or(i64::MAX);
        let values: Vec<Value> = vec![shop_id.into(), before.into(), kind.to_owned().into(), i64::from(limit).into()];
        let rows = self.db.query_all_raw(self.statement(SQL, values)).await?;
        rows.iter().map(|row| Ok(read(row)?.0)).collect()
    }
}

pub(super) fn read(row: &QueryResult) -> Result<(AuditLine, String), StoreError> {
    let line = AuditLine {
        seq: row.try_get("", "seq")?,
        at: row.try_get("", "at")?,
        actor: row.try_get("", "actor")?,
        action: row.try_get("", "action")?,
        detail: row.try_get("", "detail")?,
    };
    Ok((line, row.try_get("", "digest")?))
}
