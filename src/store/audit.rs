//! The audit trail of each shop: who did what, and when. Every line holds the digest of the one before, and the head of
//! the chain stands beside it, so a changed, removed or added line is found. No personal data: ids and counts only.

use std::fmt;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Store, StoreError};

/// Lines read at a time while a chain is verified.
const PAGE: i64 = 1000;

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A member of the shop's staff, by the Shopify user id of the session token.
    Staff(String),
    /// Somebody with the operator's command line.
    CommandLine,
    /// Shopify, by a webhook.
    Shopify,
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

/// How a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Every line fits; so many there are.
    Whole(i64),
    /// The first line that does not fit, or that is missing.
    BrokenAt(i64),
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staff(user) => write!(formatter, "staff:{user}"),
            Self::CommandLine => formatter.write_str("command-line"),
            Self::Shopify => formatter.write_str("shopify"),
        }
    }
}

impl Store {
    /// Adds a line of its own, where there is no change to write it with. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, shop_id: i64, deed: &Deed, now: i64) -> Result<(), StoreError> {
        let transaction = self.begin_write().await?;
        self.append_deed(&transaction, shop_id, deed, now).await?;
        Ok(transaction.commit().await?)
    }

    /// Adds a line in the transaction of the change it is about. The head's row is locked until the commit.
    pub(super) async fn append_deed(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        deed: &Deed,
        now: i64,
    ) -> Result<(), StoreError> {
        const HEAD: &str = "INSERT INTO audit_heads (shop_id, seq, digest) VALUES ($1, 0, '') \
             ON CONFLICT (shop_id) DO UPDATE SET seq = audit_heads.seq RETURNING seq, digest";
        const LINE: &str = "INSERT INTO audit_lines (shop_id, seq, at, actor, action, detail, digest) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)";
        const MOVE: &str = "UPDATE audit_heads SET seq = $2, digest = $3 WHERE shop_id = $1";
        let head = db.query_one_raw(self.statement(HEAD, vec![shop_id.into()])).await?;
        let head = head.ok_or(StoreError::Unreadable("audit_heads"))?;
        let (seq, before): (i64, String) = (head.try_get::<i64>("", "seq")? + 1, head.try_get("", "digest")?);
        let line = AuditLine {
            seq,
            at: now,
            actor: deed.actor.to_string(),
            action: deed.action.to_owned(),
            detail: deed.detail.to_string(),
        };
        let digest = line.digest(shop_id, &before);
        let values: Vec<Value> = vec![
            shop_id.into(),
            seq.into(),
            now.into(),
            line.actor.into(),
            line.action.into(),
            line.detail.into(),
            digest.clone().into(),
        ];
        db.execute_raw(self.statement(LINE, values)).await?;
        db.execute_raw(self.statement(MOVE, vec![shop_id.into(), seq.into(), digest.into()])).await?;
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

    /// Follows the shop's chain from its first line to its head.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn verify_audit(&self, shop_id: i64) -> Result<Chain, StoreError> {
        const LINES: &str = "SELECT seq, at, actor, action, detail, digest FROM audit_lines \
             WHERE shop_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        const HEAD: &str = "SELECT seq, digest FROM audit_heads WHERE shop_id = $1";
        let (mut last, mut digest) = (0, String::new());
        loop {
            let values: Vec<Value> = vec![shop_id.into(), last.into(), PAGE.into()];
            let rows = self.db.query_all_raw(self.statement(LINES, values)).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let (line, written) = read(row)?;
                if line.seq != last + 1 || line.digest(shop_id, &digest) != written {
                    return Ok(Chain::BrokenAt(last + 1));
                }
                (last, digest) = (line.seq, written);
            }
        }
        let head = self.db.query_one_raw(self.statement(HEAD, vec![shop_id.into()])).await?;
        let head = match &head {
            Some(head) => (head.try_get::<i64>("", "seq")?, head.try_get::<String>("", "digest")?),
            None => (0, String::new()),
        };
        Ok(if head == (last, digest) { Chain::Whole(last) } else { Chain::BrokenAt(last + 1) })
    }
}

impl AuditLine {
    fn digest(&self, shop_id: i64, before: &str) -> String {
        let Self { seq, at, actor, action, detail } = self;
        let text = serde_json::json!([before, shop_id, seq, at, actor, action, detail]).to_string();
        hex::encode(Sha256::digest(text.as_bytes()))
    }
}

fn read(row: &QueryResult) -> Result<(AuditLine, String), StoreError> {
    let line = AuditLine {
        seq: row.try_get("", "seq")?,
        at: row.try_get("", "at")?,
        actor: row.try_get("", "actor")?,
        action: row.try_get("", "action")?,
        detail: row.try_get("", "detail")?,
    };
    Ok((line, row.try_get("", "digest")?))
}
