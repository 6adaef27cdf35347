//! What each of Shopify's webhooks leads to. Every one may come late, out of order or again, and every try may have been
//! cut short before: whatever is done here can be done again without doing harm.

use std::time::Duration;

use crate::clock::Clock;
use crate::install::{AccessError, Tokens};
use crate::linking::redirect::parse_host;
use crate::shopify::admin_api::AdminApiError;
use crate::shopify::{AdminApi, Contacts, CustomerId, Notice, ShopDomain};
use crate::store::{Accounts, Actor, Deed, Delivery, KeptDays, Shop, ShopCache, ShopTold, Store, StoreError};
use crate::subtotal::wire::ContactUpdate;
use crate::subtotal::{Deadline, Retailers, ShopApi, SubtotalApi, SubtotalError, TokenScope};

/// How long the calls of one try may take together.
pub(super) const CALLS: Duration = Duration::from_secs(14);
/// Does what webhooks ask for.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// The database.
    pub store: Store,
    /// For what is written down.
    pub clock: Clock,
    /// Shops held in memory by this process.
    pub shops: ShopCache,
    /// Customers held in memory by this process.
    pub contacts: Contacts,
    /// Shopify.
    pub admin_api: AdminApi,
    /// The way in there.
    pub tokens: Tokens,
    /// Subtotal.
    pub subtotal: SubtotalApi,
    /// The way in there.
    pub retailers: Retailers,
    /// For how long records are kept.
    pub kept: KeptDays,
}

/// Why a try did not do it. Its text is stored and shown to the merchant, so it is about nobody.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The database did not answer as it should.
    #[error("the database did not answer as it should")]
    Store(#[from] StoreError),
    /// There is no access token.
    #[error("{0}")]
    Access(String),
    /// Shopify did not tell.
    #[error(transparent)]
    AdminApi(#[from] AdminApiError),
    /// Subtotal did not deliver.
    #[error(transparent)]
    Subtotal(#[from] SubtotalError),
    /// A row holds what no version of this program writes.
    #[error("the stored delivery is unreadable")]
    Unreadable,
}

impl From<AccessError> for WorkError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(error) => Self::Store(error),
            AccessError::Token(error) => Self::Access(error.to_string()),
        }
    }
}

impl Webhooks {
    /// Whether a notice is tried until it is done.
    #[must_use]
    pub fn is_persistent(notice: &Notice) -> bool {
        matches!(
            notice,
            Notice::Uninstalled | Notice::DataRequested { .. } | Notice::CustomerRedacted { .. } | Notice::ShopRedacted
        )
    }

    /// Does what a delivery asks for, and ends it.
    ///
    /// # Errors
    /// [`WorkError`]; it is tried again then.
    pub async fn work(&self, delivery: &Delivery, notice: &Notice) -> Result<(), WorkError> {
        let domain = ShopDomain::parse(&delivery.shop_domain).map_err(|_| WorkError::Unreadable)?;
        let shop_id = self.store.shop_id(&domain).await?;
        let deed = match (notice, shop_id) {
            (Notice::ShopRedacted, _) => {
                let outcome = self.store.redact_shop(delivery, self.clock.unix_ms()).await?;
                tracing::info!(outcome = outcome.as_str(), "shop redaction");
                self.forget_shop(&domain).await;
                return Ok(());
            }
            (Notice::DataRequested { customer, request }, _) => {
                return self.data_requested(delivery, shop_id, customer.as_ref(), request.as_deref()).await;
            }
            (Notice::CustomerRedacted { customer, .. }, _) => {
                return self.customer_redacted(delivery, shop_id, &domain, customer.as_ref()).await;
            }
            (_, None) => None,
            (Notice::Uninstalled, Some(_)) => {
                self.store.uninstall(&domain, delivery.happened_at, self.clock.unix_ms()).await?;
                self.forget_shop(&domain).await;
                None
            }
            (Notice::ScopesChanged { scopes }, Some(id)) => {
                self.store.note_scopes(id, scopes, delivery.happened_at, self.clock.unix_ms()).await?;
                None
            }
            (Notice::ShopUpdated { domain: host }, Some(id)) => {
                self.shop_updated(id, &domain, host.as_deref()).await?;
                None
            }
            (Notice::CustomerUpdated { customer }, Some(_)) => {
                self.forget_customer(&domain, customer).await?;
                self.customer_updated(&domain, customer).await?
            }
            (Notice::CustomerDeleted { customer }, Some(_)) => {
                self.forget_customer(&domain, customer).await?;
                None
            }
        };
        self.store.finish_delivery(delivery, shop_id, deed.as_ref(), self.clock.unix_ms()).await?;
        Ok(())
    }

    /// Forgets deliveries that ended long ago, and what proves nothing any more.
    pub async fn prune(&self) {
        match self.store.prune_records(self.kept, self.clock.unix_ms()).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old records were pruned"),
            Err(error) => tracing::warn!(%error, "old records could not be pruned"),
        }
        if let Err(error) = self.store.prune_deliveries(self.clock.unix_ms()).await {
            tracing::warn!(%error, "old deliveries could not be pruned");
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Notes the host the webhook names at once, and everything Shopify says of the shop where it can be asked.
    async fn shop_updated(&self, id: i64, domain: &ShopDomain, host: Option<&str>) -> Result<(), WorkError> {
        let hosts = |named: Vec<String>| {
            let hosts = named.iter().filter_map(|host| parse_host(host)).filter(|host| host != domain.as_str());
            hosts.collect::<Vec<_>>()
        };
        let told = ShopTold { hosts: hosts(host.map(str::to_owned).into_iter().collect()), ..ShopTold::default() };
        if self.store.note_shop(id, &told, self.clock.unix_ms()).await? {
            self.forget_shop(domain).await;
        }
        let Some(shop) = self.store.load_shop(domain).await? else { return Ok(()) };
        let Some(token) = self.tokens.of_shop(&shop).await? else { return Ok(()) };
        let details = self.admin_api.shop(domain, &token).await?;
        let accounts = details.classic_accounts.map(|classic| if classic { Accounts::Classic } else { Accounts::New });
        let told = ShopTold { hosts: hosts(details.hosts), all_hosts: true, accounts };
        if self.store.note_shop(id, &told, self.clock.unix_ms()).await? {
            self.forget_shop(domain).await;
        }
        Ok(())
    }

    /// Brings a customer's connections at Subtotal up to date with what Shopify says now, not with what it said when
    /// the webhook was sent: another one may have come since.
    async fn customer_updated(&self, domain: &ShopDomain, customer: &CustomerId) -> Result<Option<Deed>, WorkError> {
        let Some(shop) = self.store.load_shop(domain).await? else { return Ok(None) };
        let Some(api) = self.subtotal_of(&shop).await? else { return Ok(None) };
        if !self.store.has_connections(shop.id, customer.as_str()).await? {
            return Ok(None);
        }
        let Some(token) = self.tokens.of_shop(&shop).await? else { return Ok(None) };
        let contact = self.admin_api.contact(domain, &token, customer).await?;
        let Some(update) = ContactUpdate::fitting(contact.email, contact.phone) else { return Ok(None) };
        let mut updated = 0;
        for connection in api.connections(customer.as_str()).await? {
            if connection.status == "revoked" {
                continue;
            }
            let id = &connection.connection_id;
            match api.connection_token(id, TokenScope::Access).await {
                Ok(token) => api.update_contact(id, &token, &update).await?,
                Err(SubtotalError::ConnectionNotFound) => continue,
                Err(error) => return Err(error.into()),
            }
            updated += 1;
        }
        let detail = serde_json::json!({ "connections": updated });
        Ok((updated > 0).then_some(Deed { actor: Actor::Shopify, action: "connections.contact_updated", detail }))
    }

    async fn subtotal_of(&self, shop: &Shop) -> Result<Option<ShopApi>, WorkError> {
        let Some((key, version)) = &shop.api_key else { return Ok(None) };
        let gate = self.retailers.shelf(shop.id, *version).await.gate();
        Ok(Some(self.subtotal.for_shop(key, gate, Deadline::after(CALLS))?))
    }

    async fn forget_shop(&self, domain: &ShopDomain) {
        self.shops.forget(domain).await;
    }

    /// Forgets what is held in memory of a customer, here and by the other processes.
    pub(super) async fn forget_customer(&self, shop: &ShopDomain, customer: &CustomerId) -> Result<(), StoreError> {
        self.contacts.forget(shop, customer).await;
        self.store.announce_customer(shop, customer.as_str()).await
    }
}
