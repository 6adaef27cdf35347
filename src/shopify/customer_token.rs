//! Session tokens of the customer-account extension: a JWT in, a [`VerifiedCustomer`] or a [`SessionRefusal`] out.
//!
//! Shopify signs them like those of the admin, for the same audience ("Session token API",
//! <https://shopify.dev/docs/api/customer-account-ui-extensions/latest/apis/session-token>). They differ in what they
//! say: `dest` with or without scheme, an `iss` that is never an admin's or is not there, and a `sub` only while a
//! customer is signed in. A token of the admin opens nothing here: `docs/decisions/0012-two-doors.md`.

use std::fmt;

use serde::Deserialize;

use super::session_token::{SessionRefusal, check_times, object, signed_claims};
use super::{ClientSecrets, CustomerId, ShopDomain};

/// What a customer's global id starts with.
const CUSTOMER: &str = "gid://shopify/Customer/";

/// A visitor of a shop's customer accounts, signed in or not.
///
/// The fields are private and [`verify`] is the only constructor, so holding a value is the proof.
#[derive(Clone)]
pub struct VerifiedCustomer {
    shop: ShopDomain,
    customer: Option<CustomerId>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: Option<String>,
    dest: String,
    aud: String,
    #[serde(default)]
    sub: Option<String>,
    exp: i64,
    nbf: i64,
    iat: i64,
}

impl VerifiedCustomer {
    /// The shop whose customer accounts these are.
    #[must_use]
    pub fn shop(&self) -> &ShopDomain {
        &self.shop
    }

    /// The customer; `None` while nobody is signed in.
    #[must_use]
    pub fn customer(&self) -> Option<&CustomerId> {
        self.customer.as_ref()
    }
}

impl fmt::Debug for VerifiedCustomer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VerifiedCustomer").field("shop", &self.shop).finish_non_exhaustive()
    }
}

/// Verifies a token of the app `client_id`'s customer-account extension. `now` is Unix time in seconds.
///
/// # Errors
/// The first check that fails, as a [`SessionRefusal`].
pub fn verify(
    token: &str,
    secrets: &ClientSecrets,
    client_id: &str,
    now: i64,
) -> Result<VerifiedCustomer, SessionRefusal> {
    let claims: Claims = object(&signed_claims(token, secrets)?).ok_or(SessionRefusal::Claims)?;
    if claims.aud != client_id {
        return Err(SessionRefusal::Audience);
    }
    let host = claims.dest.strip_prefix("https://").unwrap_or(&claims.dest);
    let shop = ShopDomain::parse(host).map_err(|_| SessionRefusal::Issuer)?;
    if claims.iss.is_some_and(|issuer| !may_issue(&issuer, &shop)) {
        return Err(SessionRefusal::Issuer);
    }
    let customer = claims.sub.as_deref().map(customer_of).transpose()?;
    check_times(claims.exp, claims.nbf.max(claims.iat), now)?;
    Ok(VerifiedCustomer { shop, customer })
}

/// Whether customer accounts can be the issuer. Shopify does not document its exact form, so an admin's and another
/// shop's are refused, and whatever else carries the signature is taken.
fn may_issue(issuer: &str, shop: &ShopDomain) -> bool {
    let issuer = issuer.to_ascii_lowercase();
    let rest = issuer.split_once("://").map_or(issuer.as_str(), |(_, rest)| rest);
    let mut segments = rest.split(['/', '?', '#']);
    let host = segments.next().unwrap_or_default();
    let of_an_admin = host == "admin.shopify.com" || segments.any(|segment| segment == "admin");
    let of_another_shop = host.contains("myshopify.com") && host != shop.as_str();
    !of_an_admin && !of_another_shop
}

fn customer_of(subject: &str) -> Result<CustomerId, SessionRefusal> {
    let id = subject.strip_prefix(CUSTOMER).ok_or(SessionRefusal::Subject)?;
    CustomerId::parse(id).map_err(|_| SessionRefusal::Subject)
}

#[cfg(test)]
#[path = "customer_token_tests.rs"]
mod tests;
