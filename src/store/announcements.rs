//! Telling the other processes on the same PostgreSQL what changed, by `NOTIFY`: in the transaction that changes it, so
//! that it is told when it is committed and only then. What is told is which shop or customer, never what of it.
//!
//! Nobody may depend on being told. SQLite tells nobody, a listener may be away, and a pooler between may swallow notices;
//! so whatever is held in memory has an end of its own.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::{ConnectOptions as _, Error};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, RuntimeErr, Value};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout, timeout_at};
use ulid::Ulid;

use super::{Store, StoreError};
use crate::shopify::ShopDomain;

/// The channel as an SQL expression: one for each schema, because channels are a database's.
const CHANNEL: &str = "('subtotal_connect_' || md5(current_schema()))";
/// What begins a notice that only asks whether notices arrive.
const PROBE: &str = "probe ";
/// How often that is asked, and how long the notice may take.
const PROBE_EVERY: Duration = Duration::from_secs(15);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(5);

/// What changed somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// Anything of a shop that is held in memory.
    Shop(ShopDomain),
    /// What Shopify says of the customer with this id.
    Customer(ShopDomain, String),
}

/// A connection that listens.
pub struct Announcements {
    store: Store,
    listener: PgListener,
    /// The notice that was sent to see whether notices arrive.
    probe: Option<String>,
    /// When the probe must have arrived, or the next one is sent.
    due: Instant,
}

impl Store {
    /// Tells, once the transaction `db` is committed, that a shop changed.
    pub(super) async fn announce_shop(&self, db: &impl ConnectionTrait, shop_id: i64) -> Result<(), StoreError> {
        let sql = format!("SELECT pg_notify({CHANNEL}, domain) FROM shops WHERE id = $1");
        self.announce(db, &sql, shop_id.into()).await
    }

    /// The same for a shop that is perhaps not there any more.
    pub(super) async fn announce_domain(&self, db: &impl ConnectionTrait, domain: &str) -> Result<(), StoreError> {
        self.announce(db, &format!("SELECT pg_notify({CHANNEL}, $1)"), domain.into()).await
    }

    /// Tells at once that Shopify says something else of a customer now. Nothing of it is stored here.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn announce_customer(&self, shop: &ShopDomain, customer: &str) -> Result<(), StoreError> {
        let notice = format!("{shop} {customer}");
        self.announce(&self.db, &format!("SELECT pg_notify({CHANNEL}, $1)"), notice.into()).await
    }

    async fn announce(&self, db: &impl ConnectionTrait, sql: &str, value: Value) -> Result<(), StoreError> {
        if db.get_database_backend() == DbBackend::Postgres {
            db.query_all_raw(self.statement(sql, vec![value])).await?;
        }
        Ok(())
    }

    /// Listens, on a connection of its own. Nothing that was told before is heard. `None` on SQLite.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it can not be reached.
    pub async fn listen(&self) -> Result<Option<Announcements>, StoreError> {
        if self.db.get_database_backend() != DbBackend::Postgres {
            return Ok(None);
        }
        let sql = format!("SELECT {CHANNEL} AS channel");
        let row = self.db.query_one_raw(self.statement(&sql, vec![])).await?;
        let channel: String = row.ok_or(StoreError::Unreadable("current_schema"))?.try_get("", "channel")?;
        let listener = timeout(CONNECTING, self.connect_listener(&channel)).await.map_err(|_| silent())?;
        let listener = listener.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
        Ok(Some(Announcements { store: self.clone(), listener, probe: None, due: Instant::now() }))
    }

    async fn connect_listener(&self, channel: &str) -> Result<PgListener, Error> {
        let options: PgConnectOptions = self.url.expose_secret().parse()?;
        let options = options.application_name("subtotal-connect listener").disable_statement_logging();
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let mut listener = PgListener::connect_with(&pool.connect_with(options).await?).await?;
        // Whoever listens must know that something may have been missed.
        listener.eager_reconnect(false);
        listener.ignore_pool_close_event(true);
        listener.listen(channel).await?;
        Ok(listener)
    }
}

impl Announcements {
    /// Waits until a first notice has come through, to know that they do. What else comes meanwhile is passed over.
    ///
    /// # Errors
    /// [`StoreError::Database`] when none comes: a pooler between may not pass notices on.
    pub async fn heard(&mut self) -> Result<(), StoreError> {
        self.send_probe().await?;
        while self.probe.is_some() {
            self.notice().await?;
        }
        Ok(())
    }

    /// The next thing that changed; `None` for a notice of another version's. Sees to it that the connection is alive.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it is lost. Something may have been missed then.
    pub async fn next(&mut self) -> Result<Option<Announcement>, StoreError> {
        loop {
            if let Some(notice) = self.notice().await? {
                return Ok(read(&notice));
            }
        }
    }

    /// A notice that is no probe, or `None` when something else happened.
    async fn notice(&mut self) -> Result<Option<String>, StoreError> {
        let Ok(received) = timeout_at(self.due, self.listener.try_recv()).await else {
            // No probe is on its way, or this one is lost.
            return if self.probe.is_none() { self.send_probe().await.map(|()| None) } else { Err(silent().into()) };
        };
        let received = received.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
        let notice = received.ok_or_else(|| lost("the connection was lost"))?;
        if notice.payload().starts_with(PROBE) {
            if self.probe.as_deref() == Some(notice.payload()) {
                self.probe = None;
                self.due = Instant::now() + PROBE_EVERY;
            }
            return Ok(None);
        }
        Ok(Some(notice.payload().to_owned()))
    }

    /// Sends a notice to itself, on another connection, as all others come.
    async fn send_probe(&mut self) -> Result<(), StoreError> {
        let probe = format!("{PROBE}{}", Ulid::generate());
        self.store.announce_domain(&self.store.db, &probe).await?;
        self.probe = Some(probe);
        self.due = Instant::now() + PROBE_TIMEOUT;
        Ok(())
    }
}

impl std::fmt::Debug for Announcements {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Announcements").field("due", &self.due).finish_non_exhaustive()
    }
}

fn read(notice: &str) -> Option<Announcement> {
    let (shop, customer) = notice.split_once(' ').map_or((notice, None), |(shop, customer)| (shop, Some(customer)));
    let shop = ShopDomain::parse(shop).ok()?;
    match customer {
        None => Some(Announcement::Shop(shop)),
        Some(customer) => Some(Announcement::Customer(shop, customer.to_owned())),
    }
}

fn silent() -> DbErr {
    lost("no notice came through in time")
}

fn lost(why: &str) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(why.to_owned()))
}
