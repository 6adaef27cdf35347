//! The signatures of webhooks, from Shopify's page "Verify webhook deliveries" and Subtotal's "Verifying signatures".

use crate::digest::{base64, hex, hmac_sha256};
use crate::shapes::{is_digits, is_shop};

/// Longest header value, in bytes.
const MAX_HEADER: usize = 255;
/// Milliseconds that Subtotal's clock may be off, either way.
const WINDOW_MS: i128 = 300_000;

/// Headers as they were sent.
#[derive(Debug)]
pub struct Headers(Vec<(String, String)>);

/// What Shopify said of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Such as `shop/redact`.
    pub topic: String,
    /// The shop of the header.
    pub shop: String,
    /// The delivery's id.
    pub id: String,
}

impl Headers {
    /// Lines of `name: value`, up to an empty one; and the body behind it.
    #[must_use]
    pub fn and_body(message: &str) -> (Self, &str) {
        let (head, body) = message.split_once("\n\n").unwrap_or((message, ""));
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        (Self(lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect()), body)
    }

    /// The value of a header that is there once.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let found: Vec<&String> = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect();
        if let [value] = found[..] { Some(value.clone()) } else { None }
    }

    /// Puts something in the place of each mark.
    pub fn replace(&mut self, mark: &str, with: &str) {
        for (_, value) in &mut self.0 {
            *value = value.replace(mark, with);
        }
    }
}

/// Accepts or refuses a delivery of Shopify's. The two families of headers must not contradict each other.
#[must_use]
pub fn shopify(headers: &Headers, body: &[u8], secrets: &[&str]) -> Option<Delivery> {
    let either = |name: &str| {
        let family: Vec<String> =
            ["x-shopify", "shopify"].iter().filter_map(|family| headers.get(&format!("{family}-{name}"))).collect();
        let first = family.first()?.clone();
        let is_good = family.iter().all(|other| *other == first) && (1..=MAX_HEADER).contains(&first.len());
        is_good.then_some(first)
    };
    let signature = either("hmac-sha256")?;
    let is_signed = secrets.iter().any(|secret| base64(&hmac_sha256(secret.as_bytes(), body)) == signature);
    let shop = either("shop-domain").filter(|shop| is_shop(shop))?;
    let delivery = Delivery { topic: either("topic")?, shop, id: either("webhook-id")? };
    (is_signed && !body.is_empty()).then_some(delivery)
}

/// Accepts or refuses an event of Subtotal's that arrived at `now`, Unix milliseconds; answers when it was sent.
#[must_use]
pub fn subtotal(headers: &Headers, body: &[u8], secrets: &[&str], now: i64) -> Option<i64> {
    let (signature, timestamp) = (headers.get("x-subtotal-signature")?, headers.get("x-subtotal-timestamp")?);
    let message = subtotal_message(&timestamp, body);
    let is_signed = secrets.iter().filter(|secret| !secret.is_empty()).any(|secret| {
        let digest = hmac_sha256(secret.as_bytes(), &message);
        signature.eq_ignore_ascii_case(&hex(&digest)) || signature == base64(&digest)
    });
    if !is_signed || body.is_empty() || !is_digits(&timestamp) || timestamp.len() > 16 {
        return None;
    }
    let number: i64 = timestamp.parse().ok()?;
    // As seconds this would be the year 5138.
    let sent_at = if number >= 100_000_000_000 { number } else { number * 1000 };
    ((i128::from(now) - i128::from(sent_at)).abs() <= WINDOW_MS).then_some(sent_at)
}

/// What Subtotal signs.
#[must_use]
pub fn subtotal_message(timestamp: &str, body: &[u8]) -> Vec<u8> {
    [timestamp.as_bytes(), b".", body].concat()
}
