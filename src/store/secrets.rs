//! A shop's secrets, sealed at rest.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ConnectionTrait, EntityTrait, ExprTrait, Set};
use secrecy::{ExposeSecret, SecretString};

use super::entities::shop_secret;
use super::sealed::Place;
use super::{Actor, Deed, Store, StoreError};

/// Characters of a secret that are kept readable, so that people can tell which one is stored.
const HINT_CHARACTERS: usize = 4;

/// What a stored secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The merchant's Subtotal API key.
    SubtotalApiKey,
    /// The secret Subtotal signs its webhooks with.
    SubtotalWebhook,
    /// The offline token for Shopify's Admin API.
    ShopifyAdminToken,
    /// The merchant's private Klaviyo key.
    Klaviyo,
}

impl SecretKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::SubtotalApiKey => "subtotal_api_key",
            Self::SubtotalWebhook => "subtotal_webhook_secret",
            Self::ShopifyAdminToken => "shopify_admin_token",
            Self::Klaviyo => "klaviyo_private_key",
        }
    }
}

impl Store {
    /// The open secret and the version it was stored as, which grows with every replacement.
    pub(super) async fn open_secret(
        &self,
        shop_id: i64,
        kind: SecretKind,
    ) -> Result<Option<(SecretString, i64)>, StoreError> {
        let found = shop_secret::Entity::find_by_id((shop_id, kind.as_str().to_owned())).one(&self.db).await?;
        let Some(row) = found else { return Ok(None) };
        let secret = self.keyring.open(Place { shop_id, kind: kind.as_str() }, &row.sealed)?;
        Ok(Some((secret, row.version)))
    }

    /// Removes a secret, with its line in the audit trail. Answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn remove_secret(&self, shop_id: i64, kind: SecretKind, by: Actor, now: i64) -> Result<bool, StoreError> {
        let transaction = self.begin_write().await?;
        let delete = shop_secret::Entity::delete_by_id((shop_id, kind.as_str().to_owned()));
        let removed = delete.exec(&transaction).await?.rows_affected > 0;
        if removed {
            let deed =
                Deed { actor: by, action: "key.removed", detail: serde_json::json!({ "secret": kind.as_str() }) };
            self.append_deed(&transaction, shop_id, &deed, now).await?;
        }
        transaction.commit().await?;
        Ok(removed)
    }

    pub(super) async fn seal_secret(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        kind: SecretKind,
        secret: &SecretString,
        now: i64,
    ) -> Result<(), StoreError> {
        let (sealed, key_id) = self.keyring.seal(Place { shop_id, kind: kind.as_str() }, secret)?;
        let row = shop_secret::ActiveModel {
            shop_id: Set(shop_id),
            kind: Set(kind.as_str().to_owned()),
            sealed: Set(sealed),
            key_id: Set(key_id),
            hint: Set(hint(secret)),
            version: Set(1),
            updated_at: Set(now),
        };
        let next_version = Expr::col((shop_secret::Entity, shop_secret::Column::Version)).add(1);
        let replace = OnConflict::columns([shop_secret::Column::ShopId, shop_secret::Column::Kind])
            .update_columns([
                shop_secret::Column::Sealed,
                shop_secret::Column::KeyId,
                shop_secret::Column::Hint,
                shop_secret::Column::UpdatedAt,
            ])
            .value(shop_secret::Column::Version, next_version)
            .to_owned();
        shop_secret::Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
        Ok(())
    }
}

/// The last characters, or nothing where they would be a large part of the secret.
fn hint(secret: &SecretString) -> String {
    let characters: Vec<char> = secret.expose_secret().chars().collect();
    match characters.len() {
        length if length >= 3 * HINT_CHARACTERS => characters[length - HINT_CHARACTERS..].iter().collect(),
        _ => String::new(),
    }
}
