//! Pruning a trail's oldest lines. The chain goes on from the last one that went, and a line of the trail itself says so.

use sea_orm::{ConnectionTrait, Value};
use serde_json::json;

use super::audit::Trail;
use super::audit_chain::Pruned;
use super::turns::Write;
use super::{Actor, Deed, Store, StoreError};

/// Lines that go in one step.
const AT_ONCE: i64 = 5000;
/// How much longer than asked for lines may stay, in milliseconds: a pruning adds a line, so it is done for many at once.
const SLACK_MS: i64 = 30 * 24 * 60 * 60 * 1000;

impl Store {
    /// Removes from the front of every trail what was written before `before`, once it is 30 days older than that, up to
    /// the first line that is younger. Answers how many lines went. Times are Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; the lots before stay pruned.
    pub async fn prune_audit(&self, before: i64, now: i64) -> Result<u64, StoreError> {
        const OLD: &str = "SELECT l.shop_id FROM audit_lines l JOIN audit_heads h ON h.shop_id = l.shop_id \
             WHERE l.seq = h.pruned_seq + 1 AND l.at < $1";
        const SERVICE: &str = "SELECT l.shop_id FROM service_audit_lines l JOIN service_audit_heads h \
             ON h.shop_id = l.shop_id WHERE l.seq = h.pruned_seq + 1 AND l.at < $1";
        let due: Vec<Value> = vec![(before - SLACK_MS).into()];
        let mut trails = Vec::new();
        for row in self.db.query_all_raw(self.statement(OLD, due.clone())).await? {
            trails.push(Trail::Shop(row.try_get("", "shop_id")?));
        }
        if self.db.query_one_raw(self.statement(SERVICE, due)).await?.is_some() {
            trails.push(Trail::Service);
        }
        let mut pruned = 0;
        for trail in trails {
            loop {
                let lot = self.prune_lot(trail, before, now).await?;
                pruned += lot;
                if lot < AT_ONCE.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(pruned)
    }

    async fn prune_lot(&self, trail: Trail, before: i64, now: i64) -> Result<u64, StoreError> {
        let transaction = self.begin_write().await?;
        let Some(last) = self.last_of_lot(&transaction, trail, before).await? else { return Ok(0) };
        let (lines, heads, id) = trail.place();
        let remove = format!("DELETE FROM {lines} WHERE shop_id = $1 AND seq <= $2");
        let note = format!("UPDATE {heads} SET pruned_seq = $2, pruned_digest = $3 WHERE shop_id = $1");
        let values: Vec<Value> = vec![id.into(), last.through.into()];
        let removed = transaction.execute_raw(self.statement(&remove, values)).await?.rows_affected();
        let values: Vec<Value> = vec![id.into(), last.through.into(), last.digest.clone().into()];
        transaction.execute_raw(self.statement(&note, values)).await?;
        let detail = json!(last);
        let deed = Deed { actor: Actor::Service, action: Pruned::ACTION, detail };
        self.append_to(&transaction, trail, &deed, now).await?;
        transaction.commit().await?;
        Ok(removed)
    }

    /// The last line of the next lot, as it stands once the head is locked: whoever pruned meanwhile has left less.
    async fn last_of_lot(&self, db: &Write, trail: Trail, before: i64) -> Result<Option<Pruned>, StoreError> {
        let (lines, heads, id) = trail.place();
        let lock = format!("UPDATE {heads} SET seq = seq WHERE shop_id = $1 RETURNING pruned_seq");
        let Some(head) = db.query_one_raw(self.statement(&lock, vec![id.into()])).await? else { return Ok(None) };
        let from: i64 = head.try_get("", "pruned_seq")?;
        let find = format!(
            "SELECT seq, digest FROM {lines} WHERE shop_id = $1 AND seq > $2 AND seq <= $3 \
             AND seq < COALESCE((SELECT MIN(seq) FROM {lines} WHERE shop_id = $1 AND seq > $2 AND at >= $4), $5) \
             ORDER BY seq DESC LIMIT 1"
        );
        let values: Vec<Value> = vec![id.into(), from.into(), (from + AT_ONCE).into(), before.into(), i64::MAX.into()];
        let last = db.query_one_raw(self.statement(&find, values)).await?;
        let read = |row: sea_orm::QueryResult| {
            Ok(Pruned { through: row.try_get("", "seq")?, digest: row.try_get("", "digest")? })
        };
        last.map(read).transpose()
    }
}
