//! What `doctor` looks at in the database. It reads only, and never gives a secret away.

use sea_orm::{ConnectionTrait, QueryResult};

use super::sealed::Place;
use super::sealed_tables::{SealedRow, SealedTable, TABLES};
use super::{SealError, Store, StoreError};

/// Values read at a time.
const PAGE: u32 = 500;

/// A sealed value that the encryption keys do not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    /// The table it stands in.
    pub table: &'static str,
    /// The shop's permanent domain.
    pub shop: String,
    /// What it is.
    pub kind: String,
    /// Why it does not open.
    pub reason: SealError,
}

impl Unopened {
    pub(super) fn new(table: &SealedTable, row: SealedRow, reason: SealError) -> Self {
        let kind = table.noun.map_or(row.row, str::to_owned);
        Self { table: table.name, shop: row.shop, kind, reason }
    }
}

impl Store {
    /// Tries the keys on everything that is sealed. Answers how much there is, and what stays shut.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn unopened(&self) -> Result<(usize, Vec<Unopened>), StoreError> {
        let (mut total, mut shut) = (0, Vec::new());
        for table in &TABLES {
            let mut after = None;
            loop {
                let rows = self.sealed_rows(table, after, None, PAGE).await?;
                let Some(last) = rows.last() else { break };
                after = Some((last.shop_id, last.row.clone()));
                total += rows.len();
                for row in rows {
                    let kind = table.kind(&row);
                    if let Err(reason) = self.keyring.open(Place { shop_id: row.shop_id, kind: &kind }, &row.sealed) {
                        shut.push(Unopened::new(table, row, reason));
                    }
                }
            }
        }
        Ok((total, shut))
    }

    /// Installed shops by domain: the scopes Shopify granted each, empty where it never did, and why its tokens are of
    /// no use, where they are not.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn grants(&self) -> Result<Vec<(String, String, Option<String>)>, StoreError> {
        const SQL: &str = "SELECT s.domain, s.scopes, t.problem FROM shops s \
             LEFT JOIN shopify_tokens t ON t.shop_id = s.id WHERE s.uninstalled_at IS NULL ORDER BY s.domain";
        let rows = self.db.query_all_raw(self.statement(SQL, Vec::new())).await?;
        let read = |row: &QueryResult| {
            let scopes: Option<String> = row.try_get("", "scopes")?;
            Ok((row.try_get("", "domain")?, scopes.unwrap_or_default(), row.try_get("", "problem")?))
        };
        rows.iter().map(read).collect()
    }
}
