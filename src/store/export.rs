//! Everything that is stored about a shop, table by table, for whoever may ask for it. Secrets are told by their last
//! characters alone; what is sealed of events and deliveries is opened, because it is the merchant's own data.

use std::collections::BTreeMap;
use std::io::Write;

use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, StreamTrait, Value};
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use super::export_tables::{Column, Kind, OfShop, TABLES, Table};
use super::sealed::Place;
use super::shops::domain_digest;
use super::{Store, StoreError};
use crate::shopify::ShopDomain;

/// No id of a shop.
const NO_SHOP: i64 = -1;

/// An export could not be written to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database did not tell.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be written.
    #[error("it could not be written: {0}")]
    Write(#[from] std::io::Error),
}

impl From<sea_orm::DbErr> for ExportError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Writes everything that is stored about a shop as one JSON object, a row a line, as it stood at one moment. Answers
    /// how many rows; 0, with nothing written, where nothing is stored. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`ExportError`]; a part may have been written then.
    pub async fn export_shop(&self, domain: &ShopDomain, now: i64, out: &mut impl Write) -> Result<u64, ExportError> {
        let shop_id = self.shop_id(domain).await?.unwrap_or(NO_SHOP);
        let snapshot = self.begin_snapshot().await?;
        let exported = self.export(snapshot.inner(), shop_id, domain, now, out).await;
        snapshot.rollback().await?;
        exported
    }

    async fn export(
        &self,
        db: &DatabaseTransaction,
        shop_id: i64,
        domain: &ShopDomain,
        now: i64,
        out: &mut impl Write,
    ) -> Result<u64, ExportError> {
        if self.count_rows(db, domain).await?.values().all(|rows| *rows == 0) {
            return Ok(0);
        }
        let mut written = 0;
        write!(out, "{{\"shop\":{},\"exportedAt\":{now},\"tables\":{{", json!(domain.as_str()))?;
        for (nth, table) in TABLES.iter().enumerate() {
            write!(out, "{}\n{}:[", if nth == 0 { "" } else { "," }, json!(table.name))?;
            let mut first = true;
            let sql = format!(
                "SELECT {} FROM {} WHERE {} ORDER BY {}",
                table.selected(),
                table.name,
                table.of.sql(),
                table.order
            );
            let mut rows = db.stream_raw(self.statement(&sql, vec![whose(table, shop_id, domain)])).await?;
            while let Some(row) = rows.try_next().await? {
                write!(out, "{}\n{}", if first { "" } else { "," }, self.row_told(table, shop_id, &row)?)?;
                first = false;
                written += 1;
            }
            write!(out, "]")?;
        }
        writeln!(out, "\n}}}}")?;
        out.flush()?;
        Ok(written)
    }

    /// How many rows of each table are a shop's.
    pub(super) async fn count_rows(
        &self,
        db: &impl ConnectionTrait,
        domain: &ShopDomain,
    ) -> Result<BTreeMap<&'static str, i64>, StoreError> {
        const ID: &str = "SELECT id FROM shops WHERE domain = $1";
        let id = db.query_one_raw(self.statement(ID, vec![domain.as_str().into()])).await?;
        let shop_id = id.map(|row| row.try_get("", "id")).transpose()?.unwrap_or(NO_SHOP);
        let mut rows = BTreeMap::new();
        for table in &TABLES {
            let sql = format!("SELECT COUNT(*) AS n FROM {} WHERE {}", table.name, table.of.sql());
            let count = db.query_one_raw(self.statement(&sql, vec![whose(table, shop_id, domain)])).await?;
            rows.insert(table.name, count.map(|row| row.try_get("", "n")).transpose()?.unwrap_or_default());
        }
        Ok(rows)
    }

    fn row_told(&self, table: &Table, shop_id: i64, row: &QueryResult) -> Result<Json, StoreError> {
        let mut told = serde_json::Map::new();
        for Column { name, kind } in table.columns {
            let value = match kind {
                Kind::Text => json!(row.try_get::<Option<String>>("", name)?),
                Kind::Integer => json!(row.try_get::<Option<i64>>("", name)?),
                Kind::Small => json!(row.try_get::<Option<i32>>("", name)?),
                Kind::Flag => json!(row.try_get::<Option<bool>>("", name)?),
                Kind::Json => row.try_get::<Option<String>>("", name)?.map_or(Json::Null, parsed),
                Kind::Sealed { bound, key } => {
                    let sealed: Option<Vec<u8>> = row.try_get("", name)?;
                    let kind = format!("{bound}{}", row.try_get::<String>("", key)?);
                    let open = |sealed: Vec<u8>| match self.keyring.open(Place { shop_id, kind: &kind }, &sealed) {
                        Ok(open) => parsed(open.expose_secret().to_owned()),
                        Err(error) => json!({ "unopened": error.to_string() }),
                    };
                    sealed.map_or(Json::Null, open)
                }
            };
            told.insert((*name).to_owned(), value);
        }
        Ok(Json::Object(told))
    }
}

fn whose(table: &Table, shop_id: i64, domain: &ShopDomain) -> Value {
    match table.of {
        OfShop::Id | OfShop::ShopId | OfShop::List => shop_id.into(),
        OfShop::Domain => domain.as_str().into(),
        OfShop::Digest => domain_digest(domain.as_str()).into(),
    }
}

/// JSON as what it is; another text as a text.
fn parsed(text: String) -> Json {
    serde_json::from_str(&text).unwrap_or(Json::String(text))
}
