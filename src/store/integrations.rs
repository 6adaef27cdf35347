//! What the merchant's tools are told: on or off by destination, off until the merchant turns it on.

use sea_orm::{ConnectionTrait, EntityTrait, Value};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::entities::shop_secret;
use super::{Actor, Deed, SecretKind, Store, StoreError};
use crate::shopify::ShopDomain;

/// A tool of the merchant's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Klaviyo's Events API.
    Klaviyo,
    /// Shopify Flow.
    Flow,
}

/// What names the profile at Klaviyo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    /// The e-mail address.
    #[default]
    Email,
    /// The Shopify customer id, as the profile's external id.
    CustomerId,
    /// The phone number.
    Mobile,
}

/// What a destination is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Integration {
    /// Whether anything is sent.
    pub is_on: bool,
    /// Only Klaviyo has a choice.
    pub identifier: Identifier,
    /// Whether events of Subtotal's simulator are sent too.
    pub allow_simulated: bool,
    /// Whether what is to be sent waits until the merchant resumes it.
    pub is_paused: bool,
}

impl Destination {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Klaviyo, Self::Flow];

    /// The word it is stored and shown as.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Klaviyo => "klaviyo",
            Self::Flow => "flow",
        }
    }

    pub(super) fn parse(word: &str) -> Result<Self, StoreError> {
        Self::ALL
            .into_iter()
            .find(|destination| destination.as_str() == word)
            .ok_or(StoreError::Unreadable("deliveries"))
    }
}

impl Identifier {
    /// The word it is stored and shown as.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::CustomerId => "customer_id",
            Self::Mobile => "mobile",
        }
    }
}

impl Store {
    /// What a destination of the shop is told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn integration(&self, shop_id: i64, destination: Destination) -> Result<Integration, StoreError> {
        const SQL: &str = "SELECT is_on, identifier, allow_simulated, is_paused FROM integrations \
             WHERE shop_id = $1 AND destination = $2";
        let values: Vec<Value> = vec![shop_id.into(), destination.as_str().into()];
        let Some(row) = self.db.query_one_raw(self.statement(SQL, values)).await? else {
            return Ok(Integration::default());
        };
        let word: String = row.try_get("", "identifier")?;
        let identifiers = [Identifier::Email, Identifier::CustomerId, Identifier::Mobile];
        let identifier = identifiers.into_iter().find(|identifier| identifier.as_str() == word);
        Ok(Integration {
            is_on: row.try_get("", "is_on")?,
            identifier: identifier.ok_or(StoreError::Unreadable("integrations"))?,
            allow_simulated: row.try_get("", "allow_simulated")?,
            is_paused: row.try_get("", "is_paused")?,
        })
    }

    /// Stores what a destination of the shop is told, and a new key for it where there is one, in one step with the lines
    /// in the audit trail. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn save_integration(
        &self,
        shop_id: i64,
        destination: Destination,
        integration: &Integration,
        key: Option<&SecretString>,
        by: Actor,
        now: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO integrations \
             (shop_id, destination, is_on, identifier, allow_simulated, updated_at, is_paused) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (shop_id, destination) DO UPDATE SET is_on = excluded.is_on, \
             identifier = excluded.identifier, allow_simulated = excluded.allow_simulated, \
             updated_at = excluded.updated_at, is_paused = excluded.is_paused";
        let Integration { is_on, identifier, allow_simulated, is_paused } = *integration;
        let transaction = self.begin_write().await?;
        if let Some(key) = key {
            self.seal_secret(&transaction, shop_id, SecretKind::Klaviyo, key, now).await?;
            let detail = json!({ "secret": SecretKind::Klaviyo.as_str() });
            let deed = Deed { actor: by.clone(), action: "key.stored", detail };
            self.append_deed(&transaction, shop_id, &deed, now).await?;
        }
        let values: Vec<Value> = vec![
            shop_id.into(),
            destination.as_str().into(),
            is_on.into(),
            identifier.as_str().into(),
            allow_simulated.into(),
            now.into(),
            is_paused.into(),
        ];
        transaction.execute_raw(self.statement(SQL, values)).await?;
        let mut detail = json!({
            "destination": destination.as_str(), "enabled": is_on, "allowSimulated": allow_simulated,
            "paused": is_paused,
        });
        if destination == Destination::Klaviyo {
            detail["identifier"] = identifier.as_str().into();
        }
        let deed = Deed { actor: by, action: "settings.integration_changed", detail };
        self.append_deed(&transaction, shop_id, &deed, now).await?;
        Ok(transaction.commit().await?)
    }

    /// The shop's private Klaviyo key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn klaviyo_key(&self, shop_id: i64) -> Result<Option<SecretString>, StoreError> {
        Ok(self.open_secret(shop_id, SecretKind::Klaviyo).await?.map(|(key, _)| key))
    }

    /// The last characters of a stored secret, which may be none; `None` where no secret is stored.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn secret_hint(&self, shop_id: i64, kind: SecretKind) -> Result<Option<String>, StoreError> {
        let found = shop_secret::Entity::find_by_id((shop_id, kind.as_str().to_owned())).one(&self.db).await?;
        Ok(found.map(|row| row.hint))
    }

    /// The domain of a shop, while it is installed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn installed_domain(&self, shop_id: i64) -> Result<Option<ShopDomain>, StoreError> {
        const SQL: &str = "SELECT domain FROM shops WHERE id = $1 AND uninstalled_at IS NULL";
        let Some(row) = self.db.query_one_raw(self.statement(SQL, vec![shop_id.into()])).await? else {
            return Ok(None);
        };
        let domain: String = row.try_get("", "domain")?;
        Ok(Some(ShopDomain::parse(&domain).map_err(|_| StoreError::Unreadable("shops"))?))
    }
}
