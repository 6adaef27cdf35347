//! What is stored, and who of it asks.

use std::path::Path;

use sea_orm::{ConnectionTrait, Database};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Actor, ListChange, SecretKind, ShopChanges, Store};
use subtotal_connect::visibility::{Entry, Scope};

use crate::service::{self, Setting};

/// The shop that has a visibility list.
const LISTED: &str = "listed.myshopify.com";
/// Stands in every list, and covers every customer.
const DOMAIN_OF_ALL: &str = "shoppers.example";
/// The address Shopify gives for every customer.
pub(crate) const EMAIL: &str = "pat@shoppers.example";
/// Customers that ask, of all shops together.
const CUSTOMERS: usize = 2_000;

/// What a database holds.
#[derive(Clone, Copy)]
pub(crate) struct Stock {
    pub(crate) shops: usize,
    /// Of the shops, those that ask within a few seconds. Each has an API key.
    pub(crate) active: usize,
    /// Of the list of one more shop.
    pub(crate) entries: usize,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum Traffic {
    /// Customers of so many shops without a list, in turn.
    OfShops(usize),
    /// Customers of the shop that has one.
    OfListed,
}

impl Traffic {
    /// Shops and customers in the order they ask.
    pub(crate) fn callers(self) -> impl Iterator<Item = (String, usize)> {
        (0..CUSTOMERS).map(move |nth| match self {
            Self::OfShops(shops) => (active(nth % shops), 7_000_000 + nth),
            Self::OfListed => (LISTED.to_owned(), 7_000_000 + nth),
        })
    }
}

fn active(nth: usize) -> String {
    format!("shop-{nth}.myshopify.com")
}

/// Fills a new database: half of the idle shops, those that are active, and the other half.
pub(crate) async fn fill(settings: &[Setting], file: &Path, stock: Stock) {
    let store = service::store(settings).await;
    // The template is one of them.
    let idle = (stock.shops - stock.active).saturating_sub(1);
    if idle > 0 {
        save(&store, "template.myshopify.com", SecretKind::SubtotalApiKey).await;
    }
    copy_template(file, "idle-before", idle / 2).await;
    for nth in 0..stock.active {
        save(&store, &active(nth), SecretKind::SubtotalApiKey).await;
    }
    copy_template(file, "idle-behind", idle - idle / 2).await;
    save(&store, LISTED, SecretKind::SubtotalApiKey).await;
    save(&store, LISTED, SecretKind::ShopifyAdminToken).await;
    let shop_id = store.shop_id(&ShopDomain::parse(LISTED).unwrap()).await.unwrap().unwrap();
    let others = (1..stock.entries).map(|nth| format!("shopper-{nth}@elsewhere.example"));
    let entries = others.chain([DOMAIN_OF_ALL.to_owned()]).map(|entry| Entry::parse(&entry).unwrap()).collect();
    let change = ListChange { is_on: true, entries: Some(entries), expected_version: None };
    let list = store.set_list(shop_id, &Scope::Global, change, Actor::CommandLine, 0).await.unwrap();
    assert_eq!(list.total, i64::try_from(stock.entries).unwrap());
}

async fn save(store: &Store, shop: &str, kind: SecretKind) {
    let hosts = vec![format!("www.{shop}"), format!("de.{shop}")];
    let secret = Some((kind, "a-secret-of-thirty-two-characters".into()));
    let changes = ShopChanges { secret, storefront_hosts: Some(hosts), ..ShopChanges::default() };
    store.save_shop(&ShopDomain::parse(shop).unwrap(), changes, Actor::CommandLine, 0).await.unwrap();
}

/// Copies the template's rows behind the service's back, in one transaction, because each by itself would take minutes.
/// Their secrets do not open, as they are sealed for the template: these shops are only there.
async fn copy_template(file: &Path, name: &str, count: usize) {
    let db = Database::connect(format!("sqlite://{}", file.display())).await.unwrap();
    // Of a table, by themselves and as those of `t`.
    let columns = async |table: &str| {
        let rows = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, format!("PRAGMA table_info({table})"));
        let rows = db.query_all_raw(rows).await.unwrap();
        let names = rows.iter().map(|row| row.try_get::<String>("", "name").unwrap());
        let names: Vec<_> = names.filter(|name| !["id", "domain", "shop_id"].contains(&name.as_str())).collect();
        (names.join(", "), format!("t.{}", names.join(", t.")))
    };
    let numbers = format!("WITH RECURSIVE nth(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM nth WHERE n < {count})");
    let template = "(SELECT id FROM shops WHERE domain = 'template.myshopify.com')";
    let (names, values) = columns("shops").await;
    let mut sql = format!(
        "BEGIN; {numbers} INSERT INTO shops (domain, {names}) SELECT '{name}-' || n || '.myshopify.com', {values} \
         FROM nth, shops t WHERE t.id = {template};"
    );
    for table in ["shop_secrets", "shop_hosts"] {
        let (names, values) = columns(table).await;
        sql += &format!(
            "INSERT INTO {table} (shop_id, {names}) SELECT s.id, {values} FROM shops s, {table} t \
             WHERE t.shop_id = {template} AND s.domain LIKE '{name}-%';"
        );
    }
    sql += "COMMIT;";
    if count > 0 {
        db.execute_unprepared(&sql).await.unwrap();
    }
    db.close().await.unwrap();
}
