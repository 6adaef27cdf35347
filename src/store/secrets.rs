//! A shop's secrets, sealed at rest.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ConnectionTrait, EntityTrait, ExprTrait, Set, Value};
use secrecy::{ExposeSecret, SecretString};

use super::entities::shop_secret;
use super::sealed::Place;
use super::{Actor, Deed, Store, StoreError};
use crate::shopify::ShopDomain;

/// Characters of a secret that are kept readable, so that people can tell which one is stored.
const HINT_CHARACTERS: usize = 4;

/// How long a webhook secret stays valid after it was replaced, in milliseconds: Subtotal still signs with it until
/// somebody has changed it there too.
const FORMER_MS: i64 = 24 * 60 * 60 * 1000;

/// What a stored secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The merchant's Subtotal API key.
    SubtotalApiKey,
    /// The secret Subtotal signs its webhooks with.
    SubtotalWebhook,
    /// The webhook secret before that one; valid for 24 hours after it was replaced.
    FormerSubtotalWebhook,
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
            Self::FormerSubtotalWebhook => "subtotal_webhook_secret_before",
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

    /// The installed shop at `domain`, and the secrets Subtotal may sign its webhooks with at `now` (Unix milliseconds),
    /// newest first. One that does not open is left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn webhook_secrets(
        &self,
        domain: &ShopDomain,
        now: i64,
    ) -> Result<Option<(i64, Vec<SecretString>)>, StoreError> {
        const SQL: &str = "SELECT s.id, x.kind, x.sealed FROM shops s LEFT JOIN shop_secrets x ON x.shop_id = s.id \
             AND (x.kind = $2 OR (x.kind = $3 AND x.updated_at > $4)) \
             WHERE s.domain = $1 AND s.uninstalled_at IS NULL \
             ORDER BY CASE WHEN x.kind = $2 THEN 0 ELSE 1 END";
        let (current, former) = (SecretKind::SubtotalWebhook.as_str(), SecretKind::FormerSubtotalWebhook.as_str());
        let values: Vec<Value> = vec![domain.as_str().into(), current.into(), former.into(), (now - FORMER_MS).into()];
        let rows = self.db.query_all_raw(self.statement(SQL, values)).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let shop_id: i64 = first.try_get("", "id")?;
        let mut secrets = Vec::new();
        for row in &rows {
            let (kind, sealed) = (row.try_get::<Option<String>>("", "kind")?, row.try_get("", "sealed")?);
            let (Some(kind), Some(sealed)) = (kind, sealed) else { continue };
            let sealed: Vec<u8> = sealed;
            match self.keyring.open(Place { shop_id, kind: &kind }, &sealed) {
                Ok(secret) => secrets.push(secret),
                Err(error) => tracing::error!(%error, "a webhook secret is treated as absent"),
            }
        }
        Ok(Some((shop_id, secrets)))
    }

    /// Keeps the webhook secret there is, which `secret` replaces, as the former one.
    async fn keep_former(
        &self,
        db: &impl ConnectionTrait,
        shop_id: i64,
        secret: &SecretString,
        now: i64,
    ) -> Result<(), StoreError> {
        let kind = SecretKind::SubtotalWebhook.as_str();
        let found = shop_secret::Entity::find_by_id((shop_id, kind.to_owned())).one(db).await?;
        let Some(row) = found else { return Ok(()) };
        match self.keyring.open(Place { shop_id, kind }, &row.sealed) {
            Ok(former) if former.expose_secret() != secret.expose_secret() => {
                self.put_secret(db, shop_id, SecretKind::FormerSubtotalWebhook, &former, now).await
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "the webhook secret before is of no use any more");
                Ok(())
            }
        }
    }

    /// Removes a secret, with its line in the audit trail. Answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn remove_secret(&self, shop_id: i64, kind: SecretKind, by: Actor, now: i64) -> Result<bool, StoreError> {
        let transaction = self.begin_write().await?;
        let delete = shop_secret::Entity::delete_by_id((shop_id, kind.as_str().to_owned()));
        let removed = delete.exec(&transaction).await?.rows_affected > 0;
        if kind == SecretKind::SubtotalWebhook {
            let former = SecretKind::FormerSubtotalWebhook.as_str().to_owned();
            shop_secret::Entity::delete_by_id((shop_id, former)).exec(&transaction).await?;
        }
        if removed {
            let deed =
                Deed { actor: by, action: "key.removed", detail: serde_json::json!({ "secret": kind.as_str() }) };
            self.append_deed(&transaction, shop_id, &deed, now).await?;
            self.announce_shop(&transaction, shop_id).await?;
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
        if kind == SecretKind::SubtotalWebhook {
            self.keep_former(db, shop_id, secret, now).await?;
        }
        self.put_secret(db, shop_id, kind, secret, now).await
    }

    async fn put_secret(
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
