//! The client secret signs queries, session tokens and webhooks, all by the same HMAC. What was signed as one of them is
//! good for no other: shoppers and staff hold session tokens, signature and all.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::support::app::{ALICE, SHOP, TestApp};
use crate::support::door::customer_claims;
use crate::support::session::{claims, token};
use crate::support::webhook::{Hook, states};

#[actix_web::test]
async fn the_signature_of_a_session_token_signs_no_webhook() {
    let app = TestApp::start().await;
    let now = app.clock.unix_seconds();
    for claims in [customer_claims("other.myshopify.com", ALICE, now), claims("other.myshopify.com", now)] {
        let token = token(&app.client_secret, &claims);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let hmac = Some(STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap()));
        for topic in ["shop/update", "app/scopes_update", "customers/update", "app/uninstalled", "products/update"] {
            let body = signed.as_bytes().to_vec();
            let answer = Hook { body, hmac: hmac.clone(), ..Hook::new(topic, &json!({})) }.send(&app).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_signature"), "{topic}");
        }
    }
    assert_eq!(states(&app).await, Vec::<String>::new());
}

#[actix_web::test]
async fn what_is_signed_of_a_query_and_whatever_is_no_json_object_is_no_webhook() {
    let app = TestApp::start().await;
    let now = app.clock.unix_seconds();
    let query = format!("logged_in_customer_id={ALICE}path_prefix=/apps/subtotalshop={SHOP}timestamp={now}");
    for body in [query.as_str(), "[]", "\"text\"", "7", "null", "not json", "{", "{} {}"] {
        let hook = Hook { body: body.as_bytes().to_vec(), ..Hook::new("shop/update", &json!({})) };
        let answer = hook.send(&app).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_signature"), "{body}");
    }
    assert_eq!(states(&app).await, Vec::<String>::new());
}
