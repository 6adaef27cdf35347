//! The proxy of `deploy/haproxy.cfg`, as a process of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::support::process::PATIENCE;
use crate::support::wait::until;

/// A running HAProxy; killed when it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: String,
    child: Child,
    /// Where it tells how its servers are.
    socket: PathBuf,
    _folder: TempDir,
}

impl Proxy {
    /// Whether HAProxy is installed. Where checks run it must be.
    #[expect(clippy::disallowed_methods, reason = "checks say that they are")]
    pub(crate) fn is_installed() -> bool {
        let found = Command::new("haproxy").arg("-v").stdout(Stdio::null()).status().is_ok();
        assert!(found || std::env::var("CI").is_err(), "please install haproxy");
        if !found {
            eprintln!("left out: haproxy is not installed");
        }
        found
    }

    pub(crate) async fn start(port: u16, replicas: [u16; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("stats");
        let own = folder.path().join("own.cfg");
        // A global section more: where the test asks how the servers are.
        std::fs::write(&own, format!("global\n    stats socket {} mode 600\n", socket.display())).unwrap();
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy.cfg");
        let child = Command::new("haproxy")
            .args(["-db", "-q", "-f", config, "-f"])
            .arg(own)
            .env("BIND", format!("127.0.0.1:{port}"))
            .env("REPLICA_A", format!("127.0.0.1:{}", replicas[0]))
            .env("REPLICA_B", format!("127.0.0.1:{}", replicas[1]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let proxy = Self { address: format!("http://127.0.0.1:{port}"), child, socket, _folder: folder };
        until(PATIENCE, "HAProxy listens", async || proxy.socket.exists()).await;
        proxy
    }

    /// Whether it sends requests to a replica, 0 or 1.
    pub(crate) async fn is_up(&self, nth: usize) -> bool {
        let Ok(mut stream) = UnixStream::connect(&self.socket).await else { return false };
        stream.write_all(b"show stat\n").await.unwrap();
        let mut table = String::new();
        stream.read_to_string(&mut table).await.unwrap();
        let name = ["a", "b"][nth];
        table.lines().any(|line| line.starts_with(&format!("replicas,{name},")) && line.contains(",UP,"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
