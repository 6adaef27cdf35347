//! Forgetting what is held in memory as soon as another process changes it, where the database tells.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::shopify::{Contacts, CustomerId};
use crate::store::{Announcement, Announcements, ShopCache, Store, StoreError};
use crate::worker;

/// Pauses before a lost listener is replaced: each twice as long as the one before, and jittered.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What is held in memory of shops and their customers, and whom to ask what changed.
#[derive(Debug, Clone)]
pub(super) struct Listening {
    pub(super) store: Store,
    pub(super) shops: ShopCache,
    pub(super) contacts: Contacts,
}

impl Listening {
    /// Listens for ever, and says whether it `hears`; on a database that tells nothing it ends at once.
    pub(super) async fn keep_listening(self, hears: watch::Sender<bool>) {
        let say = |heard: bool| {
            metrics::gauge!("announcements_heard").set(f64::from(u8::from(heard)));
            hears.send_replace(heard);
        };
        let mut pause = FIRST_PAUSE;
        say(false);
        loop {
            match self.connected().await {
                Ok(None) => return,
                Ok(Some(heard)) => {
                    pause = FIRST_PAUSE;
                    say(true);
                    tracing::info!("changes by other processes are seen at once");
                    let error = self.follow(heard).await;
                    tracing::warn!(%error, "changes by other processes are not heard of");
                }
                Err(error) => tracing::warn!(%error, "changes by other processes can not be heard of"),
            }
            say(false);
            sleep(pause.mul_f64(worker::jitter())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A listener that hears. What was told before is lost, so nothing that was held before is believed.
    async fn connected(&self) -> Result<Option<Announcements>, StoreError> {
        let Some(mut announcements) = self.store.listen().await? else { return Ok(None) };
        announcements.heard().await?;
        self.shops.forget_all();
        self.contacts.forget_all();
        Ok(Some(announcements))
    }

    /// Forgets what changes, until the listener is lost.
    async fn follow(&self, mut announcements: Announcements) -> StoreError {
        loop {
            match announcements.next().await {
                Ok(Some(Announcement::Shop(domain))) => self.shops.forget(&domain).await,
                Ok(Some(Announcement::Customer(shop, customer))) => {
                    if let Ok(customer) = CustomerId::parse(&customer) {
                        self.contacts.forget(&shop, &customer).await;
                    }
                }
                Ok(None) => tracing::warn!("another version of this program tells something unknown"),
                Err(error) => return error,
            }
        }
    }
}
