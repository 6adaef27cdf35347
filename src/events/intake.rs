//! Taking events in. Each is answered only when it is on disk; those that arrive while others are being written are written
//! together with the next ones, because a disk takes as long for one as for many.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::store::{NewEvent, Store, StoreError};

/// Events that are written together at most.
const TOGETHER: usize = 256;
/// Events that may wait to be written; more wait outside.
const WAITING: usize = 1024;

type Outcome = Result<bool, Arc<StoreError>>;

/// Takes events in. Clones share one writer.
#[derive(Debug, Clone)]
pub struct Intake(mpsc::Sender<(NewEvent, oneshot::Sender<Outcome>)>);

impl Intake {
    /// Starts the writer, which ends with the last clone.
    #[must_use]
    pub fn start(store: Store) -> Self {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let mut arrived: Vec<(NewEvent, oneshot::Sender<Outcome>)> = Vec::new();
            while receiver.recv_many(&mut arrived, TOGETHER).await > 0 {
                // Processes that write the same events in the same order wait for each other, not for ever.
                arrived.sort_by(|(one, _), (other, _)| (one.shop_id, &one.id).cmp(&(other.shop_id, &other.id)));
                let (events, waiting): (Vec<NewEvent>, Vec<oneshot::Sender<Outcome>>) = arrived.drain(..).unzip();
                match store.receive_events(&events).await {
                    Ok(kept) => waiting.into_iter().zip(kept).for_each(|(one, kept)| drop(one.send(Ok(kept)))),
                    Err(error) => {
                        let error = Arc::new(error);
                        waiting.into_iter().for_each(|one| drop(one.send(Err(error.clone()))));
                    }
                }
            }
        });
        Self(sender)
    }

    /// Keeps an event. Answers whether it is new; `None` when the process stops before it was written.
    ///
    /// # Errors
    /// [`StoreError`]; it is not kept then.
    pub async fn receive(&self, event: NewEvent) -> Result<Option<bool>, Arc<StoreError>> {
        let (sender, outcome) = oneshot::channel();
        if self.0.send((event, sender)).await.is_err() {
            return Ok(None);
        }
        outcome.await.map_or(Ok(None), |outcome| outcome.map(Some))
    }
}
