//! Bringing the schema up to date, and saying how it stands. During an upgrade the version before still runs on the new
//! schema, so a migration this program does not know is no fault, unless its name says that it takes something away.

use std::collections::BTreeSet;

use migrations::Migrator;
use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::MigratorTrait;

use super::{Store, StoreError};

/// The advisory lock PostgreSQL takes while one process migrates; any constant of our own.
const MIGRATION_LOCK: i64 = 0x5375_6274_6f74_616c;
/// How the name of a migration ends that takes away what the version before still uses.
const CONTRACTS: &str = "_contract";

/// How the schema stands to this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Migrations the database still lacks.
    pub pending: usize,
    /// Migrations of a newer version, which this program does not know.
    pub unknown: Vec<String>,
}

impl Store {
    /// Brings the schema up to date. Safe when several processes start at once: one migrates, the others wait. A schema
    /// that a newer version extended is left as it is.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] when a newer version took something away, or left out what this one needs;
    /// [`StoreError::Database`].
    pub async fn migrate(&self) -> Result<Schema, StoreError> {
        let transaction = self.begin_long().await?;
        if self.db.get_database_backend() == DbBackend::Postgres {
            transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
        }
        let mut schema = judge(applied(transaction.inner()).await?)?;
        if schema.pending > 0 && !schema.unknown.is_empty() {
            return Err(StoreError::NewerSchema(schema.unknown.join(", ")));
        }
        if schema.pending > 0 {
            Migrator::up(transaction.inner(), None).await?;
            schema.pending = 0;
        }
        transaction.commit().await?;
        Ok(schema)
    }

    /// How the schema stands.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] when a newer version took something away; [`StoreError::Database`] when the database
    /// can not be reached.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        judge(applied(&self.db).await?)
    }
}

async fn applied(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let models = Migrator::get_migration_models(db).await?;
    Ok(models.into_iter().map(|model| model.version).collect())
}

fn judge(applied: Vec<String>) -> Result<Schema, StoreError> {
    let known: BTreeSet<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let pending = known.iter().filter(|name| !applied.contains(name)).count();
    let unknown: Vec<String> = applied.into_iter().filter(|name| !known.contains(name)).collect();
    match unknown.iter().find(|name| name.ends_with(CONTRACTS)) {
        Some(name) => Err(StoreError::NewerSchema(name.clone())),
        None => Ok(Schema { pending, unknown }),
    }
}
