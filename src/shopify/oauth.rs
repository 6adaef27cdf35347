//! Getting access tokens: token exchange and refresh ("Token exchange" and "Offline access tokens",
//! <https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/token-exchange>).

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::ShopDomain;
use super::admin_api::AdminApi;
use crate::upstream;

/// The app's own credentials. A token is tied to the secret that minted it.
#[derive(Debug, Clone)]
pub struct AppCredentials {
    /// The client id.
    pub client_id: String,
    /// The newest client secret.
    pub client_secret: SecretString,
}

/// An expiring offline access token and what renews it.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// For the Admin API.
    pub access: SecretString,
    /// For the next pair; a new pair makes this one useless.
    pub refresh: SecretString,
    /// Seconds the access token lives.
    pub access_lives: i64,
    /// Seconds the refresh token lives.
    pub refresh_lives: i64,
    /// The granted scopes, separated by commas.
    pub scopes: String,
}

/// Why Shopify gave no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The session token is not good any more; the browser fetches a new one.
    #[error("Shopify does not accept the session token")]
    SubjectRejected,
    /// The refresh token, or the app itself, is not accepted: only the merchant can mend it, by opening the app.
    #[error("Shopify does not accept the stored refresh token; the merchant opens the app once to renew it")]
    Rejected,
    /// Could not be reached in time, or answered 5xx or nonsense: try again.
    #[error("Shopify's token endpoint is unavailable")]
    Unavailable,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: i64,
    refresh_token: SecretString,
    refresh_token_expires_in: i64,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    error: String,
}

impl AdminApi {
    /// Exchanges a session token for an expiring offline token pair.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn exchange(
        &self,
        shop: &ShopDomain,
        app: &AppCredentials,
        session_token: &str,
    ) -> Result<TokenPair, TokenError> {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", session_token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("requested_token_type", "urn:shopify:params:oauth:token-type:offline-access-token"),
            ("expiring", "1"),
        ];
        self.grant("token_exchange", shop, app, &fields).await
    }

    /// Exchanges a refresh token for the next pair. After a lost answer the same refresh token may be used again.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn refresh(
        &self,
        shop: &ShopDomain,
        app: &AppCredentials,
        refresh_token: &SecretString,
    ) -> Result<TokenPair, TokenError> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        self.grant("token_refresh", shop, app, &fields).await
    }

    async fn grant(
        &self,
        operation: &'static str,
        shop: &ShopDomain,
        app: &AppCredentials,
        fields: &[(&str, &str)],
    ) -> Result<TokenPair, TokenError> {
        upstream::watch("shopify", operation, self.ask_for_tokens(shop, app, fields), |result| match result {
            Ok(_) => "ok",
            Err(TokenError::SubjectRejected) => "subject_rejected",
            Err(TokenError::Rejected) => "rejected",
            Err(TokenError::Unavailable) => "unavailable",
        })
        .await
    }

    async fn ask_for_tokens(
        &self,
        shop: &ShopDomain,
        app: &AppCredentials,
        fields: &[(&str, &str)],
    ) -> Result<TokenPair, TokenError> {
        let url = format!("{}/admin/oauth/access_token", self.base_url(shop));
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &app.client_id)
            .append_pair("client_secret", app.client_secret.expose_secret())
            .extend_pairs(fields)
            .finish();
        let request = self
            .http()
            .post(url)
            .header("Accept", "application/json")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        let response = request.send().await.map_err(|_| TokenError::Unavailable)?;
        let status = response.status().as_u16();
        let body = Self::limited(response).await.map_err(|_| TokenError::Unavailable)?;
        TokenPair::read(status, &body)
    }
}

impl TokenPair {
    /// What the token endpoint answered.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn read(status: u16, body: &[u8]) -> Result<Self, TokenError> {
        match status {
            200 => {
                let granted: Granted = serde_json::from_slice(body).map_err(|_| TokenError::Unavailable)?;
                Ok(Self {
                    access: granted.access_token,
                    refresh: granted.refresh_token,
                    access_lives: granted.expires_in,
                    refresh_lives: granted.refresh_token_expires_in,
                    scopes: granted.scope,
                })
            }
            400 | 401 | 403 => {
                let refused = serde_json::from_slice(body).unwrap_or(Refused { error: String::new() });
                Err(if refused.error == "invalid_subject_token" {
                    TokenError::SubjectRejected
                } else {
                    TokenError::Rejected
                })
            }
            _ => Err(TokenError::Unavailable),
        }
    }
}
