//! Connection tokens: shaped like Subtotal's JWTs, signed by nobody, valid because they are remembered.

use std::collections::HashMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use ulid::Ulid;

/// How long a token is valid. Seed 002's sample: `exp - iat` is 1,800 s.
const LIFETIME: Duration = Duration::seconds(1_800);
/// Bytes of an RS256 signature under a 2,048-bit key.
const SIGNATURE_BYTES: usize = 256;
/// Expired tokens are dropped once this many are remembered.
const TIDY_AT: usize = 4_096;

/// What a connection token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The Link pages.
    Link,
    /// The connection itself, over the API.
    Access,
}

impl Scope {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "link" => Some(Self::Link),
            "access" => Some(Self::Access),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Access => "access",
        }
    }
}

/// A token this world issued.
#[derive(Debug, Clone)]
pub(super) struct IssuedToken {
    pub(super) connection_id: String,
    pub(super) scope: Scope,
    expires: OffsetDateTime,
}

/// Every token issued, by its whole text.
#[derive(Default)]
pub(super) struct Tokens(HashMap<String, IssuedToken>);

impl Tokens {
    pub(super) fn issue(&mut self, client_id: &str, connection_id: &str, scope: Scope, now: OffsetDateTime) -> String {
        if self.0.len() >= TIDY_AT {
            self.0.retain(|_, issued| issued.expires > now);
        }
        let expires = now + LIFETIME;
        let claims = json!({
            "iss": "auth.typecastle.com",
            "sub": client_id,
            "aud": "typecastle_api",
            "exp": expires.unix_timestamp(),
            "iat": now.unix_timestamp(),
            "jti": Ulid::generate().to_string(),
            "client_id": client_id,
            "connection_id": connection_id,
            "scope": scope.as_str(),
        });
        let mut signature = [0_u8; SIGNATURE_BYTES];
        rand::fill(&mut signature);
        let header = json!({ "alg": "RS256", "typ": "JWT" });
        let text = [header.to_string().as_bytes(), claims.to_string().as_bytes(), &signature]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        self.0.insert(text.clone(), IssuedToken { connection_id: connection_id.to_owned(), scope, expires });
        text
    }

    /// The token's meaning, or `None` for one that was never issued or has expired.
    pub(super) fn find(&self, text: &str, now: OffsetDateTime) -> Option<&IssuedToken> {
        self.0.get(text).filter(|issued| issued.expires > now)
    }

    /// Ends every token at once, as if half an hour had passed.
    pub(super) fn expire(&mut self) {
        self.0.clear();
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tokens({})", self.0.len())
    }
}
