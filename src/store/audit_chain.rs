//! Whether a trail is whole: every line holds the digest of the one before it, and the head that of the last. Where the
//! oldest lines were pruned, the head holds the number and digest of the last of them, and the newest line that tells of
//! a pruning must name the same.
//!
//! Lines and head are read in one snapshot, so a line that is added meanwhile is not mistaken for a break. Nothing here
//! mends a chain.

use sea_orm::{ConnectionTrait, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::audit::{AuditLine, Trail, read};
use super::{Store, StoreError};

/// Lines read at a time.
const PAGE: i64 = 1000;

/// How a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// Every line fits; so many were written, with those that were pruned.
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
        let head = format!("SELECT seq, digest, pruned_seq, pruned_digest FROM {heads} WHERE shop_id = $1");
        let (head, pruned) = match db.query_one_raw(self.statement(&head, vec![id.into()])).await? {
            Some(head) => (
                (head.try_get::<i64>("", "seq")?, head.try_get::<String>("", "digest")?),
                Pruned { through: head.try_get("", "pruned_seq")?, digest: head.try_get("", "pruned_digest")? },
            ),
            None => ((0, String::new()), Pruned::default()),
        };
        let mut told = Pruned::default();
        // A number below the first was pruned or never written, so the first page starts below every number.
        let (mut last, mut digest, mut from) = (pruned.through, pruned.digest.clone(), i64::MIN);
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
                if let Some(pruned) = Pruned::told_by(&line) {
                    told = pruned;
                }
                (last, digest) = (line.seq, written);
            }
            from = last;
        }
        let whole = head.0 == last && head.1 == digest;
        if whole && told != pruned {
            return Ok((Chain::BrokenAt(pruned.through + 1), head.1));
        }
        Ok((if whole { Chain::Whole(last) } else { Chain::BrokenAt(last + 1) }, head.1))
    }
}

/// Up to where the oldest lines of a trail are gone, and the digest of the last of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pruned {
    pub(super) through: i64,
    pub(super) digest: String,
}

impl Pruned {
    pub(super) const ACTION: &str = "audit.pruned";

    fn told_by(line: &AuditLine) -> Option<Self> {
        if line.action != Self::ACTION {
            return None;
        }
        // What can not be read names no pruning that took place.
        Some(serde_json::from_str(&line.detail).unwrap_or(Self { through: -1, digest: String::new() }))
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
