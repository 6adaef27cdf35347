//! Claims: the row that makes one creation at Subtotal out of many requests.
//!
//! A claim's `version` grows every time it is taken, so an outcome belongs to exactly one attempt and a holder that was
//! taken over can not write. Leases are measured on the database's clock, which every process shares.

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use super::{Store, StoreError};

/// What a claim is for: one shopper of one shop and one retailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimKey {
    /// The shop's id.
    pub shop_id: i64,
    /// Shopify's customer id.
    pub customer_id: String,
    /// The retailer's slug.
    pub retailer_id: String,
}

/// A claim as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The attempt, from 1.
    pub version: i64,
    /// How the attempt stands.
    pub state: ClaimState,
}

/// How an attempt to create a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimState {
    /// Somebody is creating it.
    Pending,
    /// Somebody was, but its lease ran out: it died, or never learned the outcome.
    Abandoned,
    /// It was created, with this id.
    Created(String),
    /// It was not created, for this reason.
    Failed(String),
}

impl Store {
    /// The claim as it stands, or `None` when nobody ever took it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn claim(&self, key: &ClaimKey) -> Result<Option<Claim>, StoreError> {
        let sql = format!(
            "SELECT version, state, connection_id, problem, CASE WHEN lease_until < {} THEN 1 ELSE 0 END AS lapsed \
             FROM connection_claims WHERE shop_id = $1 AND customer_id = $2 AND retailer_id = $3",
            self.clock()
        );
        let row = self.db.query_one_raw(self.statement(&sql, key.values())).await?;
        row.as_ref().map(read_claim).transpose()
    }

    /// Takes the claim, if it still stands as `seen`, for `lease_ms` milliseconds. Answers the attempt's version, or
    /// `None` when somebody else was faster.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn take_claim(
        &self,
        key: &ClaimKey,
        seen: Option<&Claim>,
        lease_ms: i64,
    ) -> Result<Option<i64>, StoreError> {
        let clock = self.clock();
        let mut values = key.values();
        values.push(lease_ms.into());
        let (sql, version) = match seen {
            None => (
                format!(
                    "INSERT INTO connection_claims (shop_id, customer_id, retailer_id, version, state, lease_until) \
                     VALUES ($1, $2, $3, 1, 'pending', {clock} + $4) ON CONFLICT DO NOTHING"
                ),
                1,
            ),
            Some(claim) => {
                values.push(claim.version.into());
                (
                    format!(
                        "UPDATE connection_claims SET version = version + 1, state = 'pending', \
                         connection_id = NULL, problem = NULL, lease_until = {clock} + $4 \
                         WHERE shop_id = $1 AND customer_id = $2 AND retailer_id = $3 AND version = $5 \
                         AND (state <> 'pending' OR lease_until < {clock})"
                    ),
                    claim.version + 1,
                )
            }
        };
        let taken = self.durable.execute_raw(self.statement(&sql, values)).await?.rows_affected() == 1;
        Ok(taken.then_some(version))
    }

    /// Writes how attempt `version` ended. Answers false when it was taken over meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn settle_claim(&self, key: &ClaimKey, version: i64, outcome: &ClaimState) -> Result<bool, StoreError> {
        let (state, connection_id, problem) = match outcome {
            ClaimState::Created(id) => ("created", Some(id.clone()), None),
            ClaimState::Failed(problem) => ("failed", None, Some(problem.clone())),
            ClaimState::Pending | ClaimState::Abandoned => return Ok(false),
        };
        const SQL: &str = "UPDATE connection_claims SET state = $4, connection_id = $5, problem = $6 \
             WHERE shop_id = $1 AND customer_id = $2 AND retailer_id = $3 AND version = $7 AND state = 'pending'";
        let mut values = key.values();
        values.extend([state.into(), connection_id.into(), problem.into(), version.into()]);
        Ok(self.durable.execute_raw(self.statement(SQL, values)).await?.rows_affected() == 1)
    }

    pub(super) fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.durable.get_database_backend(), sql, values)
    }

    /// What makes a lease pass over rows that another process is just taking. SQLite has one writer at a time anyway.
    pub(super) fn skip_locked(&self) -> &'static str {
        match self.durable.get_database_backend() {
            DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
            _ => "",
        }
    }

    /// A parameter of bytes where no column says what it is.
    pub(super) fn bytes(&self, parameter: &str) -> String {
        match self.durable.get_database_backend() {
            DbBackend::Postgres => format!("CAST({parameter} AS BYTEA)"),
            _ => parameter.to_owned(),
        }
    }

    /// The database's clock, as an SQL expression in Unix milliseconds.
    pub(super) fn clock(&self) -> &'static str {
        match self.durable.get_database_backend() {
            DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
            _ => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        }
    }
}

impl ClaimKey {
    fn values(&self) -> Vec<Value> {
        vec![self.shop_id.into(), self.customer_id.clone().into(), self.retailer_id.clone().into()]
    }
}

fn read_claim(row: &QueryResult) -> Result<Claim, StoreError> {
    let state: String = row.try_get("", "state")?;
    let lapsed = row.try_get::<i32>("", "lapsed")? == 1;
    let state = match state.as_str() {
        "pending" if lapsed => ClaimState::Abandoned,
        "pending" => ClaimState::Pending,
        "created" => ClaimState::Created(row.try_get("", "connection_id")?),
        "failed" => ClaimState::Failed(row.try_get("", "problem")?),
        _ => return Err(StoreError::Unreadable("connection_claims.state")),
    };
    Ok(Claim { version: row.try_get("", "version")?, state })
}
