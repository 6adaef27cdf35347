//! Copies of a SQLite database: written while the database is in use, and looked at before anybody relies on them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::sqlite::SqliteJournalMode;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use serde::Serialize;

use super::pool::Pool;
use super::{Chain, Keyring, Store, StoreError, Unopened};

/// Problems of one kind that are named.
const NAMED: usize = 5;

/// A file is no whole database of this program, or could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It is no SQLite database, or one of another program.
    #[error("it is not a database of Subtotal Connect")]
    Foreign,
    /// Pages, indexes or references in it do not fit together.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// Another process has the database open.
    #[error("another process uses it")]
    InUse,
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for CopyError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// What a copy holds, and what of it is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyState {
    /// Migrations it lacks.
    pub pending_migrations: usize,
    /// Rows of each table, but for the record of migrations.
    pub rows: BTreeMap<String, i64>,
    /// Audit trails that were followed to their end.
    pub trails: usize,
    /// Trails that are not as they were written, each with the first line that does not fit.
    pub broken_trails: Vec<(String, i64)>,
    /// Values that are sealed.
    pub sealed: usize,
    /// Values that the encryption keys do not open.
    #[serde(skip)]
    pub unopened: Vec<Unopened>,
}

impl Keyring {
    /// Without keys nothing that is sealed can be looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids().next().is_none()
    }
}

impl CopyState {
    /// What of the contents is not as it should be, in words; `None` when nothing is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let mut trouble = Vec::new();
        for (trail, line) in self.broken_trails.iter().take(NAMED) {
            trouble.push(format!("line {line} of the audit trail of {trail} is not as it was written"));
        }
        let shut = self.unopened.iter().take(NAMED);
        let shut: Vec<_> = shut.map(|shut| format!("{} of {} ({})", shut.kind, shut.shop, shut.reason)).collect();
        if !shut.is_empty() {
            let (count, sealed) = (self.unopened.len(), self.sealed);
            trouble.push(format!("{count} of {sealed} sealed values do not open: {}", shut.join("; ")));
        }
        (!trouble.is_empty()).then(|| trouble.join("; "))
    }
}

impl Store {
    /// Writes the database as it stands now into `file`, which is not there or empty, while others read and write.
    /// SQLite only. The file is not synced.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the file may hold a part then.
    pub async fn copy_into(&self, file: &Path) -> Result<(), StoreError> {
        let file = file.to_str().ok_or(StoreError::Unreadable("the name of the file"))?;
        self.db.execute_raw(self.statement("VACUUM INTO $1", vec![file.into()])).await?;
        Ok(())
    }

    /// How large a copy would be about now, in bytes. SQLite only.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn copy_bytes(&self) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT (p.page_count - f.freelist_count) * s.page_size AS bytes \
             FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s";
        let row = self.db.query_one_raw(self.statement(SQL, Vec::new())).await?;
        let bytes = row.map(|row| row.try_get::<i64>("", "bytes")).transpose()?.unwrap_or_default();
        Ok(u64::try_from(bytes).unwrap_or_default())
    }

    /// Whether this is SQLite, of which copies are made here.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.db.get_database_backend() == DbBackend::Sqlite
    }

    /// Closes every connection, so that SQLite tidies up behind them.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn close(self) -> Result<(), StoreError> {
        let Self { db, durable, .. } = self;
        durable.close().await?;
        Ok(db.close().await?)
    }

    /// What the database holds, and whether trails and seals are whole. Its schema must be current.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn state(&self) -> Result<CopyState, StoreError> {
        let mut broken_trails = Vec::new();
        let trails = self.trails().await?;
        for (name, trail) in &trails {
            if let Chain::BrokenAt(line) = self.verify_trail(*trail).await?.0 {
                broken_trails.push((name.clone(), line));
            }
        }
        let (sealed, unopened) = self.unopened().await?;
        let rows = rows(&self.db).await?;
        Ok(CopyState { pending_migrations: 0, rows, trails: trails.len(), broken_trails, sealed, unopened })
    }
}

/// Looks at a copy without changing it: that SQLite finds it whole, that references hold, that trails are as they were
/// written and what `keyring` opens. `None` when it is whole as a file, but has an older schema: see [`bring_up`].
///
/// # Errors
/// [`CopyError`].
pub async fn examine_copy(file: &Path, keyring: &Keyring) -> Result<Option<CopyState>, CopyError> {
    let db = open_to_read(file).await?;
    let db = Pool::new(db, None);
    let url = String::new().into();
    let copy = Store { durable: db.clone(), db, url, keyring: keyring.clone(), turns: Arc::default() };
    let examined = look(&copy).await;
    copy.close().await?;
    examined
}

/// Brings a database that nobody uses to the current schema, and looks at what it holds. Answers how much it lacked.
///
/// # Errors
/// [`CopyError`].
pub async fn bring_up(file: &Path, keyring: &Keyring) -> Result<CopyState, CopyError> {
    let path = file.to_str().ok_or(StoreError::Unreadable("the name of the file"))?;
    let store = Store::open(&format!("sqlite://{}?mode=rw", encoded(path)).into(), keyring.clone()).await?;
    let raised = async {
        let pending = store.schema().await?.pending;
        store.migrate().await?;
        Ok(CopyState { pending_migrations: pending, ..store.state().await? })
    };
    let raised = raised.await;
    store.close().await?;
    raised
}

/// Folds what SQLite keeps beside a database into it, so that it is one file.
///
/// # Errors
/// [`CopyError::InUse`] while another process has it open, [`CopyError::Damaged`] when SQLite can not read it.
pub async fn fold(file: &Path) -> Result<(), CopyError> {
    // SQLite throws away the log of what it can not read.
    let readable = open_to_read(file).await?;
    let read = readable.query_one_raw(statement("SELECT COUNT(*) FROM sqlite_master")).await;
    readable.close().await?;
    read.map_err(|error| CopyError::Damaged(error.to_string()))?;
    let path = file.to_owned();
    let mut options = ConnectOptions::new("sqlite://file");
    options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite.filename(&path).create_if_missing(false).busy_timeout(Duration::from_millis(100));
        sqlite.journal_mode(SqliteJournalMode::Delete)
    });
    match Database::connect(options).await {
        Ok(db) => Ok(db.close().await?),
        Err(error) if error.to_string().contains("database is locked") => Err(CopyError::InUse),
        Err(error) => Err(CopyError::Damaged(error.to_string())),
    }
}

/// A database's file, and those SQLite keeps beside it.
#[must_use]
pub fn with_companions(file: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}

async fn look(copy: &Store) -> Result<Option<CopyState>, CopyError> {
    let damaged = |error: DbErr| match error.to_string() {
        text if text.contains("not a database") => CopyError::Foreign,
        text => CopyError::Damaged(text),
    };
    const OURS: &str = "SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'table' \
         AND name IN ('shops', 'seaql_migrations')";
    let ours = copy.db.query_one_raw(statement(OURS)).await.map_err(damaged)?;
    if ours.map(|row| row.try_get::<i64>("", "n")).transpose()? != Some(2) {
        return Err(CopyError::Foreign);
    }
    for sql in ["PRAGMA integrity_check(5)", "PRAGMA foreign_key_check"] {
        let rows = copy.db.query_all_raw(statement(sql)).await.map_err(damaged)?;
        let told = rows.iter().map(|row| match row.try_get_by_index::<String>(0) {
            Ok(text) if sql.ends_with("foreign_key_check") => format!("a row of {text} belongs to nothing"),
            Ok(text) => text,
            Err(error) => error.to_string(),
        });
        let told: Vec<String> = told.filter(|text| text != "ok").take(NAMED).collect();
        if !told.is_empty() {
            return Err(CopyError::Damaged(told.join("; ")));
        }
    }
    match copy.schema().await?.pending {
        0 => Ok(Some(copy.state().await?)),
        _ => Ok(None),
    }
}

/// Reads only, takes no lock and leaves nothing beside the file.
async fn open_to_read(file: &Path) -> Result<DatabaseConnection, CopyError> {
    let path = file.to_owned();
    let mut options = ConnectOptions::new("sqlite://file");
    options.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(move |sqlite| {
        sqlite.filename(&path).create_if_missing(false).read_only(true).immutable(true)
    });
    Database::connect(options).await.map_err(|error| match error.to_string() {
        text if text.contains("not a database") => CopyError::Foreign,
        text => CopyError::Damaged(text),
    })
}

async fn rows(db: &Pool) -> Result<BTreeMap<String, i64>, StoreError> {
    const TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
         AND name <> 'seaql_migrations'";
    let mut rows = BTreeMap::new();
    for table in db.query_all_raw(statement(TABLES)).await? {
        let table: String = table.try_get("", "name")?;
        let count = db.query_one_raw(statement(&format!("SELECT COUNT(*) AS n FROM \"{table}\""))).await?;
        let count = count.map(|row| row.try_get("", "n")).transpose()?;
        rows.insert(table, count.unwrap_or_default());
    }
    Ok(rows)
}

fn statement(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Sqlite, sql.to_owned())
}

/// A path as it stands in a URL.
fn encoded(path: &str) -> String {
    percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC).to_string()
}
