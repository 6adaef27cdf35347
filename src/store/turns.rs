//! The writers of a process take turns on SQLite, which lets one write at a time. Whoever waits here comes in order and
//! holds no connection; SQLite's own waiting keeps one from the readers, and looks for the lock ever more rarely.

use std::time::Duration;

use sea_orm::entity::prelude::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use super::pool::{Pool, Transaction};
use super::{Store, StoreError};

/// How long a writer waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// The turn to write; the next one's begins when it is dropped. PostgreSQL needs none.
#[must_use]
pub(super) struct Turn(#[expect(dead_code, reason = "it is held")] Option<OwnedMutexGuard<()>>);

/// A transaction that writes, with its turn. It is rolled back when it is dropped.
#[must_use]
pub(super) struct Write {
    transaction: Transaction,
    // Given up after the transaction ended.
    turn: Turn,
}

impl Store {
    /// Waits for the turn to write, for a statement that is its own transaction.
    pub(super) async fn turn(&self) -> Result<Turn, StoreError> {
        if self.db.get_database_backend() != DbBackend::Sqlite {
            return Ok(Turn(None));
        }
        let turn = timeout(PATIENCE, Mutex::lock_owned(self.turns.clone())).await;
        Ok(Turn(Some(turn.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?)))
    }

    /// A transaction that will write. On SQLite it takes the write lock at once, so that it waits instead of failing.
    pub(super) async fn begin_write(&self) -> Result<Write, StoreError> {
        self.begin(&self.db).await
    }

    /// The same, and what it commits survives a power loss.
    pub(super) async fn begin_durable(&self) -> Result<Write, StoreError> {
        self.begin(&self.durable).await
    }

    /// The same for what may take long and must not be cut off by the limits that requests have.
    pub(super) async fn begin_long(&self) -> Result<Write, StoreError> {
        let mut write = self.begin(&self.durable).await?;
        write.transaction.lift_limits().await?;
        Ok(write)
    }

    async fn begin(&self, db: &Pool) -> Result<Write, StoreError> {
        let turn = self.turn().await?;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Write { transaction: db.begin(options).await?, turn })
    }
}

impl Write {
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let Self { transaction, turn } = self;
        let committed = transaction.commit().await;
        drop(turn);
        committed
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        let Self { transaction, turn } = self;
        let rolled_back = transaction.rollback().await;
        drop(turn);
        rolled_back
    }

    /// What SeaORM's migrations ask for.
    pub(super) fn inner(&self) -> &DatabaseTransaction {
        self.transaction.inner()
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Write {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.transaction.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.transaction.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.transaction.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.transaction.query_all_raw(statement).await
    }
}
