//! Shops in the database: found by their verified domain, installed, changed and removed.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::audit::Trail;
use super::entities::{shop, shop_host, visibility_list};
use super::shop::{HostPurpose, accounts_word, link_style_word, no_email_word, parse, parse_rate_limit};
use super::{Accounts, Actor, Deed, LinkStyle, SecretKind, Shop, ShopChanges, Store, StoreError};
use crate::limits::RateOverrides;
use crate::shopify::ShopDomain;
use crate::visibility::{Decisions, NoEmail};

impl Store {
    /// The installed shop at `domain`, with its secrets open, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer or a secret does not open.
    pub async fn load_shop(&self, domain: &ShopDomain) -> Result<Option<Shop>, StoreError> {
        let found = shop::Entity::find()
            .filter(shop::COLUMN.domain.eq(domain.as_str()))
            .filter(shop::COLUMN.uninstalled_at.is_null())
            .one(&self.db)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let mut hosts = self.hosts(row.id).await?;
        let has_list_on = visibility_list::Entity::find()
            .filter(visibility_list::COLUMN.shop_id.eq(row.id))
            .filter(visibility_list::COLUMN.is_on.eq(true))
            .one(&self.db)
            .await?
            .is_some();
        Ok(Some(Shop {
            id: row.id,
            domain: domain.clone(),
            enforce_visibility: row.enforce_visibility,
            no_email: parse([NoEmail::Hide, NoEmail::Show], no_email_word, &row.no_email)?,
            link_style: parse([LinkStyle::Connection, LinkStyle::Token], link_style_word, &row.link_style)?,
            accounts: parse([Accounts::New, Accounts::Classic], accounts_word, &row.accounts)?,
            rate_limits: RateOverrides {
                shop: parse_rate_limit(row.rate_limit_shop.as_deref())?,
                customer: parse_rate_limit(row.rate_limit_customer.as_deref())?,
            },
            storefront_hosts: take_storefront_hosts(&mut hosts),
            redirect_hosts: take_hosts(&mut hosts, HostPurpose::Redirect),
            api_key: self.open_secret(row.id, SecretKind::SubtotalApiKey).await?,
            admin_token: self.open_admin_token(row.id).await?,
            has_list_on,
            decisions: Decisions::default(),
            version: row.version,
        }))
    }

    /// The Admin API token. One that does not open costs the look-up of e-mails, not the whole shop.
    async fn open_admin_token(&self, shop_id: i64) -> Result<Option<SecretString>, StoreError> {
        match self.open_secret(shop_id, SecretKind::ShopifyAdminToken).await {
            Ok(token) => Ok(token.map(|(token, _)| token)),
            Err(StoreError::Seal(error)) => {
                tracing::error!(%error, "the shop's Admin API token is treated as absent");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Installs the shop at `domain`, or changes it, in one step with its line in the audit trail. `now` is Unix
    /// milliseconds. Staff only change: a page left open must not bring back a shop that was uninstalled or removed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then. [`StoreError::VersionConflict`] when the shop is not at the version the
    /// changes were made on, or is not installed any more.
    pub async fn save_shop(
        &self,
        domain: &ShopDomain,
        changes: ShopChanges,
        by: Actor,
        now: i64,
    ) -> Result<(), StoreError> {
        let deed = changes.deed(by);
        let transaction = self.begin_write().await?;
        let insert = shop::ActiveModel {
            domain: Set(domain.to_string()),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        };
        let is_staff = matches!(deed.actor, Actor::Staff(_));
        if !is_staff {
            let keep = OnConflict::column(shop::Column::Domain).do_nothing().to_owned();
            shop::Entity::insert(insert).on_conflict(keep).exec_without_returning(&transaction).await?;
        }
        let found = shop::Entity::find().filter(shop::COLUMN.domain.eq(domain.as_str())).one(&transaction).await?;
        let row = found.filter(|row| !is_staff || row.uninstalled_at.is_none()).ok_or(StoreError::VersionConflict)?;
        if changes.expected_version.is_some_and(|version| version != row.version) {
            return Err(StoreError::VersionConflict);
        }
        let mut active: shop::ActiveModel = row.clone().into();
        active.uninstalled_at = Set(None);
        if row.uninstalled_at.is_some() {
            active.installed_at = Set(Some(now));
            active.previous_uninstalled_at = Set(row.uninstalled_at);
        }
        active.updated_at = Set(now);
        active.version = Set(row.version + 1);
        if let Some(enforce) = changes.enforce_visibility {
            active.enforce_visibility = Set(enforce);
        }
        if let Some(no_email) = changes.no_email {
            active.no_email = Set(no_email_word(no_email).to_owned());
        }
        if let Some(style) = changes.link_style {
            active.link_style = Set(link_style_word(style).to_owned());
        }
        if let Some(accounts) = changes.accounts {
            active.accounts = Set(accounts_word(accounts).to_owned());
        }
        if let Some(limit) = changes.rate_limit_shop {
            active.rate_limit_shop = Set(limit.map(|limit| limit.to_string()));
        }
        if let Some(limit) = changes.rate_limit_customer {
            active.rate_limit_customer = Set(limit.map(|limit| limit.to_string()));
        }
        active.update(&transaction).await?;
        if let Some(hosts) = changes.storefront_hosts {
            replace_hosts(&transaction, row.id, HostPurpose::Storefront, hosts).await?;
        }
        if let Some(hosts) = changes.redirect_hosts {
            replace_hosts(&transaction, row.id, HostPurpose::Redirect, hosts).await?;
        }
        if let Some((kind, secret)) = changes.secret {
            self.seal_secret(&transaction, row.id, kind, &secret, now).await?;
        }
        self.append_deed(&transaction, row.id, &deed, now).await?;
        self.announce_shop(&transaction, row.id).await?;
        Ok(transaction.commit().await?)
    }

    /// The shop's Subtotal API key and the version it was stored as. Unlike in [`Store::load_shop`], also after the app
    /// was uninstalled: connections may be left to disconnect.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn subtotal_api_key(&self, shop_id: i64) -> Result<Option<(SecretString, i64)>, StoreError> {
        self.open_secret(shop_id, SecretKind::SubtotalApiKey).await
    }

    /// The id of the shop at `domain`, installed or not.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn shop_id(&self, domain: &ShopDomain) -> Result<Option<i64>, StoreError> {
        let found = shop::Entity::find().filter(shop::COLUMN.domain.eq(domain.as_str())).one(&self.db).await?;
        Ok(found.map(|row| row.id))
    }

    /// Removes the shop at `domain` and everything stored of it, its audit trail too. What is left is a line in the
    /// installation's own trail that names the shop by a digest. Answers whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing is removed then.
    pub async fn remove_shop(&self, domain: &ShopDomain, by: Actor, now: i64) -> Result<bool, StoreError> {
        let transaction = self.begin_long().await?;
        let remove = shop::Entity::delete_many().filter(shop::COLUMN.domain.eq(domain.as_str()));
        let removed = remove.exec(&transaction).await?.rows_affected > 0;
        if removed {
            let detail = serde_json::json!({ "shopSha256": domain_digest(domain.as_str()) });
            let deed = Deed { actor: by, action: "shop.removed", detail };
            self.append_to(&transaction, Trail::Service, &deed, now).await?;
            self.announce_domain(&transaction, domain.as_str()).await?;
        }
        transaction.commit().await?;
        Ok(removed)
    }

    pub(super) async fn hosts(&self, shop_id: i64) -> Result<Vec<shop_host::Model>, StoreError> {
        let hosts = shop_host::Entity::find().filter(shop_host::COLUMN.shop_id.eq(shop_id));
        Ok(hosts.order_by_asc(shop_host::Column::Host).all(&self.db).await?)
    }
}

async fn replace_hosts(
    db: &impl ConnectionTrait,
    shop_id: i64,
    purpose: HostPurpose,
    mut hosts: Vec<String>,
) -> Result<(), StoreError> {
    shop_host::Entity::delete_many()
        .filter(shop_host::COLUMN.shop_id.eq(shop_id))
        .filter(shop_host::COLUMN.purpose.eq(purpose.as_str()))
        .exec(db)
        .await?;
    hosts.sort_unstable();
    hosts.dedup();
    let rows = hosts.into_iter().map(|host| shop_host::ActiveModel {
        shop_id: Set(shop_id),
        purpose: Set(purpose.as_str().to_owned()),
        host: Set(host),
    });
    shop_host::Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// What the merchant and Shopify say together.
pub(super) fn take_storefront_hosts(hosts: &mut Vec<shop_host::Model>) -> Vec<String> {
    let mut all = take_hosts(hosts, HostPurpose::Storefront);
    all.extend(take_hosts(hosts, HostPurpose::Told));
    all.sort_unstable();
    all.dedup();
    all
}

pub(super) fn take_hosts(hosts: &mut Vec<shop_host::Model>, purpose: HostPurpose) -> Vec<String> {
    hosts.extract_if(.., |host| host.purpose == purpose.as_str()).map(|host| host.host).collect()
}

/// What names a shop of which nothing else may stay.
pub(super) fn domain_digest(domain: &str) -> String {
    hex::encode(Sha256::digest(domain.as_bytes()))
}
