//! `just bench`: what the service costs, beside the least that could do the same.
//!
//! The service and its [`floor`] run as processes on core 0, the client and everybody else's servers on core 1. The two are
//! asked in turn, and what counts is the ratio of each round: it holds where absolute figures do not. Exits 1 when a goal is
//! missed.
//!
//! Rate limits are off and `MAX_IN_FLIGHT` is 1,024, as a few callers send everything; all other settings are the defaults,
//! so each request has its line in the log, which is read and thrown away.

#![allow(clippy::unwrap_used, reason = "a measurement that can not go on fails")]

mod floor;
mod report;
mod rounds;
#[path = "../service.rs"]
mod service;
#[path = "../signed.rs"]
mod signed;
mod stock;
mod upstream;
mod wrk;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use floor::{Answer, Plan};
use report::Report;
use rounds::{Rounds, alternate};
use service::{Process, SECRET, SERVICE, Setting, pin_to};
use stock::{Stock, Traffic};
use upstream::Upstream;
use wrk::{Load, send};

const CONFIGURATION: &str = "/apps/subtotal/configuration";
const VISIBILITY: &str = "/apps/subtotal/visibility";
const RETAILERS: &str = "/apps/subtotal/retailers";
const MEMORY_MB: f64 = 64.0;
const SECOND: Duration = Duration::from_secs(1);

#[derive(Parser)]
struct Options {
    /// Rounds of each comparison
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of each server in a round
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Shops that are stored
    #[arg(long, default_value_t = 100_000)]
    shops: usize,
    /// Of these, the shops that ask
    #[arg(long, default_value_t = 100)]
    active: usize,
    /// Entries of the visibility list
    #[arg(long, default_value_t = 1_000_000)]
    entries: usize,
    /// Requests before memory is looked at
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// Only the comparisons whose name holds this
    #[arg(long, default_value = "")]
    only: String,
    /// Little of everything, to see that it works
    #[arg(long)]
    quick: bool,
    /// Puts the tables into docs/performance.md
    #[arg(long)]
    write: bool,
    /// For programs
    #[arg(long)]
    json: bool,
    /// Another build of the service, to compare two of them
    #[arg(long, default_value = SERVICE)]
    service: PathBuf,
    /// To be the floor: the file of its plan
    #[arg(long, hide = true)]
    floor: Option<PathBuf>,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// Everything that runs.
struct World {
    folder: tempfile::TempDir,
    upstream: Upstream,
    /// The service, with as many shops and entries as were asked for.
    full: Process,
    /// The service, with one shop and 10 entries.
    small: Process,
    floor: Process,
}

#[actix_web::main]
async fn main() -> ExitCode {
    let mut options = Options::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Some(plan) = &options.floor {
        floor::serve(plan).await;
        return ExitCode::SUCCESS;
    }
    if options.quick {
        options = Options { rounds: 3, seconds: 1, shops: 2_000, entries: 10_000, requests: 50_000, ..options };
    }
    let world = World::start(&options).await;
    let mut report = Report::default();
    beside_the_floor(&options, &world, &mut report).await;
    growth(&options, &world, &mut report).await;
    memory(&options, &world, &mut report).await;
    if options.json {
        println!("{}", report.json());
    } else {
        println!("{}\n\n{}", report::circumstances(), report.tables());
    }
    if options.write {
        report.write(&report::circumstances());
    }
    if report.is_kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl World {
    async fn start(options: &Options) -> Self {
        let service_core = pin_to("1").then_some("0");
        eprintln!("cores apart: {}", service_core.is_some());
        let folder = tempfile::tempdir().unwrap();
        let upstream = Upstream::start();
        let full = Stock { shops: options.shops, active: options.active, entries: options.entries };
        let service = async |name: &str, stock: Stock| {
            eprintln!("storing {} shops and {} entries", stock.shops, stock.entries);
            let file = folder.path().join(name);
            let settings = settings(&upstream, &file);
            stock::fill(&settings, &file, stock).await;
            Process::start(options.service.as_ref(), &["serve".as_ref()], &settings, service_core)
        };
        let full = service("full.db", full).await;
        let small = service("small.db", Stock { shops: 1, active: 1, entries: 10 }).await;
        let plan = folder.path().join("floor.json");
        std::fs::write(&plan, serde_json::to_vec(&the_same_as(&full, &upstream).await).unwrap()).unwrap();
        let this = std::env::current_exe().unwrap();
        let floor = Process::start(this.as_ref(), &["--floor".as_ref(), plan.as_ref()], &[], service_core);
        let world = Self { folder, upstream, full, small, floor };
        for path in [CONFIGURATION, VISIBILITY, RETAILERS] {
            let (service, floor) = (answer(&world.full, path).await, answer(&world.floor, path).await);
            assert!(service.body == floor.body && service.headers == floor.headers, "the floor answers the same");
        }
        world
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn settings(upstream: &Upstream, database: &Path) -> Vec<Setting> {
    let mut settings = service::settings(&upstream.url, &database.display().to_string());
    let off = || "off".to_owned();
    settings.extend([("RATE_LIMIT_SHOP", off()), ("RATE_LIMIT_CUSTOMER", off()), ("MAX_IN_FLIGHT", "1024".to_owned())]);
    settings
}

/// A floor that answers what the service answers.
async fn the_same_as(service: &Process, upstream: &Upstream) -> Plan {
    let mut answers = std::collections::HashMap::new();
    for path in [CONFIGURATION, VISIBILITY, RETAILERS] {
        answers.insert(path.to_owned(), answer(service, path).await);
    }
    let passes_through = RETAILERS.to_owned();
    Plan { secret: SECRET.to_owned(), upstream: upstream.url.clone(), answers, passes_through }
}

/// What a customer is answered, but for what is never the same twice.
async fn answer(server: &Process, path: &str) -> Answer {
    let (shop, customer) = Traffic::OfShops(1).callers().next().unwrap();
    let query = signed::query(SECRET, &shop, customer, signed::time());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(format!("{}{path}?{query}", server.address)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        let value = if name == "x-request-id" { "01KAJ0000000000000000000ZZ" } else { value.to_str().unwrap() };
        (name.to_string(), value.to_owned())
    };
    let said = answer.headers().iter().map(header);
    let mut headers: Vec<_> = said.filter(|(name, _)| !["date", "content-length"].contains(&name.as_str())).collect();
    headers.sort();
    Answer { headers, body: answer.text().await.unwrap() }
}

async fn beside_the_floor(options: &Options, world: &World, report: &mut Report) {
    let of_shops = Traffic::OfShops(options.active);
    let compare = async |what: &str, path, traffic, connections| -> Option<Rounds> {
        if !what.contains(&options.only) {
            return None;
        }
        let load = Load { path, traffic, connections, length: SECOND * u32::try_from(options.seconds).unwrap() };
        Some(alternate(world.path(), options.rounds, (&world.full, load), (&world.floor, load)).await)
    };
    let bare = ["service", "bare handler"];
    for (what, path) in [("`/configuration`", CONFIGURATION), ("`/visibility` without lists", VISIBILITY)] {
        if let Some(rounds) = compare(what, path, of_shops, 32).await {
            judge_rate(report, what, "≥ 80 % of the floor's requests a second", 0.8, &rounds);
            let p99 = rounds.ratio(|answered| answered.p99);
            report.judge(what, "p99 at 32 connections ≤ 1.5 × floor", format!("{p99:.2} ×"), p99 <= 1.5);
            report.note(what, bare, &rounds);
        }
    }
    let what = "`/visibility` with a list, e-mail cached";
    if let Some(rounds) = compare(what, VISIBILITY, Traffic::OfListed, 32).await {
        judge_rate(report, what, "≥ 40 % of the floor's requests a second", 0.4, &rounds);
        report.note(what, bare, &rounds);
    }
    let passing = ["service", "pass-through"];
    let what = "warm `/retailers`, upstream 0 ms";
    if let Some(rounds) = compare(what, RETAILERS, of_shops, 32).await {
        judge_rate(report, what, "≥ 80 % of the pass-through's throughput", 0.8, &rounds);
        report.note(what, passing, &rounds);
    }
    let what = "warm `/retailers`, upstream 0 ms, one connection";
    if let Some(rounds) = compare(what, RETAILERS, of_shops, 1).await {
        let added = rounds.difference(|answered| answered.p50);
        report.judge(what, "p50 added ≤ 0.15 ms", format!("{added:.3} ms"), added <= 0.15);
        report.note(what, passing, &rounds);
    }
    let what = "warm `/retailers`, upstream 20 ms, 256 connections";
    world.upstream.answer_after(Duration::from_millis(20));
    if let Some(rounds) = compare(what, RETAILERS, of_shops, 256).await {
        judge_rate(report, what, "throughput within 5 % of the pass-through", 0.95, &rounds);
        report.note(what, passing, &rounds);
    }
    world.upstream.answer_after(Duration::ZERO);
}

fn judge_rate(report: &mut Report, what: &str, goal: &'static str, least: f64, rounds: &Rounds) {
    let rate = |answered: &wrk::Answered| answered.rate;
    let (ratio, (low, high)) = (rounds.ratio(rate), rounds.spread(rate));
    let percent = |ratio: f64| ratio * 100.0;
    let figure = format!("{:.1} % ({:.1} to {:.1})", percent(ratio), percent(low), percent(high));
    report.judge(what, goal, figure, ratio >= least);
}

/// What a request costs where much is stored, by what it costs where little is.
async fn growth(options: &Options, world: &World, report: &mut Report) {
    let of_shops = format!("growth, 1 → {} shops", options.shops);
    let of_entries = format!("growth, 10 → {} entries", options.entries);
    let length = SECOND * u32::try_from(options.seconds).unwrap();
    let load = |traffic| Load { path: VISIBILITY, traffic, connections: 32, length };
    for (what, full, small) in [
        (of_shops, Traffic::OfShops(options.active), Traffic::OfShops(1)),
        (of_entries, Traffic::OfListed, Traffic::OfListed),
    ] {
        if what.contains(&options.only) {
            let (full, small) = ((&world.full, load(full)), (&world.small, load(small)));
            let rounds = alternate(world.path(), options.rounds, full, small).await;
            let growth = rounds.ratio(|answered| answered.cpu);
            report.judge(&what, "CPU a request grows ≤ 1.2 ×", format!("{growth:.2} ×"), growth <= 1.2);
            report.note(&what, ["many", "few"], &rounds);
        }
    }
}

/// Memory while 256 connections ask a bit of everything, after many requests.
async fn memory(options: &Options, world: &World, report: &mut Report) {
    const WHAT: &str = "memory under 256 connections";
    if !WHAT.contains(&options.only) {
        return;
    }
    let of_shops = Traffic::OfShops(options.active);
    let parts =
        [(CONFIGURATION, of_shops), (VISIBILITY, of_shops), (RETAILERS, of_shops), (VISIBILITY, Traffic::OfListed)];
    let load = |(path, traffic)| Load { path, traffic, connections: 256, length: SECOND * 5 };
    let mut requests = 0;
    for part in parts.into_iter().cycle() {
        requests += send(&world.full, world.path(), load(part)).await.requests;
        if requests >= options.requests {
            break;
        }
    }
    let mut most: f64 = 0.0;
    for part in parts {
        let asked = send(&world.full, world.path(), load(part));
        let looked = async {
            loop {
                most = most.max(world.full.memory().0);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            _ = asked => {}
            () = looked => {}
        }
    }
    let figure = format!("{most:.1} MB after {requests} requests");
    report.judge(WHAT, "≤ 64 MB resident after 1,000,000 requests", figure, most <= MEMORY_MB);
}
