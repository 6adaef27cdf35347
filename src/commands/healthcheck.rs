//! `healthcheck`: asks the service on this machine how it is, where there is no shell and no curl to do so.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use crate::config::{Settings, environment};

/// How long connecting and answering may take, each.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 4096;

#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// Ask whether the process is up, not whether it can do its work
    #[arg(long)]
    live: bool,
}

impl Healthcheck {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let lookup = environment()?;
        let mut settings = Settings::new(&lookup);
        let address = reachable(settings.server().address);
        settings.finish()?;
        let path = if self.live { "/healthz" } else { "/readyz" };
        let answer = ask(address, path).with_context(|| format!("nothing answers at http://{address}{path}"))?;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        if status != "200" {
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            bail!("http://{address}{path} answers {status} {body}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Where to reach what listens on every address.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}

fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
