//! What `doctor` looks at in the database. It reads only, and never gives a secret away.

use sea_orm::{ConnectionTrait, QueryResult};

use super::sealed::Place;
use super::{SealError, Store, StoreError};

/// A stored secret that the encryption keys do not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    /// The shop's permanent domain.
    pub shop: String,
    /// What the secret is.
    pub kind: String,
    /// Why it does not open.
    pub reason: SealError,
}

impl Store {
    /// Tries the keys on every stored secret. Answers how many there are, and those that stay shut.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn unopened_secrets(&self) -> Result<(usize, Vec<Unopened>), StoreError> {
        const SQL: &str = "SELECT s.domain, x.shop_id, x.kind, x.sealed FROM shop_secrets x \
             JOIN shops s ON s.id = x.shop_id \
             UNION ALL SELECT s.domain, t.shop_id, 'shopify_token_pair', t.sealed FROM shopify_tokens t \
             JOIN shops s ON s.id = t.shop_id";
        let rows = self.db.query_all_raw(self.statement(SQL, Vec::new())).await?;
        let mut shut = Vec::new();
        for row in &rows {
            let (shop, kind): (String, String) = (row.try_get("", "domain")?, row.try_get("", "kind")?);
            let sealed: Vec<u8> = row.try_get("", "sealed")?;
            let place = Place { shop_id: row.try_get("", "shop_id")?, kind: &kind };
            if let Err(reason) = self.keyring.open(place, &sealed) {
                shut.push(Unopened { shop, kind, reason });
            }
        }
        Ok((rows.len(), shut))
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
