//! The real binary as a process of its own, for what can only be seen from outside: two processes on one database, a
//! process that is killed, and one that is told to stop.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use tempfile::TempDir;

use super::app::{Answer, SHOP, TestApp};
use super::wait::until;

/// How long a process may take to come up or to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running `subtotal-connect serve`; killed when it is dropped.
pub(crate) struct Process {
    pub(crate) address: String,
    child: Child,
    log: Arc<Mutex<String>>,
    /// Reads the log to its end.
    reader: JoinHandle<()>,
    _folder: TempDir,
}

impl Process {
    /// Starts it with a world's settings and `more`, and waits until it listens.
    pub(crate) async fn start(settings: &HashMap<String, String>, more: &[(&str, &str)]) -> Self {
        let mut process = Self::spawn(settings, more);
        process.listening().await;
        process
    }

    /// Starts it without waiting.
    pub(crate) fn spawn(settings: &HashMap<String, String>, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A file that may not grow is to be an error, as a full disk is, and not the end of the process.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" serve", env!("CARGO_BIN_EXE_subtotal-connect")])
            .current_dir(folder.path())
            .env_clear()
            .envs(settings)
            .envs([("LOG_FORMAT", "json"), ("PORT", "0")])
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, lines) = (child.stderr.take().unwrap(), log.clone());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = lines.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { address: String::new(), child, log, reader, _folder: folder }
    }

    /// Waits until it says where it listens.
    pub(crate) async fn listening(&mut self) {
        const SAID: &str = "listening on http://";
        until(PATIENCE, "the process listens", async || {
            assert_eq!(self.child.try_wait().unwrap(), None, "it ended: {}", self.log());
            let log = self.log();
            let after = log.split_once(SAID).and_then(|(_, after)| after.split_once('"'));
            self.address = after.map(|(address, _)| format!("http://{address}")).unwrap_or_default();
            !self.address.is_empty()
        })
        .await;
    }

    /// Everything it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: it gets to do nothing more.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets no file grow beyond so many bytes, as if the disk were full; `unlimited` for any size.
    pub(crate) fn limit_files(&self, bytes: &str) {
        let limit = format!("--fsize={bytes}:");
        let set = Command::new("prlimit").args(["--pid", &self.child.id().to_string(), &limit]).status().unwrap();
        assert!(set.success());
    }

    /// SIGTERM: it is asked to stop.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended, and its log has been read.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until(PATIENCE, "the process ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some() && self.reader.is_finished()
        })
        .await;
        status.unwrap()
    }

    /// A request to it, signed for [`SHOP`], not yet sent.
    pub(crate) fn request(&self, app: &TestApp, method: Method, path: &str, customer: &str) -> RequestBuilder {
        self.request_of(app, SHOP, method, path, customer)
    }

    /// The same for any shop.
    pub(crate) fn request_of(
        &self,
        app: &TestApp,
        shop: &str,
        method: Method,
        path: &str,
        customer: &str,
    ) -> RequestBuilder {
        let (path, own) = path.split_once('?').unwrap_or((path, ""));
        let query = app.query_of(shop, customer, own);
        app.never_show(query.rsplit_once("signature=").unwrap().1);
        let request = app.http().request(method, format!("{}/apps/subtotal{path}?{query}", self.address));
        request.header("X-Forwarded-Host", "shop.example.com")
    }

    /// An unsigned GET, such as of `/readyz`.
    pub(crate) async fn plain(&self, app: &TestApp, path: &str) -> Answer {
        app.send(app.http().get(format!("{}{path}", self.address)), "").await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            assert!(!self.log().contains("panicked at"), "the process panicked: {}", self.log());
        }
    }
}
