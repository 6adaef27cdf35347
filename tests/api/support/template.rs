//! The schema in SQLite, made once by a run of the tests and copied for each: it is a fifth of what a short test does.

use std::path::Path;
use std::process::Command;

use tokio::sync::OnceCell;

/// A database of SQLite at the current schema, as this file.
pub(super) async fn copy(to: &Path) {
    static MIGRATED: OnceCell<Vec<u8>> = OnceCell::const_new();
    let migrated = MIGRATED.get_or_init(async || {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("template.db");
        migrate(env!("CARGO_BIN_EXE_subtotal-connect"), &format!("sqlite://{}?mode=rwc", file.display()));
        std::fs::read(file).unwrap()
    });
    std::fs::write(to, migrated.await).unwrap();
}

/// Brings a database to the schema of this program.
pub(super) fn migrate(program: &str, url: &str) {
    let migrated = Command::new(program).arg("migrate").env("DATABASE_URL", url).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
}
