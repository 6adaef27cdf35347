//! Webhooks from Shopify: headers and raw body in, a [`VerifiedWebhook`] or a [`WebhookRefusal`] out.
//!
//! Only the body is signed ("Verify webhook deliveries",
//! <https://shopify.dev/docs/apps/build/webhooks/verify-deliveries>): a captured body can be sent again with another
//! shop or topic in its headers. What destroys data therefore takes the shop from the signed body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::ShopDomain;
use super::signature::ClientSecrets;

/// Longest header value that is kept, in bytes.
const MAX_HEADER_BYTES: usize = 255;

/// A delivery whose body Shopify signed.
#[derive(Debug, Clone)]
pub struct VerifiedWebhook {
    /// Such as `app/uninstalled`. From a header, so not signed.
    pub topic: String,
    /// From a header, so not signed.
    pub shop: ShopDomain,
    /// The delivery's id: the same for every attempt of one delivery.
    pub delivery_id: String,
    /// When the merchant's action happened, Unix milliseconds, where Shopify says so.
    pub triggered_at: Option<i64>,
    /// The signed body.
    pub body: Vec<u8>,
}

/// Why a delivery was refused. For the log and a counter; never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefusal {
    /// Shopify signs no empty body.
    #[error("the body is empty")]
    EmptyBody,
    /// No HMAC header, or both families with different values.
    #[error("there is not exactly one signature")]
    MissingSignature,
    /// No client secret gives this signature.
    #[error("the signature does not match")]
    WrongSignature,
    /// Topic, shop or delivery id is missing, malformed or contradictory.
    #[error("the header {0} is missing, malformed or there twice with different values")]
    Header(&'static str),
    /// Its signed body is not a JSON object; or it would destroy or reveal data, and the body is not one of its topic
    /// about the shop of its header.
    #[error("the body does not belong to the topic and the shop in the headers")]
    Body,
    /// More than is read, so that nothing can be verified.
    #[error("the body is too long, or did not come in time")]
    Unreadable,
}

impl WebhookRefusal {
    /// A word for counters.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::EmptyBody => "empty_body",
            Self::MissingSignature => "missing_signature",
            Self::WrongSignature => "wrong_signature",
            Self::Header(_) => "header",
            Self::Body => "body",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Verifies a delivery. `header` looks a header up by its lower-case name, and answers nothing when it is repeated.
///
/// # Errors
/// The first check that fails, as a [`WebhookRefusal`].
pub fn verify(
    header: impl Fn(&str) -> Option<String>,
    body: Vec<u8>,
    secrets: &ClientSecrets,
) -> Result<VerifiedWebhook, WebhookRefusal> {
    if body.is_empty() {
        return Err(WebhookRefusal::EmptyBody);
    }
    let signature = either(&header, "hmac-sha256").ok_or(WebhookRefusal::MissingSignature)?;
    let digest = STANDARD.decode(signature).map_err(|_| WebhookRefusal::WrongSignature)?;
    secrets.verify(&body, &digest).ok_or(WebhookRefusal::WrongSignature)?;
    let named = |name: &'static str| either(&header, name).ok_or(WebhookRefusal::Header(name));
    let topic = named("topic")?;
    let shop = ShopDomain::parse(&named("shop-domain")?).map_err(|_| WebhookRefusal::Header("shop-domain"))?;
    let delivery_id = named("webhook-id")?;
    let triggered_at = either(&header, "triggered-at").and_then(|text| parse_time(&text));
    Ok(VerifiedWebhook { topic, shop, delivery_id, triggered_at, body })
}

/// The value of `x-shopify-{name}` or `shopify-{name}`; nothing when they contradict each other.
fn either(header: &impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    let classic = header(&format!("x-shopify-{name}"));
    let newer = header(&format!("shopify-{name}"));
    let value = match (classic, newer) {
        (Some(classic), Some(newer)) if classic != newer => None,
        (classic, newer) => classic.or(newer),
    };
    value.filter(|value| !value.is_empty() && value.len() <= MAX_HEADER_BYTES)
}

fn parse_time(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const BODY: &str = r#"{"shop_id":954889,"shop_domain":"shop-name.myshopify.com"}"#;
    const HMAC: &str = "xexMoPw79q/Fx0YL10CmMAHu5yZTcaiZq44gsMSyjIk=";

    fn headers(family: &str) -> HashMap<String, String> {
        [
            ("hmac-sha256", HMAC),
            ("topic", "shop/redact"),
            ("shop-domain", "shop-name.myshopify.com"),
            ("webhook-id", "b54557e4"),
            ("triggered-at", "2026-11-21T05:00:00.250Z"),
        ]
        .map(|(name, value)| (format!("{family}-{name}"), value.to_owned()))
        .into()
    }

    fn check(headers: &HashMap<String, String>, body: &str) -> Result<VerifiedWebhook, WebhookRefusal> {
        let secrets = ClientSecrets::new(&["newer".into(), "hush".into()]);
        verify(|name| headers.get(name).cloned(), body.as_bytes().to_vec(), &secrets)
    }

    #[test]
    fn the_known_bodies_verify() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/shopify-webhook.json")).unwrap();
        for vector in vectors["vectors"].as_array().unwrap() {
            let text = |name: &str| vector[name].as_str().unwrap();
            let mut headers = headers("x-shopify");
            headers.insert("x-shopify-hmac-sha256".into(), text("hmac").into());
            let secrets = ClientSecrets::new(&[text("secret").into()]);
            let verified = verify(|name| headers.get(name).cloned(), text("body").as_bytes().to_vec(), &secrets);
            assert_eq!(verified.unwrap().body, text("body").as_bytes());
        }
    }

    #[test]
    fn both_header_families_are_understood() {
        for family in ["x-shopify", "shopify"] {
            let webhook = check(&headers(family), BODY).unwrap();
            assert_eq!((webhook.topic.as_str(), webhook.shop.as_str()), ("shop/redact", "shop-name.myshopify.com"));
            assert_eq!(webhook.delivery_id, "b54557e4");
            assert_eq!(webhook.triggered_at, Some(1_795_237_200_250));
        }
    }

    #[test]
    fn whatever_does_not_fit_is_refused() {
        let refused = |name: &str, value: Option<&str>, body: &str| {
            let mut headers = headers("x-shopify");
            headers.remove(name);
            headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
            check(&headers, body).unwrap_err()
        };
        let hmac = "x-shopify-hmac-sha256";
        assert_eq!(refused(hmac, Some(HMAC), ""), WebhookRefusal::EmptyBody);
        assert_eq!(refused(hmac, None, BODY), WebhookRefusal::MissingSignature);
        assert_eq!(refused(hmac, Some("AAAA"), BODY), WebhookRefusal::WrongSignature);
        assert_eq!(refused(hmac, Some("not base64!"), BODY), WebhookRefusal::WrongSignature);
        assert_eq!(refused(hmac, Some(HMAC), &format!("{BODY} ")), WebhookRefusal::WrongSignature);
        for name in ["topic", "shop-domain", "webhook-id"] {
            let header = format!("x-shopify-{name}");
            assert_eq!(refused(&header, None, BODY), WebhookRefusal::Header(name));
            assert_eq!(refused(&header, Some(""), BODY), WebhookRefusal::Header(name));
            let other_family = format!("shopify-{name}");
            assert_eq!(refused(&other_family, Some("another.myshopify.com"), BODY), WebhookRefusal::Header(name));
        }
        assert_eq!(refused("x-shopify-shop-domain", Some("evil.com"), BODY), WebhookRefusal::Header("shop-domain"));
    }

    #[test]
    fn both_families_together_may_say_the_same() {
        let mut both = headers("x-shopify");
        both.extend(headers("shopify"));
        assert!(check(&both, BODY).is_ok());
    }

    #[test]
    fn each_refusal_has_a_word_of_its_own() {
        use WebhookRefusal::{Body, EmptyBody, Header, MissingSignature, Unreadable, WrongSignature};
        let words = [EmptyBody, MissingSignature, WrongSignature, Header("topic"), Body, Unreadable]
            .map(WebhookRefusal::reason);
        assert_eq!(words, ["empty_body", "missing_signature", "wrong_signature", "header", "body", "unreadable"]);
    }
}
