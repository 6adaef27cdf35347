//! Session tokens of the embedded admin, written from Shopify's documentation and apart from `src`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The staff member every token here is of.
pub(crate) const STAFF: &str = "4242";

/// A token App Bridge would send at `now`, Unix seconds.
pub(crate) fn session_token(client_secret: &str, client_id: &str, shop: &str, now: i64) -> String {
    session_token_of(client_secret, &session_claims(client_id, shop, now))
}

/// A token with exactly these claims.
pub(crate) fn session_token_of(client_secret: &str, claims: &Value) -> String {
    jwt(client_secret, r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

/// The claims of [`session_token`].
pub(crate) fn session_claims(client_id: &str, shop: &str, now: i64) -> Value {
    json!({
        "iss": format!("https://{shop}/admin"), "dest": format!("https://{shop}"), "aud": client_id, "sub": STAFF,
        "exp": now + 60, "nbf": now - 1, "iat": now - 1, "jti": format!("jti-{now}"), "sid": "aaea182f2732d44c",
    })
}

/// A JSON web token of any header and claims, signed with HMAC-SHA256 whatever the header says.
pub(crate) fn jwt(client_secret: &str, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(client_secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
