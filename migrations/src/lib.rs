//! The schema, one change a file. Migrations only add; one that has landed is never edited.

use sea_orm_migration::prelude::*;

mod m0001_shops;
mod m0002_visibility;
mod m0003_connection_claims;
mod m0004_installs;
mod m0005_shopify_tokens;
mod m0006_webhook_deliveries;
mod m0007_connections;
mod m0008_audit;
mod m0009_compliance;
mod m0010_activity;
mod m0011_service_audit;
mod m0012_subtotal_events;
mod m0013_followed_connections;
mod m0014_happenings;
mod m0015_integrations;
mod m0016_deliveries;
mod m0017_delivery_attempts;
mod m0018_merchants_choices;
mod m0019_inbox_and_connections;
mod m0020_keys_of_events;
mod m0022_rate_limits;
mod m0023_pruned_trails;

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
            Box::new(m0004_installs::Migration),
            Box::new(m0005_shopify_tokens::Migration),
            Box::new(m0006_webhook_deliveries::Migration),
            Box::new(m0007_connections::Migration),
            Box::new(m0008_audit::Migration),
            Box::new(m0009_compliance::Migration),
            Box::new(m0010_activity::Migration),
            Box::new(m0011_service_audit::Migration),
            Box::new(m0012_subtotal_events::Migration),
            Box::new(m0013_followed_connections::Migration),
            Box::new(m0014_happenings::Migration),
            Box::new(m0015_integrations::Migration),
            Box::new(m0016_deliveries::Migration),
            Box::new(m0017_delivery_attempts::Migration),
            Box::new(m0018_merchants_choices::Migration),
            Box::new(m0019_inbox_and_connections::Migration),
            Box::new(m0020_keys_of_events::Migration),
            Box::new(m0022_rate_limits::Migration),
            Box::new(m0023_pruned_trails::Migration),
        ]
    }
}
