//! Connections that do not come to a request. The server gives a connection's first head a time to arrive in, but not the
//! heads after it, so a client could ask once and then hold the connection for ever, a byte at a time. What has not come to a
//! request for longer than an idle connection is kept is shut here.

use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;

/// The connections of a process. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Connections(Arc<Registry>);

#[derive(Debug)]
struct Registry {
    started: Instant,
    open: Mutex<Vec<Weak<Connection>>>,
}

/// One connection, as the server holds it with its requests' data.
#[derive(Debug)]
pub(super) struct Connection {
    socket: std::net::TcpStream,
    /// Milliseconds after the start, or [`BUSY`].
    idle_since: AtomicU64,
    started: Instant,
}

/// A request is worked on.
const BUSY: u64 = u64::MAX;

/// A connection is busy as long as this lives.
pub(super) struct Busy(Arc<Connection>);

impl Connections {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Registry { started: Instant::now(), open: Mutex::default() }))
    }

    /// Notes a connection that was accepted.
    pub(crate) fn note(&self, stream: &dyn std::any::Any, data: &mut Extensions) {
        // A second handle to the socket, as the server keeps the first.
        let handle = stream.downcast_ref::<TcpStream>().and_then(|stream| stream.as_fd().try_clone_to_owned().ok());
        let Some(handle) = handle else { return };
        let started = self.0.started;
        let idle_since = AtomicU64::new(milliseconds(started));
        let connection = Arc::new(Connection { socket: handle.into(), idle_since, started });
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&connection));
        data.insert(connection);
    }

    /// Shuts those that have not come to a request for so long, and forgets those that are closed.
    pub(crate) fn shut_idle(&self, longest: Duration) {
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let now = milliseconds(self.0.started);
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            let since = connection.idle_since.load(Ordering::Relaxed);
            if since != BUSY && now.saturating_sub(since) > longest {
                let _ = connection.socket.shutdown(Shutdown::Both);
            }
            true
        });
    }
}

impl Connection {
    /// Marks it as busy.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.idle_since.store(BUSY, Ordering::Relaxed);
        Busy(self.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.idle_since.store(milliseconds(self.0.started), Ordering::Relaxed);
    }
}

fn milliseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(BUSY - 1)
}
