//! How long the listener is patient with a client, and how many it lets connect. What is bounded here is bounded before a
//! request is one; `http::shed` bounds the rest.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Context;

/// How long a connection without a request is kept.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a request's head may take to arrive.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long the end of a connection may take.
pub(super) const DISCONNECT_TIME: Duration = Duration::from_secs(1);
/// How long a connection may go without coming to a request, with whatever bytes: more than an idle one is kept.
pub(super) const REQUESTLESS_TIME: Duration = Duration::from_secs(40);
/// How long a client may leave what was sent to it untaken before the connection is cut.
const UNTAKEN_TIME: Duration = Duration::from_secs(10);

/// Connections for each request that may be in flight: most of those a proxy keeps open are idle.
const CONNECTIONS_PER_PLACE: usize = 4;
/// Fewest connections a worker takes, however few requests may be in flight.
const FEWEST_CONNECTIONS: usize = 256;

/// Listens; connections that are accepted are cut off when their client takes nothing for a while.
pub(super) fn listen(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| format!("can not listen on {address}"))?;
    // Accepted connections inherit it. The kernel counts: the server does not write to a full socket, so it would not know.
    #[cfg(target_os = "linux")]
    {
        let milliseconds = u32::try_from(UNTAKEN_TIME.as_millis()).expect("a few seconds");
        rustix::net::sockopt::set_tcp_user_timeout(&listener, milliseconds)?;
    }
    Ok(listener)
}

/// Connections each of the workers takes; more wait in the kernel's queue, and are refused where that is full.
pub(super) fn connections_of_worker(max_in_flight: usize) -> usize {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    (max_in_flight * CONNECTIONS_PER_PLACE / workers).max(FEWEST_CONNECTIONS)
}
