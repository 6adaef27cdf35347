//! The schema, one change a file. Migrations only add; one that has landed is never edited.

use sea_orm_migration::prelude::*;

mod m0001_shops;
mod m0002_visibility;
mod m0003_connection_claims;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_shops::Migration),
            Box::new(m0002_visibility::Migration),
            Box::new(m0003_connection_claims::Migration),
        ]
    }
}
