//! What the compliance webhooks about customers lead to.

use super::webhooks::{CALLS, Webhooks, WorkError};
use crate::shopify::{CustomerId, ShopDomain};
use crate::store::{Delivery, Outcome};
use crate::subtotal::{Deadline, ShopApi, SubtotalError, TokenScope};

/// How long Subtotal is asked to disconnect a redacted customer's connections, in milliseconds. Shopify gives 30 days,
/// and until it is done the customer's id has to be kept.
const REDACT_FOR_MS: i64 = 25 * 24 * 60 * 60 * 1000;

impl Webhooks {
    /// Records a request for a customer's data.
    pub(super) async fn data_requested(
        &self,
        delivery: &Delivery,
        shop_id: Option<i64>,
        customer: Option<&CustomerId>,
        request: Option<&str>,
    ) -> Result<(), WorkError> {
        const KIND: &str = "customers/data_request";
        let now = self.clock.unix_ms();
        match (shop_id, customer) {
            (Some(shop_id), Some(customer)) => {
                let request = request.unwrap_or(&delivery.id);
                self.store.finish_data_request(delivery, shop_id, request, customer.as_str(), now).await?
            }
            _ => self.store.finish_with_receipt(delivery, shop_id, KIND, Outcome::NothingStored, now).await?,
        };
        Ok(())
    }

    /// Deletes what is stored of the customer, then disconnects at Subtotal, also for a shop that left meanwhile.
    pub(super) async fn customer_redacted(
        &self,
        delivery: &Delivery,
        shop_id: Option<i64>,
        domain: &ShopDomain,
        customer: Option<&CustomerId>,
    ) -> Result<(), WorkError> {
        const KIND: &str = "customers/redact";
        let (Some(shop_id), Some(customer)) = (shop_id, customer) else {
            // Without an id only the e-mail address could be stored, and it was struck when the delivery came.
            let outcome = if shop_id.is_some() { Outcome::Erased } else { Outcome::NothingStored };
            self.store.finish_with_receipt(delivery, shop_id, KIND, outcome, self.clock.unix_ms()).await?;
            return Ok(());
        };
        self.forget_customer(domain, customer).await?;
        self.store.erase_customer(shop_id, domain, customer.as_str(), delivery).await?;
        let outcome = match self.store.subtotal_api_key(shop_id).await? {
            None => Outcome::ErasedHereOnly,
            Some((key, version)) => {
                let gate = self.retailers.shelf(shop_id, version).await.gate();
                let api = self.subtotal.for_shop(&key, gate, Deadline::after(CALLS));
                let disconnected = match api {
                    Ok(api) => self.disconnect_all(&api, shop_id, customer).await,
                    Err(error) => Err(error.into()),
                };
                let too_late = self.clock.unix_ms() - delivery.received_at > REDACT_FOR_MS;
                match disconnected {
                    Ok(()) => Outcome::Erased,
                    Err(WorkError::Subtotal(_)) if too_late => Outcome::ErasedHereOnly,
                    Err(error) => return Err(error),
                }
            }
        };
        let (customer, now) = (customer.as_str(), self.clock.unix_ms());
        self.store.finish_customer_redact(delivery, shop_id, domain, customer, outcome, now).await?;
        Ok(())
    }

    /// Disconnects what is not disconnected yet, whose events are not wanted any more. A connection that goes meanwhile
    /// is as good as disconnected.
    async fn disconnect_all(&self, api: &ShopApi, shop_id: i64, customer: &CustomerId) -> Result<(), WorkError> {
        for connection in api.connections(customer.as_str()).await? {
            let id = &connection.connection_id;
            self.store.shut_connection(shop_id, id).await?;
            if matches!(connection.status.as_str(), "disconnected" | "revoked") {
                continue;
            }
            let disconnected = match api.connection_token(id, TokenScope::Access).await {
                Ok(token) => api.disconnect(id, &token).await,
                Err(error) => Err(error),
            };
            match disconnected {
                Ok(()) | Err(SubtotalError::ConnectionNotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
