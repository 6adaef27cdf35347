//! The service as a process of its own, as measurements start it: its settings, its database, its core.

#![allow(dead_code, reason = "each measurement uses its part of it")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use subtotal_connect::settings::Settings;
use subtotal_connect::store::Store;

pub(crate) const SECRET: &str = "client-secret-of-the-measurement";
/// The service's own binary.
pub(crate) const SERVICE: &str = env!("CARGO_BIN_EXE_subtotal-connect");

/// A setting's name and value.
pub(crate) type Setting = (&'static str, String);

/// A server; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts a program that says where it listens, on this core if one is named.
    pub(crate) fn start(program: &OsStr, arguments: &[&OsStr], settings: &[Setting], core: Option<&str>) -> Self {
        const SAID: &str = "listening on http://";
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", core]).arg(program);
                command
            }
            None => Command::new(program),
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut child = command
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let said = log.by_ref().lines().map_while(Result::ok).find(|line| line.contains(SAID));
        let said = said.expect("the server starts");
        let address = said.split_once(SAID).unwrap().1.split(|of: char| of.is_whitespace() || of == '"').next();
        let address = format!("http://{}", address.unwrap());
        // The log is read to its end, so that the server never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address }
    }

    /// Memory in megabytes: now, and the most it ever was.
    pub(crate) fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let megabytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
        };
        (megabytes("VmRSS:").unwrap_or_default(), megabytes("VmHWM:").unwrap_or_default())
    }

    /// Processor time used so far, the kernel's for it included.
    pub(crate) fn cpu(&self) -> Duration {
        /// `USER_HZ`, which is the same on every Linux that matters.
        const A_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name, in parentheses, may hold anything.
        let behind_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let ticks = behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
        Duration::from_secs_f64(ticks.sum::<f64>() / A_SECOND)
    }
}

/// Puts this process on one core, if there is more than one and something to do it with.
pub(crate) fn pin_to(core: &str) -> bool {
    let several = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    let pin = || {
        let id = std::process::id().to_string();
        Command::new("taskset")
            .args(["-acp", core, &id])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|done| done.success())
    };
    several && pin()
}

/// Settings of a service that finds everybody else at `world`.
pub(crate) fn settings(world: &str, database: &str) -> Vec<Setting> {
    vec![
        ("SHOPIFY_API_KEY", "client-id".to_owned()),
        ("SHOPIFY_API_SECRET", SECRET.to_owned()),
        ("SHOPIFY_APP_URL", "https://app.example.com".to_owned()),
        ("SHOPIFY_ADMIN_URL", world.to_owned()),
        ("SUBTOTAL_API_URL", world.to_owned()),
        ("KLAVIYO_API_URL", world.to_owned()),
        ("DATABASE_URL", format!("sqlite://{database}?mode=rwc")),
        ("ENCRYPTION_KEYS", "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned()),
        ("PORT", "0".to_owned()),
    ]
}

/// The service's database, at its current schema.
pub(crate) async fn store(settings: &[Setting]) -> Store {
    let lookup = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let mut reader = Settings::new(&lookup);
    let database = reader.database(true);
    reader.finish().unwrap();
    let store = Store::open(&database.url, database.keyring).await.unwrap();
    store.migrate().await.unwrap();
    store
}
