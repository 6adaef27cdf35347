//! The signatures of Shopify's and Subtotal's webhooks against second implementations: both accept and refuse the same
//! messages, and nothing is accepted that none of the secrets signed. What destroys data names its shop in the signed body.
//!
//! Input: four choices, lines of `Name: value`, an empty line, and the body. Signatures and times stand in the headers as
//! marks, such as `{base64}`; the last choice changes the signatures.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use subtotal_connect::shopify::webhook::VerifiedWebhook;
use subtotal_connect::shopify::{ClientSecrets, Notice, webhook as of_shopify};
use subtotal_connect::subtotal::webhook as of_subtotal;
use subtotal_connect_fuzz::digest::{base64, hex, hmac_sha256};
use subtotal_connect_fuzz::input::Input;
use subtotal_connect_fuzz::webhooks::{self, Delivery, Headers};

const SECRETS: [&str; 3] = ["hush", "", "former"];
const STRANGER: &str = "of another app";
/// Unix milliseconds.
const NOW: i64 = 1_795_237_200_000;

/// Shopify's are never empty.
static CLIENT_SECRETS: LazyLock<ClientSecrets> =
    LazyLock::new(|| ClientSecrets::new(&["hush", "former"].map(Into::into)));
static SUBTOTAL_SECRETS: LazyLock<[SecretString; 3]> = LazyLock::new(|| SECRETS.map(Into::into));

fuzz_target!(init: known_answers(), |data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let secret = ["hush", "former", "", STRANGER][usize::from(input.choice(0, 4))];
    // Four of the seconds are enough for both borders of the window.
    let now = NOW + input.seconds(1) * 4000 + input.seconds(2);
    let (mut headers, body) = Headers::and_body(input.text);
    headers.replace("{now}", &(NOW / 1000).to_string());
    headers.replace("{now_ms}", &NOW.to_string());
    let digest = hmac_sha256(secret.as_bytes(), body.as_bytes());
    let timestamp = headers.get("x-subtotal-timestamp").unwrap_or_default();
    let event_digest = hmac_sha256(secret.as_bytes(), &webhooks::subtotal_message(&timestamp, body.as_bytes()));
    for (mark, digest) in [("", digest), ("event_", event_digest)] {
        headers.replace(&format!("{{{mark}base64}}"), &input.changed(3, &base64(&digest)));
        headers.replace(&format!("{{{mark}hex}}"), &input.changed(3, &hex(&digest)));
    }

    let shopify = of_shopify::verify(|name| headers.get(name), body.as_bytes().to_vec(), &CLIENT_SECRETS);
    let plain = webhooks::shopify(&headers, body.as_bytes(), &["hush", "former"]);
    let said = shopify.as_ref().ok().map(|webhook| Delivery {
        topic: webhook.topic.clone(),
        shop: webhook.shop.to_string(),
        id: webhook.delivery_id.clone(),
    });
    assert_eq!(said, plain, "{headers:?} {body:?}");
    if let Ok(webhook) = &shopify {
        assert_eq!(webhook.body, body.as_bytes());
        check_notice(webhook, body);
    }

    let subtotal = of_subtotal::verify(|name| headers.get(name), body.as_bytes().to_vec(), &*SUBTOTAL_SECRETS, now);
    let plain = webhooks::subtotal(&headers, body.as_bytes(), &SECRETS, now);
    assert_eq!(subtotal.as_ref().ok().map(|event| event.sent_at()), plain, "{headers:?} {body:?} at {now}");
    if let Ok(event) = &subtotal {
        assert_eq!(event.body(), body.as_bytes());
    }
    if ["", STRANGER].contains(&secret) {
        let is_one_of = |names: &[&str], forged: [String; 2]| {
            names.iter().filter_map(|name| headers.get(name)).any(|signature| forged.contains(&signature))
        };
        let of_body = is_one_of(&["x-shopify-hmac-sha256", "shopify-hmac-sha256"], [base64(&digest), hex(&digest)]);
        assert!(!of_body || shopify.is_err(), "{headers:?} is signed under {secret:?}");
        let of_event = is_one_of(&["x-subtotal-signature"], [base64(&event_digest), hex(&event_digest)]);
        assert!(!of_event || subtotal.is_err(), "{headers:?} is signed under {secret:?}");
    }
});

/// What destroys or reveals data is about the shop of the header, and never about two things.
fn check_notice(webhook: &VerifiedWebhook, body: &str) {
    let Ok(Some(notice)) = Notice::read(webhook) else { return };
    let read: serde_json::Value = serde_json::from_str(body).expect("a notice is read from JSON");
    let (shop, topic) = (webhook.shop.as_str(), webhook.topic.as_str());
    match &notice {
        Notice::Uninstalled => assert_eq!((topic, read["myshopify_domain"].as_str()), ("app/uninstalled", Some(shop))),
        Notice::ShopRedacted => {
            assert_eq!((topic, read["shop_domain"].as_str()), ("shop/redact", Some(shop)));
            assert!(read.get("customer").is_none(), "{body}");
        }
        Notice::CustomerRedacted { .. } => {
            assert_eq!((topic, read["shop_domain"].as_str()), ("customers/redact", Some(shop)));
            assert!(read.get("data_request").is_none(), "{body}");
        }
        Notice::DataRequested { request, .. } => {
            assert_eq!((topic, read["shop_domain"].as_str()), ("customers/data_request", Some(shop)));
            assert!(request.as_ref().is_none_or(|request| request.len() <= 255), "{body}");
        }
        Notice::ShopUpdated { domain } => assert!(domain.as_ref().is_none_or(|domain| domain.len() <= 255), "{body}"),
        Notice::ScopesChanged { scopes } => {
            assert!(scopes.len() <= 100 && scopes.iter().all(|scope| scope.len() <= 255), "{body}");
        }
        Notice::CustomerUpdated { customer } | Notice::CustomerDeleted { customer } => {
            assert!(topic.starts_with("customers/"), "{topic}");
            let id = &read["id"];
            let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            assert_eq!(id, customer.as_str(), "{body}");
        }
    }
    let work = serde_json::to_string(&notice).expect("a notice is JSON");
    let again: Notice = serde_json::from_str(&work).expect("work that is stored can be read");
    assert_eq!(serde_json::to_string(&again).expect("a notice is JSON"), work);
}

/// The second implementation has to know the answers of `tests/vectors` first.
fn known_answers() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/shopify-webhook.json")).expect("the vectors are JSON");
    for vector in vectors["vectors"].as_array().expect("a list of vectors") {
        let text = |name: &str| vector[name].as_str().expect("a text");
        assert_eq!(base64(&hmac_sha256(text("secret").as_bytes(), text("body").as_bytes())), text("hmac"), "{vector}");
    }
}
