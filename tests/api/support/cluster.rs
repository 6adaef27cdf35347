//! A PostgreSQL server of a test's own, to stop, pause and restart. Only where the suite runs on PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tempfile::TempDir;

use super::port::free_port;

/// What the application connects as.
const ROLE: &str = "connect";

/// A server in a folder of its own; it ends with the value.
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    /// A server that runs, or `None` where the suite runs on SQLite.
    #[expect(clippy::disallowed_methods, reason = "the suite is told whether it runs on PostgreSQL")]
    pub(crate) async fn start() -> Option<Self> {
        std::env::var("TEST_DATABASE_URL").ok().filter(|url| url.starts_with("postgres"))?;
        let folder = tempfile::tempdir().unwrap();
        let this = Self { folder, programs: programs(), port: free_port() };
        if is_root() {
            ran(Command::new("chown").arg("postgres").arg(this.folder.path()));
        }
        let data = this.data();
        let wanted = ["-D", &data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        ran(this.program("initdb").args(wanted));
        this.up();
        let db = this.connect().await;
        for sql in [format!("CREATE ROLE {ROLE} LOGIN"), format!("CREATE DATABASE {ROLE} OWNER {ROLE}")] {
            db.execute_unprepared(&sql).await.unwrap();
        }
        db.close().await.unwrap();
        Some(this)
    }

    /// Where the application's database is.
    pub(crate) fn url(&self) -> String {
        Self::url_at(self.port)
    }

    /// The same by another way to the server, which ends at this port.
    pub(crate) fn url_at(port: u16) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{port}/{ROLE}")
    }

    /// Where the server listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server. It must not wait for a disk: a machine that loses its power is not what is tried.
    pub(crate) fn up(&self) {
        let folder = self.folder.path().display();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{folder}' -c fsync=off",
            self.port
        );
        let log = self.folder.path().join("log");
        let mut start = self.program("pg_ctl");
        ran(start.args(["-D", &self.data(), "-w", "-t", "60", "-o", &options, "-l"]).arg(log).arg("start"));
    }

    /// Stops it without asking anybody, as when its machine fails.
    pub(crate) fn down(&self) {
        ran(self.program("pg_ctl").args(["-D", &self.data(), "-m", "immediate", "-w", "stop"]));
    }

    /// Stops it in order and starts it again, as for an update.
    pub(crate) fn restart(&self) {
        ran(self.program("pg_ctl").args(["-D", &self.data(), "-m", "fast", "-w", "stop"]));
        self.up();
    }

    /// Lets none of its processes do anything: connections stay open, and nobody answers.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    /// Ends every connection of the application.
    pub(crate) async fn drop_connections(&self) {
        self.execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")).await;
    }

    /// How many connections the application may have; -1 for any number.
    pub(crate) async fn allow_connections(&self, limit: i32) {
        self.execute(&format!("ALTER ROLE {ROLE} CONNECTION LIMIT {limit}")).await;
    }

    /// Runs a statement as the server's owner.
    pub(crate) async fn execute(&self, sql: &str) {
        let db = self.connect().await;
        db.execute_unprepared(sql).await.unwrap();
        db.close().await.unwrap();
    }

    async fn connect(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(format!("postgres://postgres@127.0.0.1:{}/postgres", self.port));
        options.max_connections(1);
        Database::connect(options).await.unwrap()
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// One of PostgreSQL's programs, which refuse to run as root.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// To the server and everything it started, which its own pid file names.
    fn signal(&self, signal: &str) {
        let pid_file = Path::new(&self.data()).join("postmaster.pid");
        let Ok(text) = std::fs::read_to_string(pid_file) else { return };
        let server = text.lines().next().unwrap().to_owned();
        let children = children_of(&server);
        let mut kill = Command::new("kill");
        // A child may end meanwhile.
        let _ = kill.arg(signal).arg(&server).args(children).stderr(Stdio::null()).status();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.resume();
        let _ = self.program("pg_ctl").args(["-D", &self.data(), "-m", "immediate", "-w", "stop"]).status();
    }
}

/// By `/proc`, where a process's parent is the second word behind its name, which stands in brackets.
fn children_of(parent: &str) -> Vec<String> {
    let is_child = |pid: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let behind = stat.rsplit_once(')').map(|(_, behind)| behind).unwrap_or_default();
        behind.split_whitespace().nth(1) == Some(parent)
    };
    let all =
        std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    all.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter(is_child).collect()
}

fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    // Elsewhere they are on the path.
    found.pop().unwrap_or_default()
}

fn is_root() -> bool {
    String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap().trim() == "0"
}

fn ran(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
