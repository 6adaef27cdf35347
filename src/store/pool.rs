//! The pool of connections, and its transactions, with an end to every step. A server that was paused, or whose machine
//! is gone, answers nothing, not even an error; so whoever asks looks at the clock as well.

use std::time::Duration;

use sea_orm::entity::prelude::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, TransactionOptions, TransactionTrait, sqlx,
};
use tokio::time::timeout;

use super::PoolUse;

/// What PostgreSQL is told in a transaction that may take long. The connection's own limits are back when it ends.
const NO_LIMITS: &str = "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)";

/// How long a BEGIN goes on that nobody waits for any more; a server that is gone answers it never.
const BEGIN_GOES_ON: Duration = Duration::from_secs(60);

/// A pool of connections.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    db: DatabaseConnection,
    patience: Option<Duration>,
}

/// A transaction on one of them. It is rolled back when it is dropped.
#[must_use]
pub(super) struct Transaction {
    transaction: DatabaseTransaction,
    patience: Option<Duration>,
}

impl Pool {
    /// `patience` is how long one step may take, with the wait for a connection; for ever where there is none.
    pub(super) fn new(db: DatabaseConnection, patience: Option<Duration>) -> Self {
        Self { db, patience }
    }

    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        let transaction = within(self.patience, self.begun(options)).await?;
        Ok(Transaction { transaction, patience: self.patience })
    }

    /// A BEGIN that is given up before PostgreSQL has answered it would leave its connection in a transaction that nobody
    /// ends, and to whoever gets it next: sqlx 0.9 rolls back only what it knows to have begun. So it goes on until it is
    /// answered, and is rolled back when nobody waits for it any more.
    async fn begun(&self, options: TransactionOptions) -> Result<DatabaseTransaction, DbErr> {
        if self.get_database_backend() != DbBackend::Postgres {
            return self.db.begin_with_options(options).await;
        }
        let db = self.db.clone();
        let beginning = tokio::spawn(async move { within(Some(BEGIN_GOES_ON), db.begin_with_options(options)).await });
        beginning.await.unwrap_or_else(|_| Err(DbErr::Conn(RuntimeErr::Internal("BEGIN was interrupted".to_owned()))))
    }

    /// How much of it is in use.
    pub(super) fn in_use(&self, name: &'static str) -> PoolUse {
        let (open, idle, max) = match self.get_database_backend() {
            DbBackend::Postgres => counts(self.db.get_postgres_connection_pool()),
            _ => counts(self.db.get_sqlite_connection_pool()),
        };
        PoolUse { name, open, idle: u32::try_from(idle).unwrap_or(open).min(open), max }
    }

    /// Closes every connection.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        self.db.close().await
    }

    /// Whether the database answers.
    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        within(self.patience, self.db.ping()).await
    }
}

impl Transaction {
    /// Lets every further step take as long as it takes.
    pub(super) async fn lift_limits(&mut self) -> Result<(), DbErr> {
        if self.get_database_backend() == DbBackend::Postgres {
            self.execute_unprepared(NO_LIMITS).await?;
        }
        self.patience = None;
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), DbErr> {
        within(self.patience, self.transaction.commit()).await
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        within(self.patience, self.transaction.rollback()).await
    }

    /// What SeaORM's migrations ask for.
    pub(super) fn inner(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

fn counts<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> (u32, usize, u32) {
    (pool.size(), pool.num_idle(), pool.options().get_max_connections())
}

/// A step that takes too long is given up. Its connection is looked at, and closed, when the pool takes it back.
async fn within<T>(patience: Option<Duration>, step: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    let Some(patience) = patience else { return step.await };
    let gave_up = |_| Err(DbErr::Conn(RuntimeErr::Internal(format!("no answer within {patience:?}"))));
    timeout(patience, step).await.unwrap_or_else(gave_up)
}

#[async_trait::async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        within(self.patience, self.db.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        within(self.patience, self.db.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        within(self.patience, self.db.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        within(self.patience, self.db.query_all_raw(statement)).await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        within(self.patience, self.transaction.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        within(self.patience, self.transaction.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        within(self.patience, self.transaction.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        within(self.patience, self.transaction.query_all_raw(statement)).await
    }
}
