//! Which key an event's body was sealed under; NULL in a row that an older version wrote, whose sealed bytes say it. And
//! what is sealed at all, in order, so that it is counted and sealed anew without reading everything that ended.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("subtotal_events").add_column(text_null("key_id")).take()).await?;
        for index in [
            "CREATE INDEX subtotal_events_sealed ON subtotal_events (shop_id, event_id, key_id) WHERE sealed IS NOT NULL",
            "CREATE INDEX deliveries_sealed ON deliveries (shop_id, id, key_id) WHERE content IS NOT NULL",
        ] {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}
