//! Session tokens as Shopify mints and later accepts them. Kept apart from [`crate::shopify::session_token`] on
//! purpose: the two are written from the documentation, and tests hold them against each other.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

use crate::shopify::{ClientSecrets, ShopDomain};

/// Seconds a session token lives.
const LIVES: i64 = 60;
/// Seconds a customer's lives.
const CUSTOMERS_LIVES: i64 = 300;

/// Who opens the app: the claims that differ from one token to the next.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    pub(super) shop: &'a ShopDomain,
    pub(super) client_id: &'a str,
    /// The staff member's numeric id.
    pub(super) staff: &'a str,
    /// The staff member's session in the admin.
    pub(super) session: &'a str,
}

/// A token for the minute from `now`, Unix seconds.
pub(super) fn mint(opening: &Opening<'_>, secrets: &ClientSecrets, now: i64) -> String {
    let shop = opening.shop;
    let claims = json!({
        "iss": format!("https://{shop}/admin"),
        "dest": format!("https://{shop}"),
        "aud": opening.client_id,
        "sub": opening.staff,
        "exp": now + LIVES,
        "nbf": now,
        "iat": now,
        "jti": ulid::Ulid::generate().to_string(),
        "sid": opening.session,
    });
    sign(&claims, secrets)
}

/// A customer's token for the app's customer-account extension, good for five minutes from `now`, Unix seconds.
/// `customer` is the numeric id. No `iss`: Shopify does not document one.
pub(super) fn mint_customers(
    shop: &ShopDomain,
    client_id: &str,
    customer: &str,
    secrets: &ClientSecrets,
    now: i64,
) -> String {
    sign(
        &json!({
            "dest": shop.as_str(),
            "aud": client_id,
            "sub": format!("gid://shopify/Customer/{customer}"),
            "exp": now + CUSTOMERS_LIVES,
            "nbf": now,
            "iat": now,
            "jti": ulid::Ulid::generate().to_string(),
        }),
        secrets,
    )
}

fn sign(claims: &serde_json::Value, secrets: &ClientSecrets) -> String {
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let signed = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = URL_SAFE_NO_PAD.encode(digest(signed.as_bytes(), secrets));
    format!("{signed}.{signature}")
}

/// Whether the token endpoint takes `token` in exchange.
pub(super) fn is_good(token: &str, shop: &ShopDomain, client_id: &str, secrets: &ClientSecrets, now: i64) -> bool {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
        aud: String,
        exp: i64,
        nbf: i64,
    }
    let claims = || {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        secrets.verify(signed.as_bytes(), &signature)?;
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        serde_json::from_slice::<Claims>(&claims).ok()
    };
    claims().is_some_and(|claims| {
        claims.iss == format!("https://{shop}/admin")
            && claims.aud == client_id
            && now < claims.exp
            && claims.nbf <= now + LIVES
    })
}

/// The HMAC-SHA256 of `message` under the newest secret.
pub(super) fn digest(message: &[u8], secrets: &ClientSecrets) -> Vec<u8> {
    hex::decode(secrets.sign_hex(message)).expect("sign_hex writes hex")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shopify::customer_token;
    use crate::shopify::session_token::verify;

    #[test]
    fn what_is_minted_opens_the_admin_of_its_shop_for_a_minute() {
        let secrets = ClientSecrets::new(&["hush".into()]);
        let shop = ShopDomain::parse("larkmeadow.myshopify.com").unwrap();
        let opening = Opening { shop: &shop, client_id: "client", staff: "90210", session: "sid" };
        let token = mint(&opening, &secrets, 1_000);
        let session = verify(&token, &secrets, "client", 1_059).unwrap();
        assert_eq!((session.shop(), session.user()), (&shop, "90210"));
        assert!(verify(&token, &secrets, "client", 1_070).is_err());
        assert!(is_good(&token, &shop, "client", &secrets, 1_059));
        let other = ShopDomain::parse("other.myshopify.com").unwrap();
        assert!(!is_good(&token, &shop, "client", &secrets, 1_060), "expired");
        assert!(!is_good(&token, &shop, "another", &secrets, 1_000), "audience");
        assert!(!is_good(&token, &other, "client", &secrets, 1_000), "shop");
        assert!(!is_good(&token, &shop, "client", &ClientSecrets::new(&["hash".into()]), 1_000), "signature");
    }

    #[test]
    fn a_customers_token_opens_the_second_door_of_its_shop_for_five_minutes_and_no_admin() {
        let secrets = ClientSecrets::new(&["hush".into()]);
        let shop = ShopDomain::parse("larkmeadow.myshopify.com").unwrap();
        let token = mint_customers(&shop, "client", "7100000000001", &secrets, 1_000);
        let verified = customer_token::verify(&token, &secrets, "client", 1_299).unwrap();
        assert_eq!(verified.shop(), &shop);
        assert_eq!(verified.customer().unwrap().as_str(), "7100000000001");
        assert!(customer_token::verify(&token, &secrets, "client", 1_311).is_err());
        assert!(verify(&token, &secrets, "client", 1_000).is_err());
    }
}
