//! How the service listens and answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::settings::Settings;

/// Where to listen, and how to answer.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// `BIND_ADDR` and `PORT`; port 0 takes any free one.
    pub address: SocketAddr,
    /// `METRICS_ADDR`: a listener of its own for `/metrics`.
    pub metrics_address: Option<SocketAddr>,
    /// `MIGRATE_ON_START`
    pub migrate_on_start: bool,
    /// `REDIRECT_MODE`
    pub redirect_mode: RedirectMode,
    /// `SHUTDOWN_DRAIN_SECONDS`: how long requests are still taken, and `/readyz` says 503, once the process was told to
    /// stop.
    pub shutdown_drain: Duration,
}

/// How a browser is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectMode {
    /// A 302 answer.
    Found,
    /// A 200 page that refreshes, for a proxy that would follow redirects itself.
    Html,
}

impl Settings<'_> {
    /// `BIND_ADDR`, `PORT` and what else is about listening.
    pub fn server(&mut self) -> ServerConfig {
        let ip = self.parsed("BIND_ADDR", "an IP address", IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = self.parsed("PORT", "a port from 0 to 65535", 3000);
        let metrics_address = self.text("METRICS_ADDR").and_then(|text| self.parse("METRICS_ADDR", "ip:port", &text));
        ServerConfig {
            address: SocketAddr::new(ip, port),
            metrics_address,
            migrate_on_start: self.choice("MIGRATE_ON_START", [("true", true), ("false", false)]),
            redirect_mode: self.choice("REDIRECT_MODE", [("302", RedirectMode::Found), ("html", RedirectMode::Html)]),
            shutdown_drain: self.seconds("SHUTDOWN_DRAIN_SECONDS", 0),
        }
    }
}
