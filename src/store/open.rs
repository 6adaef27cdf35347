//! Opening the database: SQLite in WAL mode, or PostgreSQL, by the URL.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use super::{Keyring, Store, StoreError};

/// How long a writer waits for another one on SQLite.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to pause before a file that others are opening is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// How long a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections to SQLite: readers run beside one writer.
const SQLITE_CONNECTIONS: u32 = 4;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;

impl Store {
    /// Opens the database at `url`: `sqlite://…` or `postgres://…`.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it can not be reached or opened.
    pub async fn open(url: &SecretString, keyring: Keyring) -> Result<Self, StoreError> {
        let url = url.expose_secret();
        if !url.starts_with("sqlite:") {
            let db = Database::connect(postgres(url)).await?;
            return Ok(Self { durable: db.clone(), db, keyring, turns: Arc::default() });
        }
        let db = connect(sqlite(url, SqliteSynchronous::Normal, SQLITE_CONNECTIONS)).await?;
        let durable = connect(sqlite(url, SqliteSynchronous::Full, 1)).await?;
        Ok(Self { db, durable, keyring, turns: Arc::default() })
    }
}

/// Connects to SQLite. Processes that open a new file at once all switch it to WAL mode, and SQLite refuses that to all
/// but one without waiting; so this waits.
async fn connect(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let until = Instant::now() + BUSY_TIMEOUT;
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
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(synchronous)
                .busy_timeout(BUSY_TIMEOUT)
                .foreign_keys(true)
        });
    options
}

fn postgres(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .set_application_name("subtotal-connect")
        .sqlx_logging(false);
    options
}
