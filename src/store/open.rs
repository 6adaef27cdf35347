//! Opening the database: SQLite in WAL mode, or PostgreSQL, by the URL.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnection, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{AssertSqlSafe, Connection, Error, Executor};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep, timeout};

use super::pool::Pool;
use super::{Keyring, Store, StoreError};

/// How long a writer waits for another one on SQLite.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to pause before a file that others are opening is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// How long opening a file may take while others hold it.
const OPENING: Duration = Duration::from_secs(5);
/// How long a request waits for a free connection, and a free connection for the server.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection that is given back may take to say that it is in order.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);
/// What the wait for an answer has beyond the server's own limit, which is to come first and says more.
const SPARE: Duration = Duration::from_millis(500);
/// The longest wait for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a transaction may do nothing before the server ends it: its process hangs, and others wait for its locks.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);
/// Connections to SQLite: readers run beside one writer.
const SQLITE_CONNECTIONS: u32 = 4;
/// Connections of a command to PostgreSQL.
const COMMAND_CONNECTIONS: u32 = 4;

/// What a process that answers requests takes of PostgreSQL at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections, besides the one that listens.
    pub connections: u32,
    /// How long a statement may take; it waits for a lock no longer than that, and at most 2 s.
    pub statement: Duration,
}

impl Store {
    /// Opens the database at `url`: `sqlite://…` or `postgres://…`. For a command: its statements take as long as they
    /// take.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it can not be reached or opened.
    pub async fn open(url: &SecretString, keyring: Keyring) -> Result<Self, StoreError> {
        Self::open_with(url, keyring, None).await
    }

    /// Opens it for a process that answers requests: on PostgreSQL every statement has an end.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_to_serve(url: &SecretString, keyring: Keyring, limits: Limits) -> Result<Self, StoreError> {
        Self::open_with(url, keyring, Some(limits)).await
    }

    async fn open_with(url: &SecretString, keyring: Keyring, limits: Option<Limits>) -> Result<Self, StoreError> {
        let (text, url) = (url.expose_secret(), url.clone());
        if !text.starts_with("sqlite:") {
            let patience = limits.map(|limits| limits.statement.max(ACQUIRE_TIMEOUT) + SPARE);
            let db = Pool::new(Database::connect(postgres(text, limits)).await?, patience);
            return Ok(Self { durable: db.clone(), db, url, keyring, turns: Arc::default() });
        }
        let db = connect(sqlite(text, SqliteSynchronous::Normal, SQLITE_CONNECTIONS)).await?;
        let durable = connect(sqlite(text, SqliteSynchronous::Full, 1)).await?;
        // What SQLite waits for is bounded by its busy timeout.
        let (db, durable) = (Pool::new(db, None), Pool::new(durable, None));
        Ok(Self { db, durable, url, keyring, turns: Arc::default() })
    }
}

/// Connects to SQLite. Processes that open a new file at once all switch it to WAL mode, and SQLite refuses that to all
/// but one without waiting; so this waits.
async fn connect(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let until = Instant::now() + OPENING;
    loop {
        match Database::connect(options.clone()).await {
            Err(error) if error.to_string().contains("database is locked") && Instant::now() < until => {
                sleep(BUSY_PAUSE).await;
            }
            connected => return connected,
        }
    }
}

fn sqlite(url: &str, synchronous: SqliteSynchronous, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|connection: &mut SqliteConnection, _| Box::pin(out_of_transaction(connection)))
        })
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(synchronous)
                .busy_timeout(BUSY_TIMEOUT)
                .foreign_keys(true)
        });
    options
}

fn postgres(url: &str, limits: Option<Limits>) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    let settings = session_settings(limits);
    options
        .max_connections(limits.map_or(COMMAND_CONNECTIONS, |limits| limits.connections))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .set_application_name("subtotal-connect")
        .sqlx_logging(false)
        .map_sqlx_postgres_pool_opts(move |pool| tended(pool, settings.clone()));
    options
}

/// What a new connection is told, and how one that is given back is looked at. A request that gave up may have left it
/// waiting for a server that does not answer; such a one must go, or the pool would be full of them.
fn tended(pool: PgPoolOptions, settings: Arc<str>) -> PgPoolOptions {
    pool.after_connect(move |connection, _| {
        let settings = settings.clone();
        Box::pin(async move { connection.execute(AssertSqlSafe(&*settings)).await.map(drop) })
    })
    .after_release(|connection: &mut PgConnection, _| Box::pin(in_order(connection)))
}

/// The same for SQLite, which answers from this process: the pool itself asks it once more. A transaction that seems open may
/// only wait for its end.
async fn out_of_transaction(connection: &mut SqliteConnection) -> Result<bool, Error> {
    if connection.is_in_transaction() { in_order(connection).await } else { Ok(true) }
}

/// Whether a connection that is given back answers, and is out of its transaction. One whose `COMMIT` failed may not be:
/// the next user's would be a part of that one, and be called committed without being it.
async fn in_order<C: Connection>(connection: &mut C) -> Result<bool, Error> {
    let hangs = |_| Err(Error::Io(io::ErrorKind::TimedOut.into()));
    timeout(RELEASE_TIMEOUT, connection.ping()).await.unwrap_or_else(hangs)?;
    Ok(!connection.is_in_transaction())
}

/// The settings of a session, by a statement, as some poolers refuse them at the start. Those that this server does not
/// know are left out. The server looks after the other end too: what a dead process held is free within a minute.
fn session_settings(limits: Option<Limits>) -> Arc<str> {
    let mut settings = vec![
        ("tcp_keepalives_idle", 30),
        ("tcp_keepalives_interval", 10),
        ("tcp_keepalives_count", 3),
        ("client_connection_check_interval", 10_000),
    ];
    if let Some(Limits { statement, .. }) = limits {
        settings.extend([
            ("statement_timeout", statement.as_millis()),
            ("lock_timeout", statement.min(LOCK_TIMEOUT).as_millis()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION.as_millis()),
        ]);
    }
    let rows: Vec<String> = settings.iter().map(|(name, value)| format!("('{name}', '{value}')")).collect();
    let sql = format!(
        "SELECT set_config(wanted.name, wanted.value, false) FROM (VALUES {}) AS wanted (name, value) \
         JOIN pg_settings ON pg_settings.name = wanted.name",
        rows.join(", ")
    );
    sql.into()
}
