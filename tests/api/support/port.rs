//! Ports for what has to be told where it listens, before it does.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that the system gives to connections and to whoever asks for port 0: one of those may be gone again
/// before it is bound.
const FIRST: u32 = 12_000;
const COUNT: u32 = 18_000;

/// A port of loopback on which nobody listens, and which nobody else in this process is given.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Test processes that run at once begin in different places.
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let nth = begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + nth % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
