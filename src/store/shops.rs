//! Shops: found by their verified domain, and what their merchants chose.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use secrecy::SecretString;

use super::entities::{shop, shop_host, shop_secret, visibility_list};
use super::{SecretKind, Store, StoreError};
use crate::shopify::ShopDomain;
use crate::visibility::NoEmail;

/// How the Link URL names the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkStyle {
    /// By `connection_id` (seed 004).
    #[default]
    Connection,
    /// By a short-lived `connection_token` (seed 002).
    Token,
}

/// Which customer accounts the shop uses; decides the login page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accounts {
    /// Customer accounts, signed in to at `/customer_authentication/login`.
    #[default]
    New,
    /// Classic customer accounts, signed in to at `/account/login`.
    Classic,
}

/// Why a host is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPurpose {
    /// The shop's storefront answers there.
    Storefront,
    /// The merchant allows redirects to it.
    Redirect,
}

impl HostPurpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Redirect => "redirect",
        }
    }
}

/// A shop as requests need it. Its secrets are open, so it is never serialised or shown.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The database's id; every other query starts from it.
    pub id: i64,
    /// The permanent domain.
    pub domain: ShopDomain,
    /// Whether restricted retailers are answered like missing ones.
    pub enforce_visibility: bool,
    /// What lists that are on do without an e-mail.
    pub no_email: NoEmail,
    /// The form of the Link URL.
    pub link_style: LinkStyle,
    /// Which login page signed-out customers are sent to.
    pub accounts: Accounts,
    /// Hosts the storefront answers on, besides the permanent domain.
    pub storefront_hosts: Vec<String>,
    /// Further hosts a shopper may be sent back to.
    pub redirect_hosts: Vec<String>,
    /// The Subtotal API key with the version it was stored as, or `None` while the shop is not configured.
    pub api_key: Option<(SecretString, i64)>,
    /// The Shopify Admin API offline token.
    pub admin_token: Option<SecretString>,
    /// Whether any visibility list is on.
    pub has_list_on: bool,
}

/// What to change of a shop; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ShopChanges {
    /// See [`Shop::enforce_visibility`].
    pub enforce_visibility: Option<bool>,
    /// See [`Shop::no_email`].
    pub no_email: Option<NoEmail>,
    /// See [`Shop::link_style`].
    pub link_style: Option<LinkStyle>,
    /// See [`Shop::accounts`].
    pub accounts: Option<Accounts>,
    /// Replaces [`Shop::storefront_hosts`].
    pub storefront_hosts: Option<Vec<String>>,
    /// Replaces [`Shop::redirect_hosts`].
    pub redirect_hosts: Option<Vec<String>>,
    /// A secret to seal and store.
    pub secret: Option<(SecretKind, SecretString)>,
}

/// A shop as people see it: no secrets, only their last characters.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShopSummary {
    /// The permanent domain.
    pub domain: String,
    /// Whether a Subtotal API key is stored.
    pub configured: bool,
    /// Last characters of the Subtotal API key.
    pub api_key_hint: Option<String>,
    /// Last characters of the Subtotal webhook secret.
    pub webhook_secret_hint: Option<String>,
    /// Last characters of the Shopify Admin API token.
    pub admin_token_hint: Option<String>,
    /// See [`Shop::storefront_hosts`].
    pub domains: Vec<String>,
    /// See [`Shop::redirect_hosts`].
    pub redirect_hosts: Vec<String>,
    /// See [`Shop::enforce_visibility`].
    pub enforce_visibility: bool,
    /// `hide` or `show`.
    pub no_email: String,
    /// `connection` or `token`.
    pub link_style: String,
    /// `new` or `classic`.
    pub accounts: String,
}

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
            storefront_hosts: take_hosts(&mut hosts, HostPurpose::Storefront),
            redirect_hosts: take_hosts(&mut hosts, HostPurpose::Redirect),
            api_key: self.open_secret(row.id, SecretKind::SubtotalApiKey).await?,
            admin_token: self.open_secret(row.id, SecretKind::ShopifyAdminToken).await?.map(|(token, _)| token),
            has_list_on,
        }))
    }

    /// Installs the shop at `domain`, or changes it, in one step. `now` is Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn save_shop(&self, domain: &ShopDomain, changes: ShopChanges, now: i64) -> Result<(), StoreError> {
        let transaction = self.begin_write().await?;
        let insert = shop::ActiveModel {
            domain: Set(domain.to_string()),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        };
        let keep = OnConflict::column(shop::Column::Domain).do_nothing().to_owned();
        shop::Entity::insert(insert).on_conflict(keep).exec_without_returning(&transaction).await?;
        let row = shop::Entity::find()
            .filter(shop::COLUMN.domain.eq(domain.as_str()))
            .one(&transaction)
            .await?
            .ok_or(StoreError::Unreadable("shops"))?;

        let mut active: shop::ActiveModel = row.clone().into();
        active.uninstalled_at = Set(None);
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
        Ok(transaction.commit().await?)
    }

    /// The id of the shop at `domain`, installed or not.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn shop_id(&self, domain: &ShopDomain) -> Result<Option<i64>, StoreError> {
        let found = shop::Entity::find().filter(shop::COLUMN.domain.eq(domain.as_str())).one(&self.db).await?;
        Ok(found.map(|row| row.id))
    }

    /// Every shop, by domain; or only the one at `domain`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn summaries(&self, domain: Option<&ShopDomain>) -> Result<Vec<ShopSummary>, StoreError> {
        let mut find = shop::Entity::find().order_by_asc(shop::Column::Domain);
        if let Some(domain) = domain {
            find = find.filter(shop::COLUMN.domain.eq(domain.as_str()));
        }
        let mut summaries = Vec::new();
        for row in find.all(&self.db).await? {
            let mut hosts = self.hosts(row.id).await?;
            let secrets = shop_secret::Entity::find().filter(shop_secret::COLUMN.shop_id.eq(row.id));
            let secrets = secrets.all(&self.db).await?;
            let hint = |kind: SecretKind| {
                secrets.iter().find(|secret| secret.kind == kind.as_str()).map(|secret| secret.hint.clone())
            };
            summaries.push(ShopSummary {
                configured: hint(SecretKind::SubtotalApiKey).is_some() && row.uninstalled_at.is_none(),
                api_key_hint: hint(SecretKind::SubtotalApiKey),
                webhook_secret_hint: hint(SecretKind::SubtotalWebhook),
                admin_token_hint: hint(SecretKind::ShopifyAdminToken),
                domains: take_hosts(&mut hosts, HostPurpose::Storefront),
                redirect_hosts: take_hosts(&mut hosts, HostPurpose::Redirect),
                domain: row.domain,
                enforce_visibility: row.enforce_visibility,
                no_email: row.no_email,
                link_style: row.link_style,
                accounts: row.accounts,
            });
        }
        Ok(summaries)
    }

    /// Removes the shop at `domain` and everything stored of it. Answers whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing is removed then.
    pub async fn remove_shop(&self, domain: &ShopDomain) -> Result<bool, StoreError> {
        let removed = shop::Entity::delete_many().filter(shop::COLUMN.domain.eq(domain.as_str()));
        Ok(removed.exec(&self.db).await?.rows_affected > 0)
    }

    async fn hosts(&self, shop_id: i64) -> Result<Vec<shop_host::Model>, StoreError> {
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

fn take_hosts(hosts: &mut Vec<shop_host::Model>, purpose: HostPurpose) -> Vec<String> {
    hosts.extract_if(.., |host| host.purpose == purpose.as_str()).map(|host| host.host).collect()
}

/// Reads a column that holds one of two words.
fn parse<T: Copy>(choices: [T; 2], word: fn(T) -> &'static str, text: &str) -> Result<T, StoreError> {
    choices.into_iter().find(|choice| word(*choice) == text).ok_or(StoreError::Unreadable("shops"))
}

fn no_email_word(value: NoEmail) -> &'static str {
    match value {
        NoEmail::Hide => "hide",
        NoEmail::Show => "show",
    }
}

fn link_style_word(value: LinkStyle) -> &'static str {
    match value {
        LinkStyle::Connection => "connection",
        LinkStyle::Token => "token",
    }
}

fn accounts_word(value: Accounts) -> &'static str {
    match value {
        Accounts::New => "new",
        Accounts::Classic => "classic",
    }
}
