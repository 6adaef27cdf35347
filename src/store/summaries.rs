//! Shops as people see them.

use sea_orm::{EntityTrait, QueryFilter, QueryOrder};

use super::entities::{shop, shop_secret};
use super::shop::{HostPurpose, rate_limit_word};
use super::shops::{take_hosts, take_storefront_hosts};
use super::{SecretKind, Store, StoreError};
use crate::shopify::ShopDomain;

/// A shop as people see it: no secrets, only their last characters.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShopSummary {
    /// The permanent domain.
    pub domain: String,
    /// Whether a Subtotal API key is stored.
    pub configured: bool,
    /// Last characters of the Subtotal API key.
    pub api_key_hint: Option<String>,
    /// Last characters of the Subtotal webhook secret.
    pub webhook_secret_hint: Option<String>,
    /// Last characters of the Shopify Admin API token.
    pub admin_token_hint: Option<String>,
    /// See [`super::Shop::storefront_hosts`].
    pub domains: Vec<String>,
    /// See [`super::Shop::redirect_hosts`].
    pub redirect_hosts: Vec<String>,
    /// See [`super::Shop::enforce_visibility`].
    pub enforce_visibility: bool,
    /// `hide` or `show`.
    pub no_email: String,
    /// `connection` or `token`.
    pub link_style: String,
    /// `new` or `classic`.
    pub accounts: String,
    /// `rate:burst`, `off`, or `default` for the installation's.
    pub rate_limit_shop: String,
    /// The same for each customer.
    pub rate_limit_customer: String,
}

impl Store {
    /// Every shop, by domain; or only the one at `domain`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn summaries(&self, domain: Option<&ShopDomain>) -> Result<Vec<ShopSummary>, StoreError> {
        let mut find = shop::Entity::find().order_by_asc(shop::Column::Domain);
        if let Some(domain) = domain {
            find = find.filter(shop::COLUMN.domain.eq(domain.as_str()));
        }
        let mut summaries = Vec::new();
        for row in find.all(&self.db).await? {
            let mut hosts = self.hosts(row.id).await?;
            let secrets = shop_secret::Entity::find().filter(shop_secret::COLUMN.shop_id.eq(row.id));
            let secrets = secrets.all(&self.db).await?;
            let hint = |kind: SecretKind| {
                secrets.iter().find(|secret| secret.kind == kind.as_str()).map(|secret| secret.hint.clone())
            };
            summaries.push(ShopSummary {
                configured: hint(SecretKind::SubtotalApiKey).is_some() && row.uninstalled_at.is_none(),
                api_key_hint: hint(SecretKind::SubtotalApiKey),
                webhook_secret_hint: hint(SecretKind::SubtotalWebhook),
                admin_token_hint: hint(SecretKind::ShopifyAdminToken),
                domains: take_storefront_hosts(&mut hosts),
                redirect_hosts: take_hosts(&mut hosts, HostPurpose::Redirect),
                domain: row.domain,
                enforce_visibility: row.enforce_visibility,
                no_email: row.no_email,
                link_style: row.link_style,
                accounts: row.accounts,
                rate_limit_shop: row.rate_limit_shop.unwrap_or_else(|| rate_limit_word(None)),
                rate_limit_customer: row.rate_limit_customer.unwrap_or_else(|| rate_limit_word(None)),
            });
        }
        Ok(summaries)
    }
}
