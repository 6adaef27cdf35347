//! The way to Subtotal for what events tell: one connection, read with its own access token.

use std::time::Duration;

use secrecy::SecretString;

use super::happening::{Happening, HappeningKind};
use super::purchase::purchase;
use crate::clock::Clock;
use crate::shopify::ShopDomain;
use crate::store::{Store, StoreError};
use crate::subtotal::purchases::{ConnectionDetail, PurchasePage};
use crate::subtotal::{Deadline, Retailers, ShopApi, SubtotalApi, SubtotalError, TokenScope};

/// How long the calls of one try may take together.
const CALLS: Duration = Duration::from_secs(14);

/// What the queues of events work with.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The database.
    pub store: Store,
    /// For what is written down.
    pub clock: Clock,
    /// Subtotal.
    pub subtotal: SubtotalApi,
    /// The way in there.
    pub retailers: Retailers,
}

/// Why a try did not do it. Its text is stored and shown to the merchant, so it is about nobody.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The shop is not installed any more.
    #[error("the shop is not installed")]
    NotInstalled,
    /// The shop has no key to ask Subtotal with.
    #[error("there is no Subtotal API key")]
    NoKey,
    /// The database did not answer as it should.
    #[error("the database did not answer as it should")]
    Store(#[from] StoreError),
    /// Subtotal did not deliver.
    #[error(transparent)]
    Subtotal(#[from] SubtotalError),
}

/// One connection at Subtotal, opened.
pub(super) struct Reader {
    api: ShopApi,
    token: SecretString,
    connection_id: String,
}

impl Sources {
    /// Opens a connection of the shop at `domain`.
    pub(super) async fn open(&self, domain: &str, connection_id: &str) -> Result<Reader, Trouble> {
        let domain = ShopDomain::parse(domain).map_err(|_| Trouble::NotInstalled)?;
        let shop = self.store.load_shop(&domain).await?.ok_or(Trouble::NotInstalled)?;
        let (key, version) = shop.api_key.ok_or(Trouble::NoKey)?;
        let gate = self.retailers.shelf(shop.id, version).await.gate();
        let api = self.subtotal.for_shop(&key, gate, Deadline::after(CALLS))?;
        let token = api.connection_token(connection_id, TokenScope::Access).await?;
        Ok(Reader { api, token, connection_id: connection_id.to_owned() })
    }

    /// Whether the shop is installed.
    pub(super) async fn is_installed(&self, shop_id: i64) -> Result<bool, Trouble> {
        Ok(self.store.installed_domain(shop_id).await?.is_some())
    }
}

impl Reader {
    pub(super) async fn connection(&self) -> Result<ConnectionDetail, Trouble> {
        Ok(self.api.connection(&self.connection_id, &self.token).await?)
    }

    pub(super) async fn page(&self, after: Option<&str>) -> Result<PurchasePage, Trouble> {
        Ok(self.api.purchases(&self.token, after).await?)
    }

    /// What happened when a purchase was made: when its own date says, or at `otherwise`.
    pub(super) async fn purchased(
        &self,
        purchase_id: &str,
        of: &ConnectionDetail,
        otherwise: i64,
    ) -> Result<Happening, Trouble> {
        let detail = self.api.purchase(purchase_id, &self.token).await?;
        Ok(Happening {
            id: happening_id(purchase_id),
            kind: HappeningKind::Purchased,
            at: detail.at().unwrap_or(otherwise),
            is_simulated: of.is_simulated || detail.is_simulated,
            connection_id: self.connection_id.clone(),
            retailer_id: of.retailer_id.clone(),
            customer_id: of.customer_id.clone(),
            email: of.email.clone(),
            mobile: of.mobile.clone(),
            purchase: Some(purchase(&detail)),
        })
    }
}

/// What a purchase is known by, whichever way it became known.
pub(super) fn happening_id(purchase_id: &str) -> String {
    format!("purchase:{purchase_id}")
}
