//! Visibility lists and their entries.
//!
//! A list's entries are replaced by writing a new generation beside the one in force and then pointing the list at it,
//! so a list of a million entries changes in one step and holds no lock while it is written.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, Set, Statement, Value};

use super::entities::visibility_list as list;
use super::{Actor, Deed, Store, StoreError};
use crate::visibility::{Entry, ListMatch, Scope, ShopperEmail};

/// Entries written in one statement, which a slow database can do within its limit.
const BATCH: usize = 4_000;

/// The version of a list that was never set.
pub const FIRST_VERSION: i64 = 1;

/// A visibility list without its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListState {
    /// What it governs.
    pub scope: Scope,
    /// Whether it is in force.
    pub is_on: bool,
    /// How many entries stand in it.
    pub total: i64,
    /// Grows with every change.
    pub version: i64,
    pub(super) id: i64,
    pub(super) generation: i64,
}

/// A change of a list.
#[derive(Debug, Clone, Default)]
pub struct ListChange {
    /// Whether it is in force from now on.
    pub is_on: bool,
    /// What replaces all of its entries; they stay as they are where there is nothing.
    pub entries: Option<Vec<Entry>>,
    /// The version of the list the change was made on; any version will do where there is none.
    pub expected_version: Option<i64>,
}

/// What a replacement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplacedList {
    /// How many entries stand in the list now.
    pub total: i64,
    /// The list's new version.
    pub version: i64,
}

impl Store {
    /// Looks the lists that are on up for one shopper, in one statement whose cost does not grow with the lists.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn match_lists(&self, shop_id: i64, email: Option<&ShopperEmail>) -> Result<Vec<ListMatch>, StoreError> {
        // A scalar subquery by the whole primary key can only be an index look-up, whatever the planner believes.
        const SQL: &str = "SELECT l.retailer_id, l.entry_count, \
             COALESCE((SELECT e.value FROM visibility_entries e \
                        WHERE e.list_id = l.id AND e.generation = l.generation AND e.value = $2), \
                      (SELECT e.value FROM visibility_entries e \
                        WHERE e.list_id = l.id AND e.generation = l.generation AND e.value = $3)) AS matched \
             FROM visibility_lists l WHERE l.shop_id = $1 AND l.is_on";
        // No entry is the empty string, so an unknown e-mail matches nothing.
        let (address, domain) = email.map_or(("", ""), |email| (email.as_address_entry(), email.as_domain_entry()));
        let values: [Value; 3] = [shop_id.into(), address.into(), domain.into()];
        let statement = Statement::from_sql_and_values(self.db.get_database_backend(), SQL, values);
        let rows = self.db.query_all_raw(statement).await?;
        rows.into_iter()
            .map(|row| {
                Ok(ListMatch {
                    scope: scope_of(row.try_get("", "retailer_id")?),
                    is_empty: row.try_get::<i64>("", "entry_count")? == 0,
                    matched: row.try_get("", "matched")?,
                })
            })
            .collect()
    }

    /// The shop's lists, the global one first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lists(&self, shop_id: i64) -> Result<Vec<ListState>, StoreError> {
        let rows = list::Entity::find()
            .filter(list::COLUMN.shop_id.eq(shop_id))
            .order_by_asc(list::Column::RetailerId)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(ListState::from).collect())
    }

    /// One of the shop's lists, or `None` while nothing was ever set.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list(&self, shop_id: i64, scope: &Scope) -> Result<Option<ListState>, StoreError> {
        let found = list::Entity::find()
            .filter(list::COLUMN.shop_id.eq(shop_id))
            .filter(list::COLUMN.retailer_id.eq(retailer_id_of(scope)))
            .one(&self.db)
            .await?;
        Ok(found.map(ListState::from))
    }

    /// Changes a list, in one step with its line in the audit trail. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; the list stays as it was then. [`StoreError::VersionConflict`] when it is not at the version the
    /// change was made on.
    pub async fn set_list(
        &self,
        shop_id: i64,
        scope: &Scope,
        change: ListChange,
        by: Actor,
        now: i64,
    ) -> Result<ReplacedList, StoreError> {
        let row = self.list_row(shop_id, scope, now).await?;
        let expected = change.expected_version.unwrap_or(row.version);
        if expected != row.version {
            return Err(StoreError::VersionConflict);
        }
        let mut written = None;
        if let Some(entries) = change.entries {
            let generation = self.next_generation(row.id).await?;
            written = Some((generation, self.write_generation(row.id, generation, entries).await?));
        }
        let (generation, total) = written.unwrap_or((row.generation, row.entry_count));
        let transaction = self.begin_write().await?;
        let mut point = list::Entity::update_many()
            .col_expr(list::Column::IsOn, Expr::value(change.is_on))
            .col_expr(list::Column::Generation, Expr::value(generation))
            .col_expr(list::Column::EntryCount, Expr::value(total))
            .col_expr(list::Column::UpdatedAt, Expr::value(now))
            .col_expr(list::Column::Version, Expr::col(list::Column::Version).add(1))
            .filter(list::COLUMN.id.eq(row.id));
        if change.expected_version.is_some() || written.is_none() {
            point = point.filter(list::COLUMN.version.eq(expected));
        }
        if written.is_some() {
            // A writer that was overtaken finds its generation dropped already, so it must not put it in force.
            point = point.filter(list::COLUMN.generation.lt(generation));
        }
        if point.exec(&transaction).await?.rows_affected == 0 {
            transaction.rollback().await?;
            if written.is_some() {
                self.drop_unused_generation(row.id, generation).await?;
            }
            return Err(StoreError::VersionConflict);
        }
        let detail = serde_json::json!({
            "scope": scope.name(), "on": change.is_on, "total": total, "replaced": written.is_some(),
        });
        self.append_deed(&transaction, shop_id, &Deed { actor: by, action: "rules.changed", detail }, now).await?;
        self.announce_shop(&transaction, shop_id).await?;
        transaction.commit().await?;
        if written.is_some() {
            self.drop_generations_before(row.id, generation).await?;
        }
        let row = self.list_row(shop_id, scope, now).await?;
        Ok(ReplacedList { total: row.entry_count, version: row.version })
    }

    /// Writes entries as a generation that is not in force yet. Answers how many there are without repeats.
    async fn write_generation(
        &self,
        list_id: i64,
        generation: i64,
        mut entries: Vec<Entry>,
    ) -> Result<i64, StoreError> {
        entries.sort_unstable();
        entries.dedup();
        for batch in entries.chunks(BATCH) {
            self.write_entries(list_id, generation, batch).await?;
        }
        Ok(i64::try_from(entries.len()).unwrap_or(i64::MAX))
    }

    async fn list_row(&self, shop_id: i64, scope: &Scope, now: i64) -> Result<list::Model, StoreError> {
        let retailer_id = retailer_id_of(scope);
        let fresh = list::ActiveModel {
            shop_id: Set(shop_id),
            retailer_id: Set(retailer_id.to_owned()),
            updated_at: Set(now),
            ..Default::default()
        };
        let keep = OnConflict::columns([list::Column::ShopId, list::Column::RetailerId]).do_nothing().to_owned();
        list::Entity::insert(fresh).on_conflict(keep).exec_without_returning(&self.db).await?;
        let found = list::Entity::find()
            .filter(list::COLUMN.shop_id.eq(shop_id))
            .filter(list::COLUMN.retailer_id.eq(retailer_id))
            .one(&self.db)
            .await?;
        found.ok_or(StoreError::Unreadable("visibility_lists"))
    }

    /// A generation number no other writer has.
    async fn next_generation(&self, list_id: i64) -> Result<i64, StoreError> {
        const SQL: &str = "UPDATE visibility_lists SET last_generation = last_generation + 1 WHERE id = $1 \
             RETURNING last_generation";
        let statement = Statement::from_sql_and_values(self.db.get_database_backend(), SQL, [list_id.into()]);
        let row = self.db.query_one_raw(statement).await?.ok_or(StoreError::Unreadable("visibility_lists"))?;
        Ok(row.try_get("", "last_generation")?)
    }

    async fn write_entries(&self, list_id: i64, generation: i64, batch: &[Entry]) -> Result<(), StoreError> {
        let sql = match self.db.get_database_backend() {
            sea_orm::DbBackend::Postgres => {
                "INSERT INTO visibility_entries (list_id, generation, value) \
                 SELECT $1, $2, jsonb_array_elements_text(CAST($3 AS jsonb))"
            }
            _ => {
                "INSERT INTO visibility_entries (list_id, generation, value) \
                 SELECT $1, $2, value FROM json_each($3)"
            }
        };
        let values: Vec<&str> = batch.iter().map(Entry::as_str).collect();
        let json = serde_json::to_string(&values).expect("strings always serialise");
        let statement = Statement::from_sql_and_values(
            self.db.get_database_backend(),
            sql,
            [list_id.into(), generation.into(), json.into()],
        );
        self.db.execute_raw(statement).await?;
        Ok(())
    }

    async fn drop_unused_generation(&self, list_id: i64, generation: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM visibility_entries WHERE list_id = $1 AND generation = $2 \
             AND generation <> (SELECT generation FROM visibility_lists WHERE id = $1)";
        let values: [Value; 2] = [list_id.into(), generation.into()];
        self.execute_long(SQL, values.into()).await
    }

    async fn drop_generations_before(&self, list_id: i64, generation: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM visibility_entries WHERE list_id = $1 AND generation < $2";
        let values: [Value; 2] = [list_id.into(), generation.into()];
        self.execute_long(SQL, values.into()).await
    }

    /// A list may have had a million entries.
    async fn execute_long(&self, sql: &str, values: Vec<Value>) -> Result<(), StoreError> {
        let transaction = self.begin_long().await?;
        transaction.execute_raw(self.statement(sql, values)).await?;
        Ok(transaction.commit().await?)
    }
}

impl From<list::Model> for ListState {
    fn from(row: list::Model) -> Self {
        Self {
            scope: scope_of(row.retailer_id),
            is_on: row.is_on,
            total: row.entry_count,
            version: row.version,
            id: row.id,
            generation: row.generation,
        }
    }
}

pub(super) fn scope_of(retailer_id: String) -> Scope {
    if retailer_id.is_empty() { Scope::Global } else { Scope::Retailer(retailer_id) }
}

fn retailer_id_of(scope: &Scope) -> &str {
    match scope {
        Scope::Global => "",
        Scope::Retailer(id) => id,
    }
}
