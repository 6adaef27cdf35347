//! Reading what stands in a visibility list: a page of it, what a search finds, or all of it one batch after another.

use sea_orm::{ConnectionTrait, Value};

use super::{ListState, Store, StoreError};

/// Entries a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundEntries {
    /// One page of them, in order.
    pub entries: Vec<String>,
    /// How many there are on all pages.
    pub found: i64,
}

impl Store {
    /// A list's entries, in order, from `offset` on.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn entries(
        &self,
        shop_id: i64,
        list: &ListState,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT e.value FROM visibility_entries e JOIN visibility_lists l ON l.id = e.list_id \
             WHERE l.shop_id = $1 AND e.list_id = $2 AND e.generation = $3 ORDER BY e.value LIMIT $4 OFFSET $5";
        let mut values = of_list(shop_id, list);
        values.extend([number(limit), number(offset)]);
        self.entry_values(SQL, values).await
    }

    /// The entries that hold `text` anywhere, in order, from `offset` on.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_entries(
        &self,
        shop_id: i64,
        list: &ListState,
        text: &str,
        offset: u64,
        limit: u64,
    ) -> Result<FoundEntries, StoreError> {
        const PAGE: &str = "SELECT e.value FROM visibility_entries e JOIN visibility_lists l ON l.id = e.list_id \
             WHERE l.shop_id = $1 AND e.list_id = $2 AND e.generation = $3 AND e.value LIKE $4 ESCAPE '!' \
             ORDER BY e.value LIMIT $5 OFFSET $6";
        const COUNT: &str = "SELECT COUNT(*) AS found FROM visibility_entries e \
             JOIN visibility_lists l ON l.id = e.list_id \
             WHERE l.shop_id = $1 AND e.list_id = $2 AND e.generation = $3 AND e.value LIKE $4 ESCAPE '!'";
        if text.is_empty() {
            return Ok(FoundEntries { entries: self.entries(shop_id, list, offset, limit).await?, found: list.total });
        }
        let mut values = of_list(shop_id, list);
        values.push(pattern(text).into());
        let row = self.db.query_one_raw(self.statement(COUNT, values.clone())).await?;
        let found = row.ok_or(StoreError::Unreadable("visibility_entries"))?.try_get("", "found")?;
        values.extend([number(limit), number(offset)]);
        Ok(FoundEntries { entries: self.entry_values(PAGE, values).await?, found })
    }

    /// The entries that come after `after` in the database's order, at most `limit`; from the first on after `""`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn entries_after(
        &self,
        shop_id: i64,
        list: &ListState,
        after: &str,
        limit: u64,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT e.value FROM visibility_entries e JOIN visibility_lists l ON l.id = e.list_id \
             WHERE l.shop_id = $1 AND e.list_id = $2 AND e.generation = $3 AND e.value > $4 \
             ORDER BY e.value LIMIT $5";
        let mut values = of_list(shop_id, list);
        values.extend([after.to_owned().into(), number(limit)]);
        self.entry_values(SQL, values).await
    }

    async fn entry_values(&self, sql: &str, values: Vec<Value>) -> Result<Vec<String>, StoreError> {
        let rows = self.db.query_all_raw(self.statement(sql, values)).await?;
        rows.into_iter().map(|row| Ok(row.try_get("", "value")?)).collect()
    }
}

fn of_list(shop_id: i64, list: &ListState) -> Vec<Value> {
    vec![shop_id.into(), list.id.into(), list.generation.into()]
}

fn number(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

/// A LIKE pattern for any text around `text`, whose own wildcards mean themselves.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
