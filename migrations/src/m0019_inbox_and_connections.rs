//! What the lists of events and of connections need to stay quick in shops with many of either. Where Subtotal listed a
//! customer's connections without one that events told of, `gone_at` says when, in Unix milliseconds.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table("followed_connections").add_column(big_integer_null("gone_at")).take())
            .await?;
        for (name, table, columns) in [
            ("subtotal_events_in_state", "subtotal_events", &["shop_id", "state", "received_at", "event_id"][..]),
            ("connections_by_time", "connections", &["shop_id", "since", "connection_id"]),
            ("connections_in_status", "connections", &["shop_id", "status", "since", "connection_id"]),
            ("followed_connections_by_time", "followed_connections", &["shop_id", "status_at", "connection_id"]),
            (
                "followed_connections_in_status",
                "followed_connections",
                &["shop_id", "status", "status_at", "connection_id"],
            ),
        ] {
            let mut index = Index::create().name(name).table(table).take();
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
