//! What a customer's token may look like, and bad ones. Signatures and shapes are those of `session_token_tests.rs`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_591_765_000;

fn claims() -> Value {
    json!({
        "dest": "exampleshop.myshopify.com", "aud": "client-id-123", "sub": "gid://shopify/Customer/42",
        "exp": NOW + 290, "nbf": NOW - 10, "iat": NOW - 10, "jti": "f8912129",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn verify_claims(claims: &Value) -> Result<VerifiedCustomer, SessionRefusal> {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(r#"{"alg":"HS256","typ":"JWT"}"#), encode(&claims.to_string()));
    let secrets = ClientSecrets::new(&["hush".into()]);
    let signature = hex::decode(secrets.sign_hex(signed.as_bytes())).unwrap();
    verify(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)), &secrets, "client-id-123", NOW)
}

#[test]
fn a_customers_token_names_shop_and_customer_in_any_form_shopify_may_give_it() {
    let issuers = [
        "https://exampleshop.myshopify.com/customer-account",
        "https://exampleshop.myshopify.com/checkouts",
        "shopify",
    ];
    for dest in ["exampleshop.myshopify.com", "https://exampleshop.myshopify.com"] {
        for issuer in issuers.map(Value::from).into_iter().chain([Value::Null]) {
            let mut claims = with("dest", json!(dest));
            claims["iss"] = issuer;
            let verified = verify_claims(&claims).unwrap();
            assert_eq!(verified.shop().as_str(), "exampleshop.myshopify.com");
            assert_eq!(verified.customer().map(CustomerId::as_str), Some("42"), "{claims}");
        }
    }
    for claims in [without("sub"), with("sub", Value::Null)] {
        assert!(verify_claims(&claims).unwrap().customer().is_none(), "nobody is signed in");
    }
    for (name, time) in [("exp", NOW - 9), ("nbf", NOW + 10), ("iat", NOW + 10)] {
        assert!(verify_claims(&with(name, json!(time))).is_ok(), "{name}");
    }
}

#[test]
fn bad_claims_are_refused() {
    use SessionRefusal::{Audience, Claims, Expired, Issuer, NotYetValid, Subject};
    let shop = "https://exampleshop.myshopify.com";
    for (claims, expected) in [
        (with("aud", json!("another-app")), Audience),
        (with("aud", json!(["client-id-123"])), Claims),
        (without("aud"), Claims),
        (without("dest"), Claims),
        (without("exp"), Claims),
        (without("nbf"), Claims),
        (without("iat"), Claims),
        (with("exp", json!(NOW - 10)), Expired),
        (with("exp", json!("2591765000")), Claims),
        (with("nbf", json!(NOW + 11)), NotYetValid),
        (with("iat", json!(NOW + 11)), NotYetValid),
        (with("iss", json!(format!("{shop}/admin"))), Issuer),
        (with("iss", json!(format!("{shop}/admin/"))), Issuer),
        (with("iss", json!(format!("{shop}/ADMIN?x=1"))), Issuer),
        (with("iss", json!(format!("{shop}/admin/apps"))), Issuer),
        (with("iss", json!("https://admin.shopify.com/store/exampleshop")), Issuer),
        (with("iss", json!("https://victim.myshopify.com/customer-account")), Issuer),
        (with("iss", json!("https://a@exampleshop.myshopify.com/customer-account")), Issuer),
        (with("iss", json!(7)), Claims),
        (with("dest", json!("http://exampleshop.myshopify.com")), Issuer),
        (with("dest", json!("https://https://exampleshop.myshopify.com")), Issuer),
        (with("dest", json!("https://exampleshop.myshopify.com/")), Issuer),
        (with("dest", json!("exampleshop.myshopify.com:443")), Issuer),
        (with("dest", json!("EXAMPLESHOP.myshopify.com")), Issuer),
        (with("dest", json!("exampleshop.myshopify.com.evil.com")), Issuer),
        (with("dest", json!("evil.com")), Issuer),
        (with("dest", json!("")), Issuer),
        (with("sub", json!("42")), Subject),
        (with("sub", json!(42)), Claims),
        (with("sub", json!("")), Subject),
        (with("sub", json!("gid://shopify/Customer/")), Subject),
        (with("sub", json!("gid://shopify/Customer/042")), Subject),
        (with("sub", json!("gid://shopify/Customer/42 ")), Subject),
        (with("sub", json!("gid://shopify/Customer/42/Address/1")), Subject),
        (with("sub", json!("gid://shopify/customer/42")), Subject),
        (with("sub", json!("gid://shopify/StaffMember/42")), Subject),
        (with("sub", json!("gid://shopify/Company/42")), Subject),
        (with("sub", json!("gid://shopify/Customer/123456789012345678901")), Subject),
        (json!([]), Claims),
        (json!("text"), Claims),
    ] {
        assert_eq!(verify_claims(&claims).err(), Some(expected), "{claims}");
    }
}

#[test]
fn what_a_program_prints_of_a_customers_token_is_its_shop() {
    let customer = verify_claims(&claims()).unwrap();
    assert_eq!(format!("{customer:?}"), "VerifiedCustomer { shop: exampleshop.myshopify.com, .. }");
}
