//! One private database a test: a file of SQLite, or a schema in the PostgreSQL database of `TEST_DATABASE_URL`, which
//! is made and dropped in milliseconds.

use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;
use ulid::Ulid;

/// A database that is gone when the value is.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    kind: Kind,
}

enum Kind {
    Sqlite { _folder: TempDir },
    Postgres { server: String, name: String },
}

impl TestDatabase {
    #[expect(clippy::disallowed_methods, reason = "the suite is told where PostgreSQL is")]
    pub(crate) async fn create() -> Self {
        match std::env::var("TEST_DATABASE_URL") {
            Ok(server) if server.starts_with("postgres") => Self::postgres(server).await,
            _ => Self::sqlite(),
        }
    }

    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
        Self { url, kind: Kind::Sqlite { _folder: folder } }
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

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Kind::Postgres { server, name } = &self.kind {
            let (server, sql) = (server.clone(), format!("DROP SCHEMA IF EXISTS {name} CASCADE"));
            let dropping = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(execute(&server, &sql));
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
