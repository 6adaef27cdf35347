//! Where sealed values stand, and under which keys.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;

use super::sealed::key_id;
use super::{Store, StoreError};

/// Stands for the key of a value whose first bytes are no sealed value's.
const UNREADABLE: &str = "?";

/// A table that holds sealed values, with the columns `shop_id` and `key_id`.
pub(super) struct SealedTable {
    pub(super) name: &'static str,
    /// The column of the sealed value; NULL where it was struck out.
    pub(super) column: &'static str,
    /// What tells the rows of a shop apart, in SQL.
    pub(super) row: &'static str,
    /// What of a row is bound into its seal beside the shop: this, and after it what `row` is.
    pub(super) bound: &'static str,
    /// What people call such a value; a secret has a name of its own.
    pub(super) noun: Option<&'static str>,
}

/// Every table that holds something sealed.
pub(super) const TABLES: [SealedTable; 4] = [
    SealedTable { name: "shop_secrets", column: "sealed", row: "kind", bound: "", noun: None },
    SealedTable {
        name: "shopify_tokens",
        column: "sealed",
        row: "CAST('' AS TEXT)",
        bound: "shopify_token_pair",
        noun: Some("shopify_token_pair"),
    },
    SealedTable { name: "deliveries", column: "content", row: "id", bound: "delivery:", noun: Some("a delivery") },
    SealedTable {
        name: "subtotal_events",
        column: "sealed",
        row: "event_id",
        bound: "subtotal_event\0",
        noun: Some("an event"),
    },
];

/// How many sealed values stand in a table under one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedCount {
    /// The table.
    pub table: &'static str,
    /// The key's id, as in `ENCRYPTION_KEYS`; `?` where the value names none.
    pub key: String,
    /// Rows.
    pub rows: i64,
}

/// A sealed value as it stands in its row.
pub(super) struct SealedRow {
    pub(super) shop_id: i64,
    /// The shop's permanent domain.
    pub(super) shop: String,
    pub(super) row: String,
    pub(super) sealed: Vec<u8>,
}

impl SealedTable {
    /// What is bound into the seal of a row, beside the shop.
    pub(super) fn kind(&self, row: &SealedRow) -> String {
        format!("{}{}", self.bound, row.row)
    }
}

impl Store {
    /// The ids of the encryption keys, newest first: the first seals, all of them open.
    #[must_use]
    pub fn key_ids(&self) -> Vec<String> {
        self.keyring.ids().map(str::to_owned).collect()
    }

    /// The names of the tables that hold sealed values.
    pub fn sealed_tables() -> impl Iterator<Item = &'static str> {
        TABLES.iter().map(|table| table.name)
    }

    /// How many sealed values each table holds under each key, in the order of the tables and of the keys' ids.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sealed_counts(&self) -> Result<Vec<SealedCount>, StoreError> {
        let mut counts = Vec::new();
        for table in &TABLES {
            let SealedTable { name, column, .. } = table;
            let sql =
                format!("SELECT key_id, COUNT(*) AS total FROM {name} WHERE {column} IS NOT NULL GROUP BY key_id");
            let mut by_key = BTreeMap::<String, i64>::new();
            for row in self.db.query_all_raw(self.statement(&sql, Vec::new())).await? {
                match row.try_get::<Option<String>>("", "key_id")? {
                    Some(key) => *by_key.entry(key).or_default() += row.try_get::<i64>("", "total")?,
                    None => self.count_by_bytes(table, &mut by_key).await?,
                }
            }
            counts.extend(by_key.into_iter().map(|(key, rows)| SealedCount { table: name, key, rows }));
        }
        Ok(counts)
    }

    /// Counts the rows that do not say their key, by the key that the sealed bytes name: the first byte is the version,
    /// the second says how long the id behind them is.
    async fn count_by_bytes(&self, table: &SealedTable, by_key: &mut BTreeMap<String, i64>) -> Result<(), StoreError> {
        let SealedTable { name, column, .. } = table;
        let of = format!("FROM {name} WHERE {column} IS NOT NULL AND key_id IS NULL");
        let sql = format!("SELECT DISTINCT substr({column}, 1, 2) AS front {of}");
        for row in self.db.query_all_raw(self.statement(&sql, Vec::new())).await? {
            let front: Vec<u8> = row.try_get("", "front")?;
            let head = 2 + front.get(1).copied().map_or(0, i32::from);
            let sql = format!(
                "SELECT substr({column}, 1, {head}) AS head, COUNT(*) AS total {of} AND substr({column}, 1, 2) = $1 \
                 GROUP BY substr({column}, 1, {head})"
            );
            for row in self.db.query_all_raw(self.statement(&sql, vec![front.into()])).await? {
                let head: Vec<u8> = row.try_get("", "head")?;
                let key = key_id(&head).unwrap_or(UNREADABLE).to_owned();
                *by_key.entry(key).or_default() += row.try_get::<i64>("", "total")?;
            }
        }
        Ok(())
    }

    /// The next `limit` sealed values of a table, behind `after`, by shop and row; with `but`, those alone that do not
    /// stand under this key.
    pub(super) async fn sealed_rows(
        &self,
        table: &SealedTable,
        after: Option<(i64, String)>,
        but: Option<&str>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let SealedTable { name, column, row, .. } = table;
        let (shop_id, last) = after.unwrap_or((i64::MIN, String::new()));
        let mut values: Vec<Value> = vec![shop_id.into(), last.into(), i64::from(limit).into()];
        let mut chosen = "";
        if let Some(key) = but {
            chosen = "AND (key_id IS NULL OR key_id <> $4)";
            values.push(key.into());
        }
        let sql = format!(
            "SELECT shop_id, (SELECT s.domain FROM shops s WHERE s.id = {name}.shop_id) AS shop, {row} AS place, {column} AS value \
             FROM {name} WHERE {column} IS NOT NULL AND (shop_id, {row}) > ($1, $2) {chosen} \
             ORDER BY shop_id, place LIMIT $3"
        );
        let read = |row: &QueryResult| {
            Ok(SealedRow {
                shop_id: row.try_get("", "shop_id")?,
                shop: row.try_get("", "shop")?,
                row: row.try_get("", "place")?,
                sealed: row.try_get("", "value")?,
            })
        };
        self.db.query_all_raw(self.statement(&sql, values)).await?.iter().map(read).collect()
    }
}
