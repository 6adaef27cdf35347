//! The known token, and more than forty bad ones.

use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_591_765_000;

fn secrets() -> ClientSecrets {
    ClientSecrets::new(&["hush".into()])
}

fn claims() -> Value {
    json!({
        "iss": "https://exampleshop.myshopify.com/admin", "dest": "https://exampleshop.myshopify.com",
        "aud": "client-id-123", "sub": "42", "exp": NOW + 50, "nbf": NOW - 10, "iat": NOW - 10,
        "jti": "f8912129", "sid": "aaea182f",
    })
}

fn token_of(header: &str, claims: &str, secret: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(header), encode(claims));
    let digest = ClientSecrets::new(&[secret.into()]).sign_hex(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hex::decode(digest).unwrap()))
}

fn token(claims: &Value) -> String {
    token_of(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string(), "hush")
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

fn refusal(token: &str) -> Option<SessionRefusal> {
    verify(token, &secrets(), "client-id-123", NOW).err()
}

#[test]
fn the_known_token_opens_its_shops_admin() {
    let vector: Value = serde_json::from_str(include_str!("../../tests/vectors/session-token.json")).unwrap();
    let secret = ClientSecrets::new(&["newer".into(), vector["secret"].as_str().unwrap().into()]);
    let verify_at = |now| verify(vector["token"].as_str().unwrap(), &secret, "client-id-123", now);
    let (from, until) = (vector["not_before"].as_i64().unwrap(), vector["expires"].as_i64().unwrap());
    let session = verify_at(from).unwrap();
    assert_eq!(session.shop().as_str(), vector["shop"].as_str().unwrap());
    assert_eq!(session.user(), vector["user_id"].as_str().unwrap());
    assert!(verify_at(from - 10).is_ok() && verify_at(until + 9).is_ok());
    assert_eq!(verify_at(from - 11).unwrap_err(), SessionRefusal::NotYetValid);
    assert_eq!(verify_at(until + 10).unwrap_err(), SessionRefusal::Expired);
}

#[test]
fn bad_claims_are_refused() {
    use SessionRefusal::{Audience, Claims, Expired, Issuer, NotYetValid, Subject};
    let table = [
        (with("aud", json!("another-app")), Audience),
        (with("aud", json!("")), Audience),
        (with("aud", json!(["client-id-123"])), Claims),
        (with("aud", json!(null)), Claims),
        (without("aud"), Claims),
        (without("iss"), Claims),
        (without("dest"), Claims),
        (without("sub"), Claims),
        (without("exp"), Claims),
        (without("nbf"), Claims),
        (without("iat"), Claims),
        (with("exp", json!(NOW - 10)), Expired),
        (with("exp", json!(0)), Expired),
        (with("exp", json!(i64::MIN)), Expired),
        (with("exp", json!("2591765000")), Claims),
        (with("exp", json!(1.0e300)), Claims),
        (with("nbf", json!(NOW + 11)), NotYetValid),
        (with("iat", json!(NOW + 11)), NotYetValid),
        (with("nbf", json!(i64::MAX)), NotYetValid),
        (with("iss", json!("https://exampleshop.myshopify.com")), Issuer),
        (with("iss", json!("https://exampleshop.myshopify.com/admin/")), Issuer),
        (with("iss", json!("https://exampleshop.myshopify.com/checkouts")), Issuer),
        (with("iss", json!("https://exampleshop.myshopify.com/account")), Issuer),
        (with("iss", json!("http://exampleshop.myshopify.com/admin")), Issuer),
        (with("iss", json!("https://victim.myshopify.com/admin")), Issuer),
        (with("dest", json!("https://victim.myshopify.com")), Issuer),
        (with("dest", json!("exampleshop.myshopify.com")), Issuer),
        (with("dest", json!("https://exampleshop.myshopify.com/")), Issuer),
        (with("dest", json!("https://exampleshop.myshopify.com.evil.com")), Issuer),
        (with("dest", json!("https://EXAMPLESHOP.myshopify.com")), Issuer),
        (with("dest", json!("https://a@exampleshop.myshopify.com")), Issuer),
        (with("dest", json!("https://evil.com")), Issuer),
        (with("dest", json!("https://exampleshop.myshopify.com:443")), Issuer),
        (with("sub", json!("gid://shopify/Customer/42")), Subject),
        (with("sub", json!("gid://shopify/StaffMember/42")), Subject),
        (with("sub", json!("")), Subject),
        (with("sub", json!("-1")), Subject),
        (with("sub", json!("4 2")), Subject),
        (with("sub", json!("123456789012345678901")), Subject),
        (with("sub", json!(42)), Claims),
        (json!([]), Claims),
        (json!("text"), Claims),
    ];
    assert!(table.len() >= 40);
    assert_eq!(refusal(&token(&claims())), None);
    for (claims, expected) in table {
        assert_eq!(refusal(&token(&claims)), Some(expected), "{claims}");
    }
}

#[test]
fn a_customers_token_does_not_open_the_admin() {
    let mut customer = claims();
    customer["iss"] = json!("https://exampleshop.myshopify.com/customer-account");
    customer["dest"] = json!("exampleshop.myshopify.com");
    customer["sub"] = json!("gid://shopify/Customer/42");
    assert!(refusal(&token(&customer)).is_some());
}

#[test]
fn bad_signatures_and_shapes_are_refused() {
    use SessionRefusal::{Algorithm, Malformed, Missing, Signature};
    let text = claims().to_string();
    let good = token(&claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let header = |header: &str| token_of(header, &text, "hush");
    let swapped = format!("{}A", &signature[..signature.len() - 1]);
    let table = [
        (String::new(), Missing),
        (".".to_owned(), Malformed),
        ("..".to_owned(), Malformed),
        ("not a token".to_owned(), Malformed),
        (signed.to_owned(), Malformed),
        (format!("{signed}."), Signature),
        (format!("{good}.{signature}"), Malformed),
        (format!("{good}="), Malformed),
        (format!(" {good}"), Malformed),
        (format!("{good},{good}"), Malformed),
        (format!("{signed}.{swapped}"), Signature),
        (token_of(r#"{"alg":"HS256"}"#, &text, "another secret"), Signature),
        (token_of(r#"{"alg":"HS256"}"#, &text, ""), Signature),
        (header(r#"{"alg":"none"}"#), Algorithm),
        (header(r#"{"alg":"None"}"#), Algorithm),
        (header(r#"{"alg":"hs256"}"#), Algorithm),
        (header(r#"{"alg":"HS512"}"#), Algorithm),
        (header(r#"{"alg":"RS256"}"#), Algorithm),
        (header(r#"{"alg":"ES256"}"#), Algorithm),
        (header(r#"{"alg":"HS256","crit":["exp"]}"#), Algorithm),
        (header(r#"{"alg":"HS256","alg":"none"}"#), Malformed),
        (header(r#"{"typ":"JWT"}"#), Malformed),
        (header(r#"{"alg":null}"#), Malformed),
        (header("[]"), Malformed),
        (header(r#"["HS256"]"#), Malformed),
        (header(r#"["HS256",null]"#), Malformed),
        (header(""), Malformed),
        ("a".repeat(1024 * 1024), Malformed),
        (format!("{}.{signed}", "a".repeat(1024 * 1024)), Malformed),
    ];
    for (token, expected) in table {
        let shown: String = token.chars().take(80).collect();
        assert_eq!(refusal(&token), Some(expected), "{shown}");
    }
    let in_order = json!([
        "https://exampleshop.myshopify.com/admin",
        "https://exampleshop.myshopify.com",
        "client-id-123",
        "42",
        NOW + 60,
        NOW,
        NOW,
    ]);
    assert_eq!(refusal(&token(&in_order)), Some(SessionRefusal::Claims), "claims have names");
    let repeated = text.replacen('{', r#"{"iss":"https://victim.myshopify.com/admin","#, 1);
    assert!(refusal(&token_of(r#"{"alg":"HS256"}"#, &repeated, "hush")).is_some(), "a repeated claim");
}

#[test]
fn what_a_program_prints_of_a_session_is_its_shop() {
    let session = verify(&token(&claims()), &secrets(), "client-id-123", NOW).unwrap();
    assert_eq!(format!("{session:?}"), "VerifiedSession { shop: exampleshop.myshopify.com, .. }");
    assert_eq!(format!("{:?}", secrets()), "ClientSecrets(1)");
}

#[test]
fn a_token_has_8192_bytes_at_most() {
    let padded = |bytes: usize| {
        (1..bytes)
            .map(|padding| token(&with("jti", "x".repeat(padding).into())))
            .find(|token| token.len() >= bytes)
            .unwrap()
    };
    assert_eq!((padded(8192).len(), refusal(&padded(8192))), (8192, None));
    assert_eq!((padded(8193).len(), refusal(&padded(8193))), (8193, Some(SessionRefusal::Malformed)));
    assert_eq!(refusal(&padded(8200)), Some(SessionRefusal::Malformed));
}

#[test]
fn the_token_is_kept_for_the_exchange() {
    let token = token(&claims());
    assert_eq!(verify(&token, &secrets(), "client-id-123", NOW).unwrap().token(), token);
}

#[test]
fn each_refusal_has_a_word_of_its_own() {
    use SessionRefusal::{
        Algorithm, Audience, Claims, Expired, Issuer, Malformed, Missing, NotYetValid, Signature, Subject,
    };
    let refusals = [Missing, Malformed, Algorithm, Signature, Claims, Audience, Issuer, Subject, Expired, NotYetValid];
    let words = "missing malformed algorithm signature claims audience issuer subject expired not_yet_valid";
    assert_eq!(refusals.map(SessionRefusal::reason).join(" "), words);
}
