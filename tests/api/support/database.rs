//! One private database a test: a file of SQLite, or a schema in the PostgreSQL database of `TEST_DATABASE_URL`, which
//! is made and dropped in milliseconds.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use tempfile::TempDir;
use ulid::Ulid;

use super::template;

/// The file of a SQLite database in its folder.
const SQLITE: &str = "test.db";

/// A database that is gone when the value is.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    kind: Kind,
}

enum Kind {
    Sqlite {
        _folder: TempDir,
    },
    Postgres {
        server: String,
        name: String,
    },
    /// In a server of the test's own, with which it goes.
    Cluster,
}

impl TestDatabase {
    /// Whether the suite runs on PostgreSQL.
    pub(crate) fn is_postgres() -> bool {
        Self::postgres_server().is_some()
    }

    #[expect(clippy::disallowed_methods, reason = "the suite is told where PostgreSQL is")]
    fn postgres_server() -> Option<String> {
        std::env::var("TEST_DATABASE_URL").ok().filter(|server| server.starts_with("postgres"))
    }

    /// For a test that is not about the schema. On SQLite it is there already; on PostgreSQL the application makes it.
    pub(crate) async fn create() -> Self {
        if Self::postgres_server().is_some() || newer_version().is_some() {
            return Self::empty().await;
        }
        let folder = tempfile::tempdir().unwrap();
        template::copy(&folder.path().join(SQLITE)).await;
        Self::sqlite_in(folder)
    }

    /// Without tables, but where a newer version made some.
    pub(crate) async fn empty() -> Self {
        let database = match Self::postgres_server() {
            Some(server) => Self::postgres(server).await,
            None => Self::sqlite(),
        };
        if let Some(newer) = newer_version() {
            template::migrate(&newer, &database.url);
        }
        database
    }

    /// A file of SQLite that is not there yet.
    pub(crate) fn sqlite() -> Self {
        Self::sqlite_in(tempfile::tempdir().unwrap())
    }

    fn sqlite_in(folder: TempDir) -> Self {
        let url = format!("sqlite://{}?mode=rwc", folder.path().join(SQLITE).display());
        Self { url, kind: Kind::Sqlite { _folder: folder } }
    }

    /// The empty database at this URL.
    pub(crate) fn in_cluster(url: String) -> Self {
        Self { url, kind: Kind::Cluster }
    }

    async fn postgres(server: String) -> Self {
        let name = format!("test_{}", Ulid::generate().to_string().to_lowercase());
        execute(&server, &format!("CREATE SCHEMA {name}")).await;
        let mut url = url::Url::parse(&server).unwrap();
        url.query_pairs_mut()
            .append_pair("options[search_path]", &name)
            .append_pair("options[synchronous_commit]", "off");
        Self { url: url.into(), kind: Kind::Postgres { server, name } }
    }
}

impl TestDatabase {
    /// A connection of its own.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        Database::connect(&self.url).await.unwrap()
    }

    /// Runs a statement behind the application's back. `{clock}` is the database's clock in Unix milliseconds.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        let db = self.connect().await;
        let changed = db.execute_unprepared(&sql.replace("{clock}", self.clock())).await.unwrap().rows_affected();
        db.close().await.unwrap();
        changed
    }

    /// The one number a query answers; `{clock}` in it is the database's clock.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let db = self.connect().await;
        let sql = format!("SELECT ({}) AS number", sql.replace("{clock}", self.clock()));
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let number = db.query_one_raw(statement).await.unwrap().unwrap().try_get("", "number").unwrap();
        db.close().await.unwrap();
        number
    }

    fn clock(&self) -> &'static str {
        match self.kind {
            Kind::Sqlite { .. } => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Kind::Postgres { .. } | Kind::Cluster => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Every row of every table as JSON text, but for the record of migrations.
    pub(crate) async fn rows(&self) -> BTreeMap<String, Vec<String>> {
        let db = self.connect().await;
        let tables = match self.kind {
            Kind::Sqlite { .. } => "SELECT name FROM sqlite_master WHERE type = 'table'",
            Kind::Postgres { .. } | Kind::Cluster => {
                "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()"
            }
        };
        let mut rows = BTreeMap::new();
        for table in column(&db, tables, "name").await {
            if table.starts_with("sqlite_") || table == "seaql_migrations" {
                continue;
            }
            let sql = match self.kind {
                Kind::Postgres { .. } | Kind::Cluster => format!("SELECT to_jsonb(t)::text AS line FROM {table} t"),
                Kind::Sqlite { .. } => {
                    let columns = column(&db, &format!("SELECT name FROM pragma_table_info('{table}')"), "name").await;
                    let shown = |name: &String| {
                        format!(
                            "'{name}', CASE typeof(\"{name}\") WHEN 'blob' THEN hex(\"{name}\") ELSE \"{name}\" END"
                        )
                    };
                    let pairs: Vec<String> = columns.iter().map(shown).collect();
                    format!("SELECT json_object({}) AS line FROM {table}", pairs.join(", "))
                }
            };
            let mut lines = column(&db, &sql, "line").await;
            lines.sort();
            rows.insert(table, lines);
        }
        db.close().await.unwrap();
        rows
    }

    /// Where a text stands in the database: the tables and rows.
    pub(crate) async fn rows_with(&self, text: &str) -> Vec<String> {
        let rows = self.rows().await;
        let found = rows.iter().flat_map(|(table, lines)| lines.iter().map(move |line| format!("{table}: {line}")));
        found.filter(|line| line.contains(text)).collect()
    }

    /// The rows of one table.
    pub(crate) async fn table(&self, table: &str) -> Vec<serde_json::Value> {
        let rows = self.rows().await;
        rows[table].iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The binary of a newer version, where the suite looks at this one on that one's schema.
#[expect(clippy::disallowed_methods, reason = "the suite is told where a newer version is")]
fn newer_version() -> Option<String> {
    std::env::var("TEST_MIGRATED_BY").ok()
}

async fn column(db: &DatabaseConnection, sql: &str, name: &str) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), sql.to_owned());
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", name).unwrap()).collect()
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Kind::Postgres { server, name } = &self.kind {
            // A write of a task that this thread runs may still hold a lock: it is not waited for, the schema stays.
            let sql = format!("SET lock_timeout = '1s'; DROP SCHEMA IF EXISTS {name} CASCADE");
            let server = server.clone();
            let dropping = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let db = Database::connect(&server).await.unwrap();
                    let _ = db.execute_unprepared(&sql).await;
                    db.close().await.unwrap();
                });
            });
            dropping.join().unwrap();
        }
    }
}

async fn execute(server: &str, sql: &str) {
    let db = Database::connect(server).await.unwrap();
    db.execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}
