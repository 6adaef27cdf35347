//! The client: wrk (<https://github.com/wg/wrk>), which Debian has. One that is written in Rust with comforts takes longer
//! for a request than the bare handler does, and would measure itself.
//!
//! It is a closed loop: each connection sends its next request when it has the answer to the one before.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::service::{Process, SECRET};
use crate::signed;
use crate::stock::Traffic;

/// What is asked, by how many connections, for how long.
#[derive(Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) path: &'a str,
    pub(crate) traffic: Traffic,
    pub(crate) connections: usize,
    pub(crate) length: Duration,
}

/// How a load was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) requests: u64,
    /// A second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Microseconds of the server's processor for each request.
    pub(crate) cpu: f64,
}

#[derive(Deserialize)]
struct Said {
    requests: u64,
    microseconds: u64,
    failed: u64,
    p50: f64,
    p99: f64,
}

/// Sends a load, and panics when any of it is answered with anything but a success: what is not done costs nothing.
pub(crate) async fn send(server: &Process, folder: &Path, load: Load<'_>) -> Answered {
    let requests = folder.join("requests.txt");
    std::fs::write(&requests, paths(load)).unwrap();
    let (script, seconds) = (folder.join("load.lua"), load.length.as_secs().to_string());
    std::fs::write(&script, include_str!("load.lua")).unwrap();
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--connections", &load.connections.to_string(), "--duration", &seconds])
        .args(["--timeout", "10", "--script"])
        .args([script.as_path(), server.address.as_ref(), "--".as_ref(), requests.as_path()]);
    let before = server.cpu();
    let done = tokio::task::spawn_blocking(move || wrk.output().expect("wrk is installed")).await.unwrap();
    let cpu = server.cpu() - before;
    let text = String::from_utf8_lossy(&done.stdout);
    let said = text.lines().find_map(|line| line.strip_prefix("RESULT ")).unwrap_or_else(|| panic!("wrk said: {text}"));
    let said: Said = serde_json::from_str(said).unwrap();
    assert_eq!(said.failed, 0, "{} of {} requests for {} failed", said.failed, said.requests, load.path);
    Answered {
        requests: said.requests,
        rate: said.requests as f64 * 1e6 / said.microseconds as f64,
        p50: said.p50 / 1000.0,
        p99: said.p99 / 1000.0,
        cpu: cpu.as_secs_f64() * 1e6 / said.requests as f64,
    }
}

/// A path for each of the customers, shop after shop, signed now.
fn paths(load: Load<'_>) -> String {
    let time = signed::time();
    let queries = load.traffic.callers().map(|(shop, customer)| signed::query(SECRET, &shop, customer, time));
    queries.map(|query| format!("{}?{query}\n", load.path)).collect()
}
