//! Deliveries to the merchant's tools.

use sea_orm::ConnectionTrait;

use super::{Store, StoreError};
use crate::events::happening::Happening;

impl Store {
    /// Puts what is due to each destination for a happening, in the transaction that tells of it.
    #[expect(clippy::unused_async, reason = "there is no destination yet")]
    pub(super) async fn put_deliveries(
        &self,
        _db: &impl ConnectionTrait,
        _shop_id: i64,
        _happening: &Happening,
        _now: i64,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}
