//! Whether a trail is whole: every line holds the digest of the one before it, and the head that of the last.
//!
//! Lines and head are read in one snapshot, so a line that is added meanwhile is not mistaken for a break. Nothing here
//! mends a chain.

use sea_orm::{ConnectionTrait, Value};
use sha2::{Digest, Sha256};

use super::audit::{AuditLine, Trail, read};
use super::{Store, StoreError};

/// Lines read at a time.
const PAGE: i64 = 1000;

/// How a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Every line fits; so many there are.
    Whole(i64),
    /// The first line that does not fit, or that is missing.
    BrokenAt(i64),
}

impl Store {
    /// Follows a shop's chain from its first line to its head.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn verify_audit(&self, shop_id: i64) -> Result<Chain, StoreError> {
        Ok(self.verify_trail(Trail::Shop(shop_id)).await?.0)
    }

    /// Follows a chain from its first line to its head. Answers also the head's digest, empty where there is no line:
    /// kept elsewhere, it shows later that nobody wrote the whole chain anew.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn verify_trail(&self, trail: Trail) -> Result<(Chain, String), StoreError> {
        let snapshot = self.begin_snapshot().await?;
        let followed = self.follow(&snapshot, trail).await;
        // Ended here, whatever came of it, and not some time after it was dropped: it holds a lock on the tables.
        snapshot.rollback().await?;
        followed
    }

    async fn follow(&self, db: &impl ConnectionTrait, trail: Trail) -> Result<(Chain, String), StoreError> {
        let (lines, heads, id) = trail.place();
        let page = format!(
            "SELECT seq, at, actor, action, detail, digest FROM {lines} \
             WHERE shop_id = $1 AND seq > $2 ORDER BY seq LIMIT {PAGE}"
        );
        let head = format!("SELECT seq, digest FROM {heads} WHERE shop_id = $1");
        let head = match db.query_one_raw(self.statement(&head, vec![id.into()])).await? {
            Some(head) => (head.try_get::<i64>("", "seq")?, head.try_get::<String>("", "digest")?),
            None => (0, String::new()),
        };
        // A number below 1 was never written, so the first page starts below every number.
        let (mut last, mut digest, mut from) = (0, String::new(), i64::MIN);
        loop {
            let values: Vec<Value> = vec![id.into(), from.into()];
            let rows = db.query_all_raw(self.statement(&page, values)).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let (line, written) = read(row)?;
                if line.seq != last + 1 || line.digest(id, &digest) != written {
                    return Ok((Chain::BrokenAt(last + 1), head.1));
                }
                (last, digest) = (line.seq, written);
            }
            from = last;
        }
        let whole = head.0 == last && head.1 == digest;
        Ok((if whole { Chain::Whole(last) } else { Chain::BrokenAt(last + 1) }, head.1))
    }
}

impl AuditLine {
    /// The digest of this line, which follows one with the digest `before`.
    pub(super) fn digest(&self, id: i64, before: &str) -> String {
        let Self { seq, at, actor, action, detail } = self;
        let text = serde_json::json!([before, id, seq, at, actor, action, detail]).to_string();
        hex::encode(Sha256::digest(text.as_bytes()))
    }
}
