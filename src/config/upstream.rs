//! How Subtotal and the merchant's tools are reached.

use std::time::Duration;

use crate::events::klaviyo::KlaviyoConfig;
use crate::settings::Settings;
use crate::subtotal::SubtotalConfig;

/// How the merchant's tools are told what happened.
#[derive(Debug, Clone)]
pub struct DeliveriesConfig {
    /// How Klaviyo is reached.
    pub klaviyo: KlaviyoConfig,
    /// `DELIVERY_RETRY_BASE_MS`: the first gap between tries; it grows from there.
    pub retry_base: Duration,
    /// `DELIVERY_ATTEMPT_TIMEOUT_MS`: how long one try may take.
    pub attempt_timeout: Duration,
}

impl Settings<'_> {
    pub(super) fn subtotal(&mut self) -> SubtotalConfig {
        SubtotalConfig {
            base_url: self.url("SUBTOTAL_API_URL", "https://api.subtotal.com"),
            connect_timeout: self.milliseconds("UPSTREAM_CONNECT_TIMEOUT_MS", 1000),
            attempt_timeout: self.milliseconds("UPSTREAM_ATTEMPT_TIMEOUT_MS", 2000),
            storefront_deadline: self.milliseconds("STOREFRONT_DEADLINE_MS", 4000),
            retailers_fresh: self.seconds("RETAILERS_FRESH_SECONDS", 60),
        }
    }

    pub(super) fn deliveries(&mut self) -> DeliveriesConfig {
        let attempt_timeout = self.milliseconds("DELIVERY_ATTEMPT_TIMEOUT_MS", 10_000);
        DeliveriesConfig {
            klaviyo: KlaviyoConfig {
                base_url: self.url("KLAVIYO_API_URL", "https://a.klaviyo.com"),
                connect_timeout: attempt_timeout.min(Duration::from_secs(3)),
                timeout: attempt_timeout,
            },
            retry_base: self.milliseconds("DELIVERY_RETRY_BASE_MS", 5000),
            attempt_timeout,
        }
    }
}
