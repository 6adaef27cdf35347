//! Access tokens, renewed five minutes before they expire by exactly one process.
//!
//! The right to refresh is a lease in the database, taken on the pair as it was read. Whoever does not get it goes on
//! with the old access token, which still lives, or waits for the new pair. A process that dies between the call and
//! the commit leaves the old refresh token behind; Shopify accepts it again until the replacement is first used, so the
//! next one to hold the lease gets a working pair.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::sleep;
use tracing::Instrument;

use crate::shopify::oauth::{AppCredentials, TokenError};
use crate::shopify::session_token::VerifiedSession;
use crate::shopify::{AdminApi, ShopDomain};
use crate::store::{Shop, Store, StoreError, StoredTokens};

/// How long before its end an access token is renewed, in milliseconds.
const EARLY_MS: i64 = 5 * 60 * 1000;
/// How long one process may take to refresh, in milliseconds; longer than the call's own limit.
const LEASE_MS: i64 = 10_000;
/// How often somebody else's refresh is looked at, and how many times.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS: u32 = 40;

/// Gets and renews the tokens of every shop.
#[derive(Debug, Clone)]
pub struct Tokens {
    store: Store,
    api: AdminApi,
    app: AppCredentials,
}

/// Why there is no access token.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Shopify's answer.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The database did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// Tokens for this app.
    #[must_use]
    pub fn new(store: Store, api: AdminApi, app: AppCredentials) -> Self {
        Self { store, api, app }
    }

    /// The token the operator stored for the shop, or else a live access token.
    ///
    /// # Errors
    /// As [`Tokens::access`].
    pub async fn of_shop(&self, shop: &Shop) -> Result<Option<SecretString>, AccessError> {
        match &shop.admin_token {
            Some(token) => Ok(Some(token.clone())),
            None => self.access(shop.id, &shop.domain).await,
        }
    }

    /// A live access token of the shop, or `None` when it never gave one.
    ///
    /// # Errors
    /// [`AccessError`] when the pair is dead, or could not be renewed before it died.
    pub async fn access(&self, shop_id: i64, shop: &ShopDomain) -> Result<Option<SecretString>, AccessError> {
        for _ in 0..LOOKS {
            let Some(tokens) = self.store.tokens(shop_id).await? else { return Ok(None) };
            if tokens.access_left_ms > EARLY_MS {
                return Ok(Some(tokens.access));
            }
            let alive = tokens.access_left_ms > 0;
            if tokens.problem.is_some() || tokens.refresh_left_ms <= 0 {
                return if alive { Ok(Some(tokens.access)) } else { Err(TokenError::Rejected.into()) };
            }
            // Asked first, because to try is to write.
            let taken = match tokens.is_being_refreshed {
                true => Ok(false),
                false => self.store.take_refresh(shop_id, tokens.version, LEASE_MS).await,
            };
            match taken {
                Ok(true) => {
                    return match self.refresh(shop_id, shop, &tokens).await {
                        Ok(access) => Ok(Some(access)),
                        Err(error) if alive => {
                            tracing::warn!(%shop, %error, "the access token could not be renewed yet");
                            Ok(Some(tokens.access))
                        }
                        Err(error) => Err(error),
                    };
                }
                Ok(false) => {}
                // A database that takes no writes is no reason to do without a token that lives.
                Err(error) if alive && error.is_outage() => {
                    tracing::warn!(%shop, %error, "the access token could not be renewed yet");
                }
                Err(error) => return Err(error.into()),
            }
            if alive {
                return Ok(Some(tokens.access));
            }
            sleep(LOOK_EVERY).await;
        }
        Err(TokenError::Unavailable.into())
    }

    /// Exchanges a session token and installs the shop with the pair, in one step. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`AccessError`]; nothing is changed then.
    pub async fn install(&self, session: &VerifiedSession, now: i64) -> Result<i64, AccessError> {
        let pair = self.api.exchange(session.shop(), &self.app, session.token()).await?;
        Ok(self.store.install(session.shop(), &pair, now).await?)
    }

    /// Renews the pair under the lease. Runs to its end even when nobody waits for it any more.
    async fn refresh(
        &self,
        shop_id: i64,
        shop: &ShopDomain,
        tokens: &StoredTokens,
    ) -> Result<SecretString, AccessError> {
        let (this, shop, tokens) = (self.clone(), shop.clone(), tokens.clone());
        let renewal = async move {
            match this.api.refresh(&shop, &this.app, &tokens.refresh).await {
                Ok(pair) => {
                    metrics::counter!("shopify_token_refreshes_total", "outcome" => "ok").increment(1);
                    this.store.replace_tokens(shop_id, tokens.version, &pair).await?;
                    Ok(pair.access)
                }
                Err(error) => {
                    metrics::counter!("shopify_token_refreshes_total", "outcome" => "failed").increment(1);
                    let problem = (error == TokenError::Rejected).then(|| error.to_string());
                    this.store.end_refresh(shop_id, tokens.version, problem.as_deref()).await?;
                    Err(AccessError::from(error))
                }
            }
        };
        tokio::spawn(renewal.in_current_span()).await.unwrap_or(Err(TokenError::Unavailable.into()))
    }
}
