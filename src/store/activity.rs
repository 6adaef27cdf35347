//! What happened at a shop, newest first: its audit trail, Shopify's webhooks and refused requests, each read from its
//! own table and merged by time. A further source is one more line in [`SOURCES`].

use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::str::FromStr;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde_json::json;

use super::{Store, StoreError};
use crate::shopify::ShopDomain;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityEntry {
    /// Unix milliseconds; of several refusals, the last.
    pub at: i64,
    /// Who: see [`super::Actor`], or `storefront` for refusals.
    pub actor: String,
    /// What: an action of the trail, `webhook.{topic}` or `refusal.{code}`.
    pub action: String,
    /// More of it: ids and counts.
    pub detail: serde_json::Value,
    cursor: Cursor,
}

/// A page of entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Newest first.
    pub entries: Vec<ActivityEntry>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

/// A place between two entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    at: i64,
    rank: usize,
    id: String,
}

/// The text is not a place between two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct NotACursor;

/// Actor, action and detail.
type Told = (String, String, serde_json::Value);

/// A table that entries are read from.
struct Source {
    /// Reads `id` as text, `at` and what `entry` needs of the shop $1 whose action starts with $2.
    select: &'static str,
    at: &'static str,
    id: &'static str,
    id_is_number: bool,
    entry: fn(&QueryResult) -> Result<Told, StoreError>,
}

const SOURCES: [Source; 3] = [
    Source {
        select: "SELECT CAST(seq AS TEXT) AS id, at, actor, action, detail FROM audit_lines \
             WHERE shop_id = (SELECT id FROM shops WHERE domain = $1) AND substr(action, 1, length($2)) = $2",
        at: "at",
        id: "seq",
        id_is_number: true,
        entry: |row| {
            let detail: String = row.try_get("", "detail")?;
            let detail = serde_json::from_str(&detail).unwrap_or(serde_json::Value::String(detail));
            Ok((row.try_get("", "actor")?, row.try_get("", "action")?, detail))
        },
    },
    Source {
        select: "SELECT delivery_id AS id, received_at AS at, topic, state, attempts, problem FROM webhook_deliveries \
             WHERE shop_domain = $1 AND substr('webhook.' || topic, 1, length($2)) = $2",
        at: "received_at",
        id: "delivery_id",
        id_is_number: false,
        entry: |row| {
            let topic: String = row.try_get("", "topic")?;
            let mut detail = json!({
                "outcome": row.try_get::<String>("", "state")?,
                "attempts": row.try_get::<i32>("", "attempts")?,
            });
            if let Some(problem) = row.try_get::<Option<String>>("", "problem")? {
                detail["problem"] = problem.into();
            }
            Ok(("shopify".to_owned(), format!("webhook.{topic}"), detail))
        },
    },
    Source {
        select: "SELECT code AS id, last_at AS at, count FROM refusals \
             WHERE shop_id = (SELECT id FROM shops WHERE domain = $1) \
             AND substr('refusal.' || code, 1, length($2)) = $2",
        at: "last_at",
        id: "code",
        id_is_number: false,
        entry: |row| {
            let code: String = row.try_get("", "id")?;
            let detail = json!({ "count": row.try_get::<i64>("", "count")? });
            Ok(("storefront".to_owned(), format!("refusal.{code}"), detail))
        },
    },
];

impl Store {
    /// The entries whose action starts with `kind`, newest first, from after the cursor on.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn activity(
        &self,
        shop: &ShopDomain,
        kind: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Activity, StoreError> {
        let mut entries = Vec::new();
        for (rank, source) in SOURCES.iter().enumerate() {
            entries.extend(self.read_source(rank, source, shop, kind, after, limit + 1).await?);
        }
        // Stable, so that entries of one source and one time stay as the database ordered them.
        entries.sort_by_key(|entry: &ActivityEntry| Reverse((entry.at, entry.cursor.rank)));
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.cursor.clone());
        Ok(Activity { entries, next })
    }

    async fn read_source(
        &self,
        rank: usize,
        source: &Source,
        shop: &ShopDomain,
        kind: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<ActivityEntry>, StoreError> {
        let Source { select, at, id, .. } = source;
        let mut values: Vec<Value> = vec![shop.as_str().into(), kind.into()];
        let page = match after {
            None => "1 = 1".to_owned(),
            Some(cursor) => {
                values.push(cursor.at.into());
                match rank.cmp(&cursor.rank) {
                    Ordering::Less => format!("{at} <= $3"),
                    Ordering::Greater => format!("{at} < $3"),
                    Ordering::Equal => {
                        values.push(match source.id_is_number {
                            true => cursor.id.parse::<i64>().unwrap_or(0).into(),
                            false => cursor.id.clone().into(),
                        });
                        format!("({at} < $3 OR ({at} = $3 AND {id} < $4))")
                    }
                }
            }
        };
        let sql = format!("{select} AND {page} ORDER BY {at} DESC, {id} DESC LIMIT {limit}");
        let rows = self.db.query_all_raw(self.statement(&sql, values)).await?;
        rows.iter()
            .map(|row| {
                let (actor, action, detail) = (source.entry)(row)?;
                let at = row.try_get("", "at")?;
                let cursor = Cursor { at, rank, id: row.try_get("", "id")? };
                Ok(ActivityEntry { at, actor, action, detail, cursor })
            })
            .collect()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}-{}", self.at, self.rank, self.id)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let mut part = || parts.next().ok_or(NotACursor);
        let at = part()?.parse().map_err(|_| NotACursor)?;
        let rank = part()?.parse().map_err(|_| NotACursor)?;
        let id = Some(part()?).filter(|id| !id.contains('\0')).ok_or(NotACursor)?;
        Ok(Self { at, rank, id: id.to_owned() })
    }
}
