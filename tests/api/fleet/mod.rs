//! Several replicas of the service behind HAProxy, as `deploy/haproxy.cfg` has it, with traffic over every endpoint.

pub(crate) mod proxy;
pub(crate) mod site;
pub(crate) mod traffic;

use std::collections::HashMap;
use std::time::Instant;

use reqwest::RequestBuilder;

use self::proxy::Proxy;
use crate::support::app::TestApp;
use crate::support::linking::linking;
use crate::support::port::free_port;
use crate::support::process::{PATIENCE, Process};
use crate::support::wait::until;

/// The replicas and their proxy. The world's own application is stopped; its fakes and database are what they share.
pub(crate) struct Fleet {
    pub(crate) proxy: Proxy,
    settings: HashMap<String, String>,
    ports: [u16; 2],
    replicas: Vec<Process>,
}

impl Fleet {
    pub(crate) async fn start(app: &TestApp, more: &[(&str, &str)]) -> Self {
        app.stop().await;
        let ports = [free_port(), free_port()];
        let mut settings = app.settings.clone();
        // A drain is longer than the proxy takes to notice: see its checks.
        for (name, value) in [("SHUTDOWN_DRAIN_SECONDS", "2"), ("SHOP_CACHE_SECONDS", "5")].iter().chain(more) {
            settings.insert((*name).to_owned(), (*value).to_owned());
        }
        if !cfg!(debug_assertions) {
            settings.remove("MAX_EVENT_LOOP_LAG_MS");
        }
        let proxy = Proxy::start(free_port(), ports).await;
        let mut fleet = Self { proxy, settings, ports, replicas: Vec::new() };
        for nth in 0..ports.len() {
            let replica = fleet.replica(nth).await;
            fleet.replicas.push(replica);
            fleet.taken_in(nth).await;
        }
        fleet
    }

    /// Tells a replica to stop and starts another in its place, as an upgrade does.
    pub(crate) async fn restart(&mut self, nth: usize) {
        self.replicas[nth].terminate();
        let status = self.replicas[nth].ended().await;
        assert_eq!(status.code(), Some(0), "{}", self.replicas[nth].log());
        self.replicas[nth] = self.replica(nth).await;
        self.taken_in(nth).await;
    }

    /// SIGKILLs a replica, and starts another in its place. Answers when the one was dead.
    pub(crate) async fn kill(&mut self, nth: usize) -> Instant {
        self.replicas[nth].kill();
        let killed_at = Instant::now();
        self.replicas[nth] = self.replica(nth).await;
        self.taken_in(nth).await;
        killed_at
    }

    /// A shopper's request to be linked, not yet sent.
    pub(crate) fn linking(&self, app: &TestApp, shop: &str, shopper: &str) -> RequestBuilder {
        let query = app.query_of(shop, shopper, "");
        let request = app.http().post(format!("{}/apps/subtotal/connections?{query}", self.proxy.address));
        request.header("X-Forwarded-Host", "shop.example.com").json(&linking("walmart"))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ports.len()
    }

    async fn replica(&self, nth: usize) -> Process {
        Process::start(&self.settings, &[("PORT", &self.ports[nth].to_string())]).await
    }

    /// Waits until the proxy sends requests to a replica.
    async fn taken_in(&self, nth: usize) {
        until(PATIENCE, "the proxy takes a replica in", async || self.proxy.is_up(nth).await).await;
    }

    /// Resident memory in bytes and open files of each replica.
    pub(crate) fn footprint(&self) -> Vec<Footprint> {
        self.replicas.iter().map(|replica| Footprint::of(replica.id())).collect()
    }
}

/// What a process takes of the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Footprint {
    /// Bytes.
    pub(crate) resident: u64,
    pub(crate) files: usize,
}

impl Footprint {
    fn of(id: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        Self { resident: kib * 1024, files: std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count() }
    }
}
