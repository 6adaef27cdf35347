//! Sealing what is stored anew under the newest key, while everything runs.
//!
//! Rows are read in pages and replaced one by one, each only as it was read: what is replaced or removed meanwhile was
//! sealed under the newest key by whoever did it. So a run may be ended at any point, and several may run at once.

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;

use super::sealed::{Place, SealError};
use super::{Store, StoreError};

/// A table with the columns `shop_id`, `sealed` and `key_id`.
struct SealedTable {
    name: &'static str,
    /// The rest of its primary key.
    key: Option<&'static str>,
    kind: Kind,
}

/// What of a row was bound into its seal, beside the shop.
enum Kind {
    Fixed(&'static str),
    InKey,
}

/// Every table that holds something sealed.
const TABLES: [SealedTable; 2] = [
    SealedTable { name: "shop_secrets", key: Some("kind"), kind: Kind::InKey },
    SealedTable { name: "shopify_tokens", key: None, kind: Kind::Fixed("shopify_token_pair") },
];

/// How many sealed values stand in a table under one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedCount {
    /// The table.
    pub table: &'static str,
    /// The key's id, as in `ENCRYPTION_KEYS`.
    pub key_id: String,
    /// Rows.
    pub rows: i64,
}

/// Where a run stands; the default is its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResealPlace {
    table: usize,
    after: Option<(i64, String)>,
}

/// What a page of a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// Values that stand under the newest key now.
    pub resealed: u64,
    /// Values that do not open: the table, the shop's id, and why.
    pub unopened: Vec<(&'static str, i64, SealError)>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<ResealPlace>,
}

impl Store {
    /// The id of the key that seals; `None` without keys.
    #[must_use]
    pub fn newest_key(&self) -> Option<&str> {
        self.keyring.newest()
    }

    /// How many sealed values each table holds under each key, in the order of the tables and of the keys' ids.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sealed_counts(&self) -> Result<Vec<SealedCount>, StoreError> {
        let mut counts = Vec::new();
        for SealedTable { name, .. } in &TABLES {
            let sql = format!("SELECT key_id, COUNT(*) AS total FROM {name} GROUP BY key_id ORDER BY key_id");
            for row in self.db.query_all_raw(self.statement(&sql, vec![])).await? {
                let (key_id, rows) = (row.try_get("", "key_id")?, row.try_get("", "total")?);
                counts.push(SealedCount { table: name, key_id, rows });
            }
        }
        Ok(counts)
    }

    /// Seals anew what of the next `limit` rows stands under another key than the newest.
    ///
    /// # Errors
    /// [`SealError::NoKey`] without keys, [`StoreError::Database`]; what was done so far stays done.
    pub async fn reseal(&self, place: ResealPlace, limit: u64) -> Result<Resealed, StoreError> {
        let newest = self.keyring.newest().ok_or(SealError::NoKey)?.to_owned();
        let mut page = Resealed { resealed: 0, unopened: Vec::new(), next: None };
        let Some(table) = TABLES.get(place.table) else { return Ok(page) };
        let rows = self.page_of_others(table, &newest, place.after.as_ref(), limit).await?;
        page.next = match rows.last() {
            Some(last) if rows.len() as u64 == limit => {
                Some(ResealPlace { after: Some((last.try_get("", "shop_id")?, last.try_get("", "key")?)), ..place })
            }
            _ if place.table + 1 < TABLES.len() => Some(ResealPlace { table: place.table + 1, after: None }),
            _ => None,
        };
        for row in &rows {
            let shop_id = row.try_get("", "shop_id")?;
            match self.reseal_row(table, row).await? {
                Ok(changed) => page.resealed += u64::from(changed),
                Err(error) => page.unopened.push((table.name, shop_id, error)),
            }
        }
        Ok(page)
    }

    async fn page_of_others(
        &self,
        table: &SealedTable,
        newest: &str,
        after: Option<&(i64, String)>,
        limit: u64,
    ) -> Result<Vec<QueryResult>, StoreError> {
        let (name, key) = (table.name, table.key.unwrap_or("''"));
        let sql = format!(
            "SELECT shop_id, {key} AS key, sealed FROM {name} \
             WHERE key_id <> $1 AND (shop_id > $2 OR (shop_id = $2 AND {key} > $3)) ORDER BY shop_id, {key} LIMIT $4"
        );
        let (shop_id, key) = after.cloned().unwrap_or((i64::MIN, String::new()));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values: Vec<Value> = vec![newest.into(), shop_id.into(), key.into(), limit.into()];
        Ok(self.db.query_all_raw(self.statement(&sql, values)).await?)
    }

    /// Answers whether the row was replaced, or why its value does not open.
    async fn reseal_row(&self, table: &SealedTable, row: &QueryResult) -> Result<Result<bool, SealError>, StoreError> {
        let (shop_id, key): (i64, String) = (row.try_get("", "shop_id")?, row.try_get("", "key")?);
        let before: Vec<u8> = row.try_get("", "sealed")?;
        let kind = match table.kind {
            Kind::Fixed(kind) => kind,
            Kind::InKey => &key,
        };
        let place = Place { shop_id, kind };
        let (sealed, key_id) = match self.keyring.open(place, &before) {
            Ok(open) => self.keyring.seal(place, &open)?,
            Err(error) => return Ok(Err(error)),
        };
        let sql = format!(
            "UPDATE {} SET sealed = $1, key_id = $2 WHERE shop_id = $3 AND {} = $4 AND sealed = $5",
            table.name,
            table.key.unwrap_or("''")
        );
        let values: Vec<Value> = vec![sealed.into(), key_id.into(), shop_id.into(), key.into(), before.into()];
        Ok(Ok(self.durable.execute_raw(self.statement(&sql, values)).await?.rows_affected() == 1))
    }
}
