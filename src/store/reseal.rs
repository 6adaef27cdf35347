//! Sealing what is stored anew under the newest key, while everything runs.
//!
//! Rows are read in pages and replaced each only as it was read: what is replaced or removed meanwhile was sealed by
//! whoever did it. So a run may end at any point, and several may run at once. A row that somebody else holds just now is
//! passed over, so that nobody waits for a run that itself waits; the next run over the table finds it.

use sea_orm::{ConnectionTrait, Value};

use super::inspect::Unopened;
use super::sealed::{Place, SealError};
use super::sealed_tables::{SealedRow, SealedTable, TABLES};
use super::{Store, StoreError};

/// Where a run over all tables stands; the default is its start.
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
    /// Values that somebody else held or changed just then.
    pub passed_over: u64,
    /// Values that do not open, and stay as they are.
    pub unopened: Vec<Unopened>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<ResealPlace>,
}

/// A row, and what it is to hold.
struct Anew {
    row: SealedRow,
    sealed: Vec<u8>,
    key_id: String,
}

impl Store {
    /// Seals anew what of the next `limit` values stands under another key than the newest. A page is done in one step
    /// that survives a power loss.
    ///
    /// # Errors
    /// [`SealError::NoKey`] without keys, [`StoreError::Database`]; the page is as it was then.
    pub async fn reseal(&self, place: ResealPlace, limit: u32) -> Result<Resealed, StoreError> {
        let newest = self.keyring.ids().next().ok_or(SealError::NoKey)?.to_owned();
        let mut page = Resealed { resealed: 0, passed_over: 0, unopened: Vec::new(), next: None };
        let Some(table) = TABLES.get(place.table) else { return Ok(page) };
        let rows = self.sealed_rows(table, place.after, Some(&newest), limit).await?;
        page.next = match rows.last() {
            Some(last) => Some(ResealPlace { table: place.table, after: Some((last.shop_id, last.row.clone())) }),
            None if place.table + 1 < TABLES.len() => Some(ResealPlace { table: place.table + 1, after: None }),
            None => None,
        };
        let mut anew = Vec::with_capacity(rows.len());
        for row in rows {
            match self.seal_anew(table, row)? {
                Ok(row) => anew.push(row),
                Err(shut) => page.unopened.push(shut),
            }
        }
        if !anew.is_empty() {
            let opened = anew.len() as u64;
            page.resealed = self.replace_sealed(table, anew).await?;
            page.passed_over = opened - page.resealed;
        }
        Ok(page)
    }

    fn seal_anew(&self, table: &SealedTable, row: SealedRow) -> Result<Result<Anew, Unopened>, SealError> {
        let kind = table.kind(&row);
        let place = Place { shop_id: row.shop_id, kind: &kind };
        match self.keyring.open(place, &row.sealed) {
            Ok(open) => self.keyring.seal(place, &open).map(|(sealed, key_id)| Ok(Anew { row, sealed, key_id })),
            Err(reason) => Ok(Err(Unopened::new(table, row, reason))),
        }
    }

    /// Answers how many were replaced.
    async fn replace_sealed(&self, table: &SealedTable, anew: Vec<Anew>) -> Result<u64, StoreError> {
        let SealedTable { name, column, row, .. } = table;
        let sql = format!(
            "UPDATE {name} SET {column} = $1, key_id = $2 WHERE shop_id = $3 AND {row} = $4 AND {column} = $5 \
             AND shop_id = (SELECT shop_id FROM {name} WHERE shop_id = $3 AND {row} = $4 AND {column} = $5 {})",
            self.skip_locked()
        );
        let transaction = self.begin_durable().await?;
        let mut replaced = 0;
        for Anew { row, sealed, key_id } in anew {
            let values: Vec<Value> =
                vec![sealed.into(), key_id.into(), row.shop_id.into(), row.row.into(), row.sealed.into()];
            replaced += transaction.execute_raw(self.statement(&sql, values)).await?.rows_affected();
        }
        transaction.commit().await?;
        Ok(replaced)
    }
}
