//! A way to a server on which its answers come late.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// Passes connections on, for as long as the test's runtime lives.
pub(crate) struct Relay {
    pub(crate) port: u16,
    /// Milliseconds.
    late: Arc<AtomicU64>,
}

impl Relay {
    /// To a port of this machine; nothing is late yet.
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, late) = (listener.local_addr().unwrap().port(), Arc::<AtomicU64>::default());
        let how_late = late.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let late = how_late.clone();
                tokio::spawn(async move {
                    if let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await {
                        pass(near, far, &late).await;
                    }
                });
            }
        });
        Self { port, late }
    }

    /// From now on each answer comes so many milliseconds late.
    pub(crate) fn delay(&self, milliseconds: u64) {
        self.late.store(milliseconds, Ordering::Relaxed);
    }
}

/// Until either end closes.
async fn pass(near: TcpStream, far: TcpStream, late: &AtomicU64) {
    let ((mut asks, mut hears), (mut answers, mut is_asked)) = (near.into_split(), far.into_split());
    let asking = tokio::io::copy(&mut asks, &mut is_asked);
    let answering = async {
        let mut answer = vec![0; 64 * 1024];
        loop {
            let length = answers.read(&mut answer).await.unwrap_or(0);
            sleep(Duration::from_millis(late.load(Ordering::Relaxed))).await;
            if length == 0 || hears.write_all(&answer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = asking => {}
        () = answering => {}
    }
}
