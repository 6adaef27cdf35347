//! What waits in the database, for whoever watches: of all shops together, and read through the indexes the queues are
//! worked by, so that what is done with costs nothing.

use sea_orm::{ConnectionTrait, DbBackend};

use super::{Destination, Store, StoreError};

/// How long before their end a shop's tokens count as ending, in milliseconds: a week.
const ENDING_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// One queue, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// What is in it.
    pub queue: &'static str,
    /// Jobs that were not tried yet.
    pub waiting: i64,
    /// Jobs that were tried and will be again, or are tried just now.
    pub tried: i64,
    /// Jobs that were given up, and are kept.
    pub dead: i64,
    /// How long ago the oldest one that is not done came, in milliseconds; 0 without one.
    pub oldest_ms: i64,
    /// How long the one that is most overdue could have been tried, in milliseconds; 0 without one.
    pub overdue_ms: i64,
}

/// Shops by their Admin API tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCounts {
    /// Good for longer than a week.
    pub good: i64,
    /// Can not be renewed a week from now.
    pub ending: i64,
    /// Can not be renewed any more.
    pub dead: i64,
}

/// The connections to the database, as they are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// `main`, or `durable` for SQLite's writer of what must survive a power loss.
    pub name: &'static str,
    /// Open ones.
    pub open: u32,
    /// Open ones that nobody uses.
    pub idle: u32,
    /// How many may be open.
    pub max: u32,
}

/// Where a queue stands, in SQL.
struct Place {
    queue: &'static str,
    table: &'static str,
    open: &'static str,
    /// When a job came, Unix milliseconds.
    came: &'static str,
    /// When it may be tried, or a try that runs is given up.
    due: &'static str,
    /// How many were given up.
    dead: &'static str,
}

const PLACES: [Place; 3] = [
    Place {
        queue: "shopify_webhooks",
        table: "webhook_deliveries",
        open: "state = 'waiting'",
        came: "received_at",
        due: "CASE WHEN lease_until > next_attempt_at THEN lease_until ELSE next_attempt_at END",
        dead: "SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'dead'",
    },
    Place {
        queue: "subtotal_events",
        table: "subtotal_events",
        open: "state = 'waiting'",
        came: "received_at",
        due: "due_at",
        dead: "SELECT COUNT(*) FROM subtotal_events WHERE state = 'failed'",
    },
    Place {
        queue: "purchase_histories",
        table: "followed_connections",
        open: "history = 'waiting'",
        // When the connection became active is when its history was wanted.
        came: "status_at",
        due: "due_at",
        dead: "SELECT COUNT(*) FROM followed_connections WHERE history = 'failed'",
    },
];

impl Store {
    /// Every queue, as it stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn backlogs(&self) -> Result<Vec<Backlog>, StoreError> {
        let mut backlogs = Vec::new();
        for Place { queue, table, open, came, due, dead } in &PLACES {
            backlogs.push(self.backlog(queue, table, open, came, due, dead).await?);
        }
        for destination in Destination::ALL {
            let name = destination.as_str();
            let open = format!("destination = '{name}' AND due_at IS NOT NULL");
            let due = format!(
                "CASE WHEN EXISTS (SELECT 1 FROM integrations i WHERE i.shop_id = deliveries.shop_id \
                 AND i.destination = '{name}' AND i.is_paused AND i.is_on) THEN NULL ELSE due_at END"
            );
            // Shop by shop, as the index has it: a table of a month's deliveries is not read to count the few dead ones.
            let dead = format!(
                "SELECT SUM((SELECT COUNT(*) FROM deliveries d WHERE d.shop_id = s.id AND d.state = 'dead' \
                 AND d.destination = '{name}')) FROM shops s"
            );
            backlogs.push(self.backlog(name, "deliveries", &open, "created_at", &due, &dead).await?);
        }
        Ok(backlogs)
    }

    async fn backlog(
        &self,
        queue: &'static str,
        table: &str,
        open: &str,
        came: &str,
        due: &str,
        dead: &str,
    ) -> Result<Backlog, StoreError> {
        let sql = format!(
            "SELECT COUNT(*) AS jobs, CAST(COALESCE(SUM(CASE WHEN attempts > 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS tried, \
             COALESCE({clock} - MIN({came}), 0) AS oldest, COALESCE({clock} - MIN({due}), 0) AS overdue, \
             CAST(COALESCE(({dead}), 0) AS BIGINT) AS dead FROM {table} WHERE {open}",
            clock = self.clock()
        );
        let row = self.db.query_one_raw(self.statement(&sql, Vec::new())).await?;
        let row = row.ok_or(StoreError::Unreadable("a count"))?;
        let (jobs, tried) = (row.try_get::<i64>("", "jobs")?, row.try_get::<i64>("", "tried")?);
        Ok(Backlog {
            queue,
            waiting: jobs - tried,
            tried,
            dead: row.try_get("", "dead")?,
            // Clocks differ a little; what is due in a moment is not overdue.
            oldest_ms: row.try_get::<i64>("", "oldest")?.max(0),
            overdue_ms: row.try_get::<i64>("", "overdue")?.max(0),
        })
    }

    /// How many shops have tokens, and how long these can be renewed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token_counts(&self) -> Result<TokenCounts, StoreError> {
        let sql = format!(
            "SELECT COUNT(*) AS shops, CAST(COALESCE(SUM(CASE WHEN {dead} THEN 1 ELSE 0 END), 0) AS BIGINT) AS dead, \
             CAST(COALESCE(SUM(CASE WHEN NOT {dead} AND refresh_expires_at <= {clock} + {ENDING_MS} THEN 1 ELSE 0 END), 0) \
             AS BIGINT) AS ending FROM shopify_tokens",
            dead = format_args!("(problem IS NOT NULL OR refresh_expires_at <= {})", self.clock()),
            clock = self.clock()
        );
        let row = self.db.query_one_raw(self.statement(&sql, Vec::new())).await?;
        let row = row.ok_or(StoreError::Unreadable("a count"))?;
        let (shops, dead, ending): (i64, i64, i64) =
            (row.try_get("", "shops")?, row.try_get("", "dead")?, row.try_get("", "ending")?);
        Ok(TokenCounts { good: shops - dead - ending, ending, dead })
    }

    /// The pools of connections. How many wait for one, sqlx does not tell.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolUse> {
        let main = self.db.in_use("main");
        match self.db.get_database_backend() {
            DbBackend::Postgres => vec![main],
            _ => vec![main, self.durable.in_use("durable")],
        }
    }
}
