//! Session tokens, from Shopify's pages "Session tokens" and "Session token API", section 11 of the contract, and
//! decisions 7 and 12.

use crate::digest::{base64url, from_base64url, hmac_sha256};
use crate::members::{Member, Members};
use crate::shapes::{is_customer, is_digits, is_shop};

/// Seconds the clocks may be apart.
const LEEWAY: i128 = 10;

/// Who a token is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The shop.
    pub shop: String,
    /// The member of staff, or the customer; `None` where nobody is signed in.
    pub subject: Option<String>,
}

/// A token of these parts, signed properly.
#[must_use]
pub fn signed(header: &str, claims: &str, secret: &str) -> String {
    let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
    let signature = base64url(&hmac_sha256(secret.as_bytes(), signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Whose admin a token opens.
#[must_use]
pub fn staff(token: &str, secrets: &[&str], client_id: &str, now: i64) -> Option<Bearer> {
    let claims = claims(token, secrets, client_id, now)?;
    let dest = claims.text("dest")?;
    let shop = dest.strip_prefix("https://").filter(|shop| is_shop(shop))?;
    let user = claims.text("sub").filter(|user| is_digits(user) && user.len() <= 20)?;
    let is_the_admins = claims.text("iss")? == format!("https://{shop}/admin");
    is_the_admins.then(|| Bearer { shop: shop.to_owned(), subject: Some(user) })
}

/// Which customer a token of a customer-account extension is about.
#[must_use]
pub fn customer(token: &str, secrets: &[&str], client_id: &str, now: i64) -> Option<Bearer> {
    let claims = claims(token, secrets, client_id, now)?;
    let dest = claims.text("dest")?;
    let shop = dest.strip_prefix("https://").unwrap_or(&dest);
    let issuer = claims.optional_text("iss")?;
    if !is_shop(shop) || issuer.is_some_and(|issuer| is_issued_elsewhere(&issuer.to_ascii_lowercase(), shop)) {
        return None;
    }
    let subject = match claims.optional_text("sub")? {
        None => None,
        Some(subject) => {
            let id = subject.strip_prefix("gid://shopify/Customer/").filter(|id| is_customer(id))?;
            Some(id.to_owned())
        }
    };
    Some(Bearer { shop: shop.to_owned(), subject })
}

/// By an admin, or for another shop.
fn is_issued_elsewhere(issuer: &str, shop: &str) -> bool {
    let address = match issuer.find("://") {
        Some(at) => &issuer[at + 3..],
        None => issuer,
    };
    let parts: Vec<&str> = address.split(|letter| "/?#".contains(letter)).collect();
    let host = parts[0];
    host == "admin.shopify.com" || parts[1..].contains(&"admin") || (host.contains("myshopify.com") && host != shop)
}

/// The claims of a token for this app that is signed and in its time.
fn claims(token: &str, secrets: &[&str], client_id: &str, now: i64) -> Option<Members> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { return None };
    if token.len() > 8 * 1024 {
        return None;
    }
    let header_members = Members::read(&from_base64url(header)?)?;
    if header_members.text("alg")? != "HS256" || header_members.get("crit") != Member::Absent {
        return None;
    }
    let signed = format!("{header}.{claims}");
    let is_signed = |secret: &&str| base64url(&hmac_sha256(secret.as_bytes(), signed.as_bytes())) == signature;
    secrets.iter().find(|secret| is_signed(secret))?;
    let claims = Members::read(&from_base64url(claims)?)?;
    let (now, expires) = (i128::from(now), i128::from(claims.number("exp")?));
    let starts = i128::from(claims.number("nbf")?.max(claims.number("iat")?));
    let is_in_time = now < expires + LEEWAY && starts <= now + LEEWAY;
    (is_in_time && claims.text("aud")? == client_id).then_some(claims)
}
