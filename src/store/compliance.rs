//! What Shopify's compliance webhooks leave: requests for a customer's data, and receipts. A receipt names nobody: its
//! subject is a digest of the shop's domain.

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::inbox::Delivery;
use super::{Actor, Deed, Store, StoreError};
use crate::shopify::ShopDomain;

/// A receipt of what a compliance webhook led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComplianceReceipt {
    /// Unix milliseconds.
    pub at: i64,
    /// The topic, such as `customers/redact`.
    pub kind: String,
    /// One of [`Outcome`]'s words.
    pub outcome: String,
}

/// What a compliance webhook led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The request waits for the merchant, who downloads the report.
    Recorded,
    /// Everything is deleted.
    Erased,
    /// Everything here is deleted; Subtotal could not be told, for want of a key that works.
    ErasedHereOnly,
    /// Nothing was stored.
    NothingStored,
    /// The shop has been installed again, so nothing is deleted.
    Reinstalled,
}

impl Outcome {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Erased => "erased",
            Self::ErasedHereOnly => "erased_here_only",
            Self::NothingStored => "nothing_stored",
            Self::Reinstalled => "reinstalled",
        }
    }
}

impl Store {
    /// Ends a compliance delivery that leaves a receipt and nothing else, for a shop or for none.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn finish_with_receipt(
        &self,
        delivery: &Delivery,
        shop_id: Option<i64>,
        kind: &'static str,
        outcome: Outcome,
        now: i64,
    ) -> Result<bool, StoreError> {
        let transaction = self.begin_durable().await?;
        if !self.settle_delivery(&transaction, delivery, shop_id.is_some()).await? {
            return Ok(false);
        }
        self.put_receipt(&transaction, delivery, kind, outcome, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Records a request for a customer's data, which the merchant answers within 30 days.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn finish_data_request(
        &self,
        delivery: &Delivery,
        shop_id: i64,
        request: &str,
        customer: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        const RECORD: &str = "INSERT INTO data_requests (shop_id, id, customer_id, requested_at) \
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let transaction = self.begin_durable().await?;
        if !self.settle_delivery(&transaction, delivery, true).await? {
            return Ok(false);
        }
        let values: Vec<Value> = vec![shop_id.into(), request.into(), customer.into(), delivery.happened_at.into()];
        transaction.execute_raw(self.statement(RECORD, values)).await?;
        let deed = Deed { actor: Actor::Shopify, action: "compliance.data_requested", detail: serde_json::json!({}) };
        self.append_deed(&transaction, shop_id, &deed, now).await?;
        self.put_receipt(&transaction, delivery, "customers/data_request", Outcome::Recorded, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// A shop's receipts, newest first. They are still here when the shop is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn compliance_receipts(&self, shop: &ShopDomain) -> Result<Vec<ComplianceReceipt>, StoreError> {
        const SQL: &str = "SELECT at, kind, outcome FROM compliance_receipts WHERE subject = $1 ORDER BY at DESC, id";
        let rows = self.db.query_all_raw(self.statement(SQL, vec![digest(shop.as_str()).into()])).await?;
        let read = |row: &QueryResult| {
            Ok(ComplianceReceipt {
                at: row.try_get("", "at")?,
                kind: row.try_get("", "kind")?,
                outcome: row.try_get("", "outcome")?,
            })
        };
        rows.iter().map(read).collect()
    }

    pub(super) async fn put_receipt(
        &self,
        db: &impl ConnectionTrait,
        delivery: &Delivery,
        kind: &'static str,
        outcome: Outcome,
        now: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO compliance_receipts (id, kind, subject, outcome, at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let subject = digest(&delivery.shop_domain);
        let values: Vec<Value> =
            vec![delivery.id.clone().into(), kind.into(), subject.into(), outcome.as_str().into(), now.into()];
        db.execute_raw(self.statement(SQL, values)).await?;
        Ok(())
    }
}

/// What a receipt calls a shop.
fn digest(domain: &str) -> String {
    hex::encode(Sha256::digest(domain.as_bytes()))
}
