//! Session tokens (ID tokens) of the embedded admin: a JWT in, a [`VerifiedSession`] or a [`SessionRefusal`] out.
//!
//! The rules are Shopify's ("Session tokens", <https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens>),
//! read strictly: HS256 only, and tokens of checkout and customer-account extensions, which carry the same signature
//! and audience, do not open the admin; those of customers are for [`super::customer_token`]. Why the verifier is our
//! own: `docs/decisions/0007-session-token-verifier.md`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::ShopDomain;
use super::signature::ClientSecrets;

/// Longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How far the clocks may be apart, in seconds.
pub const LEEWAY_SECONDS: i64 = 10;

/// A member of a shop's staff in the Shopify admin: the only way to a shop there.
///
/// The fields are private and [`verify`] is the only constructor, so holding a value is the proof.
#[derive(Clone)]
pub struct VerifiedSession {
    shop: ShopDomain,
    user: String,
    token: String,
}

/// Why a token was refused. For the log and a counter; never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// None was sent, or more than one.
    #[error("there is not exactly one session token")]
    Missing,
    /// Longer than [`MAX_TOKEN_BYTES`], or not three base64url parts of JSON.
    #[error("the session token is malformed")]
    Malformed,
    /// Anything but HS256.
    #[error("the session token is not signed by HS256")]
    Algorithm,
    /// No client secret gives this signature.
    #[error("the session token's signature does not match")]
    Signature,
    /// A claim is missing or not of its type.
    #[error("a claim of the session token is missing or malformed")]
    Claims,
    /// For another app.
    #[error("the session token is for another app")]
    Audience,
    /// Of another surface than the one it is sent to, or `iss` and `dest` name different shops or none.
    #[error("the session token is not of this surface of a shop")]
    Issuer,
    /// Its subject is not a member of staff, or not a customer where one is needed.
    #[error("the session token's subject is of another kind")]
    Subject,
    /// Its time is over.
    #[error("the session token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the session token is not valid yet")]
    NotYetValid,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    dest: String,
    aud: String,
    sub: String,
    exp: i64,
    nbf: i64,
    iat: i64,
}

impl VerifiedSession {
    /// The shop whose admin this is.
    #[must_use]
    pub fn shop(&self) -> &ShopDomain {
        &self.shop
    }

    /// The staff member's numeric Shopify user id.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The token itself, which can be exchanged for an access token while it is fresh.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }
}

impl fmt::Debug for VerifiedSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VerifiedSession").field("shop", &self.shop).finish_non_exhaustive()
    }
}

impl SessionRefusal {
    /// A short constant name for counters and logs.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Audience => "audience",
            Self::Issuer => "issuer",
            Self::Subject => "subject",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
        }
    }
}

/// Verifies a session token of the admin for the app `client_id`. `now` is Unix time in seconds.
///
/// # Errors
/// The first check that fails, as a [`SessionRefusal`].
pub fn verify(
    token: &str,
    secrets: &ClientSecrets,
    client_id: &str,
    now: i64,
) -> Result<VerifiedSession, SessionRefusal> {
    let claims: Claims = object(&signed_claims(token, secrets)?).ok_or(SessionRefusal::Claims)?;
    if claims.aud != client_id {
        return Err(SessionRefusal::Audience);
    }
    let host = claims.dest.strip_prefix("https://").ok_or(SessionRefusal::Issuer)?;
    let shop = ShopDomain::parse(host).map_err(|_| SessionRefusal::Issuer)?;
    if claims.iss != format!("https://{shop}/admin") {
        return Err(SessionRefusal::Issuer);
    }
    let numeric = (1..=20).contains(&claims.sub.len()) && claims.sub.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric {
        return Err(SessionRefusal::Subject);
    }
    check_times(claims.exp, claims.nbf.max(claims.iat), now)?;
    Ok(VerifiedSession { shop, user: claims.sub, token: token.to_owned() })
}

/// Whether a token is in its time, give or take [`LEEWAY_SECONDS`]. Everything is Unix time in seconds.
pub(super) fn check_times(expires: i64, starts: i64, now: i64) -> Result<(), SessionRefusal> {
    if now >= expires.saturating_add(LEEWAY_SECONDS) {
        return Err(SessionRefusal::Expired);
    }
    if starts > now.saturating_add(LEEWAY_SECONDS) {
        return Err(SessionRefusal::NotYetValid);
    }
    Ok(())
}

/// A JSON object. Only that: an array of its members in order would do for serde.
pub(super) fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}

/// The claims' JSON, once the signature is verified.
pub(super) fn signed_claims(token: &str, secrets: &ClientSecrets) -> Result<Vec<u8>, SessionRefusal> {
    if token.is_empty() {
        return Err(SessionRefusal::Missing);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(SessionRefusal::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(SessionRefusal::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(SessionRefusal::Malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| SessionRefusal::Malformed);
    let header: Header = object(&decode(header)?).ok_or(SessionRefusal::Malformed)?;
    if header.alg != "HS256" || header.crit.is_some() {
        return Err(SessionRefusal::Algorithm);
    }
    let (claims, signature) = (decode(claims)?, decode(signature)?);
    secrets.verify(signed.as_bytes(), &signature).ok_or(SessionRefusal::Signature)?;
    Ok(claims)
}

#[cfg(test)]
#[path = "session_token_tests.rs"]
mod tests;
