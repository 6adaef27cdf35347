//! `cargo bench --profile perf --bench overload`: what happens when far more is asked than can be answered, and when one shop
//! asks for everybody's share.
//!
//! The service runs as a process of its own, on core 0 where `taskset` is there; sender and Subtotal share core 1. First the
//! rate it sustains is looked for, then ten times as much is sent. Exits 1 when a promise is broken: what is accepted keeps
//! its p99 under 4 times the normal one, memory stays under 256 MB, and 5 s after the end all is as before; and a shop's p99
//! stays within 1.5 times while another shop calls 100 times as often as it may, or its Subtotal hangs.

#![allow(clippy::unwrap_used, reason = "a measurement that can not go on fails")]

mod sender;
#[path = "../service.rs"]
mod service;
#[path = "../signed.rs"]
mod signed;
mod world;

use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Parser;
use sender::{Load, Outcome, send};
use serde_json::{Value, json};
use service::{Process, SECRET, SERVICE, pin_to};
use world::{HANGING, NOISY, World};

/// A second, and at once, of the noisy shop.
const NOISY_LIMIT: (f64, &str) = (20.0, "20:40");
/// Calls a second of the shop that is to notice nothing, and of the one that hangs.
const QUIET_RATE: f64 = 100.0;
const HANGING_RATE: f64 = 300.0;
const P99_GROWTH: f64 = 4.0;
const NEIGHBOUR_GROWTH: f64 = 1.5;
const MEMORY_MB: f64 = 256.0;
const RECOVERY: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

#[derive(Parser)]
struct Options {
    /// Seconds of overload
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many times the sustainable rate
    #[arg(long, default_value_t = 10.0)]
    times: f64,
    /// The sustainable rate, where it is known: requests a second
    #[arg(long)]
    rate: Option<f64>,
    /// Rounds of quiet and noise; 0 for none
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long Subtotal takes to answer, in milliseconds
    #[arg(long, default_value_t = 20)]
    latency: u64,
    /// Connections the load comes by
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// `MAX_IN_FLIGHT` of the service, instead of its default
    #[arg(long)]
    max_in_flight: Option<usize>,
    /// `MAX_EVENT_LOOP_LAG_MS` of the service, instead of its default
    #[arg(long)]
    max_lag: Option<u64>,
    /// For programs
    #[arg(long)]
    json: bool,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was promised and broken.
type Broken = Vec<String>;

#[actix_web::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let service_core = pin_to("1").then_some("0");
    let world = World::start(Duration::from_millis(options.latency));
    let folder = tempfile::tempdir().unwrap();
    let mut settings = service::settings(&world.url, &folder.path().join("bench.db").display().to_string());
    settings.extend(options.max_in_flight.map(|most| ("MAX_IN_FLIGHT", most.to_string())));
    settings.extend(options.max_lag.map(|most| ("MAX_EVENT_LOOP_LAG_MS", most.to_string())));
    let shops: Vec<String> = (0..20).map(|nth| format!("shop-{nth}.myshopify.com")).collect();
    world::install(&settings, &shops, NOISY_LIMIT.1).await;
    let service = Process::start(SERVICE.as_ref(), &["serve".as_ref()], &settings, service_core);
    eprintln!("cores apart: {}", service_core.is_some());
    let mut broken = Broken::new();
    let overload = overload(&options, &service, &shops, &mut broken).await;
    let noise = match options.rounds {
        0 => Value::Null,
        _ => noise(&options, &world, &service, &shops[0], &mut broken).await,
    };
    if options.json {
        println!("{}", json!({ "overload": overload, "neighbour": noise, "broken": broken }));
    }
    broken.iter().for_each(|promise| eprintln!("broken: {promise}"));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn overload(options: &Options, service: &Process, shops: &[String], broken: &mut Broken) -> Value {
    let load = |rate, length, connections| Load { shops, rate, length, connections };
    let run = async |load: Load<'_>| send(&service.address, SECRET, &load).await;
    run(load(200.0, SECOND * 3, 50)).await;
    let sustainable = match options.rate {
        Some(rate) => rate,
        None => sustainable(&run, &load).await,
    };
    let normal = run(load(sustainable / 2.0, SECOND * 10, 200)).await;
    say("normal", &normal, SECOND * 10);
    let (before, _) = service.memory();
    let length = SECOND * u32::try_from(options.seconds).unwrap();
    let over = run(load(sustainable * options.times, length, options.connections)).await;
    let (after, most) = service.memory();
    say("overload", &over, length);
    let recovery = run(load(sustainable / 2.0, SECOND * 10, 200)).await;
    say("afterwards", &recovery, SECOND * 10);
    let is_normal = |nth: u32| recovery.percentile(99, SECOND * nth, SECOND * (nth + 1)) < normal.p99() * 2;
    let recovered = (0..10).find(|nth| (*nth..10).all(is_normal));
    let growth = over.p99().as_secs_f64() / normal.p99().as_secs_f64();
    let offered = over.sent() as f64 / length.as_secs_f64() / sustainable;
    eprintln!(
        "sustained {sustainable:.0}/s, offered {offered:.1} times that; p99 of what was accepted {growth:.2} times normal; \
         memory {before:.0} MB before, {after:.0} after, {most:.0} at most; as before after {recovered:?} s"
    );
    let mut promise = |kept: bool, what: &str| {
        if !kept {
            broken.push(what.to_owned());
        }
    };
    promise(growth < P99_GROWTH, "accepted requests keep p99 under 4 times normal");
    promise(most < MEMORY_MB, "memory under 256 MB");
    promise(recovered.is_some_and(|seconds| SECOND * seconds < RECOVERY), "as before within 5 s");
    promise(normal.other + over.other + recovery.other == 0, "every request is answered");
    promise(!over.accepted.is_empty() && over.shed > 0, "some are accepted, and some turned away");
    json!({
        "sustainable": sustainable, "offered_times": offered, "normal": shown(&normal), "overload": shown(&over),
        "afterwards": shown(&recovery), "p99_growth": growth, "memory_mb": most, "recovered_after_s": recovered,
    })
}

/// The highest rate of those tried at which nobody is turned away and p99 is under twice what it is at rest.
async fn sustainable<'a>(
    run: &impl AsyncFn(Load<'a>) -> Outcome,
    load: &impl Fn(f64, Duration, usize) -> Load<'a>,
) -> f64 {
    let resting = run(load(100.0, SECOND * 5, 50)).await;
    say("at rest", &resting, SECOND * 5);
    let (mut rate, mut stumbles) = (250.0, 0);
    while stumbles < 2 {
        let next = rate * 1.25;
        let tried = run(load(next, SECOND * 4, 400)).await;
        say(&format!("trying {next:.0}/s"), &tried, SECOND * 4);
        let all = tried.accepted.len() as f64 >= 0.99 * next * 4.0;
        if all && tried.shed == 0 && tried.p99() <= resting.p99() * 2 {
            (rate, stumbles) = (next, 0);
        } else {
            // Once may be something else on this machine.
            stumbles += 1;
        }
    }
    rate
}

/// One shop's p99 beside a shop that calls far too often, and beside one whose Subtotal hangs.
async fn noise(options: &Options, world: &World, service: &Process, quiet: &str, broken: &mut Broken) -> Value {
    let length = SECOND * 5;
    let [quiet, noisy, hanging] = [quiet, NOISY, HANGING].map(|shop| [shop.to_owned()]);
    let send = async |shops: &[String], rate, connections| {
        send(&service.address, SECRET, &Load { shops, rate, length, connections }).await
    };
    let mut growth = [Vec::new(), Vec::new()];
    let mut refused = [0, 0];
    for round in 0..options.rounds {
        let alone = send(&quiet, QUIET_RATE, 30).await;
        let (beside, loud) = tokio::join!(send(&quiet, QUIET_RATE, 30), send(&noisy, NOISY_LIMIT.0 * 100.0, 200));
        world.hang.store(true, Ordering::Relaxed);
        let (untouched, hung) = tokio::join!(send(&quiet, QUIET_RATE, 30), send(&hanging, HANGING_RATE, 1500));
        world.hang.store(false, Ordering::Relaxed);
        for (name, outcome) in [("alone", &alone), ("beside noise", &beside), ("beside a hang", &untouched)] {
            say(&format!("{round}: {name}"), outcome, length);
        }
        let normal = alone.p99().as_secs_f64();
        growth[0].push(beside.p99().as_secs_f64() / normal);
        growth[1].push(untouched.p99().as_secs_f64() / normal);
        refused[0] += loud.limited;
        refused[1] += hung.shed + hung.limited;
        if [&alone, &beside, &untouched].iter().any(|outcome| outcome.sent() != outcome.accepted.len()) {
            broken.push("the quiet shop is answered".to_owned());
        }
    }
    let median = growth.map(|mut growth| {
        growth.sort_by(f64::total_cmp);
        growth[growth.len() / 2]
    });
    eprintln!(
        "p99 beside a noisy shop {:.2} times (it was refused {} times), beside one that hangs {:.2} times (refused {})",
        median[0], refused[0], median[1], refused[1]
    );
    for (growth, refused) in median.into_iter().zip(refused) {
        if growth > NEIGHBOUR_GROWTH || refused == 0 {
            broken.push("another shop's p99 stays within 1.5 times".to_owned());
        }
    }
    json!({ "noisy": { "p99_growth": median[0], "refused": refused[0] }, "hanging": { "p99_growth": median[1], "refused": refused[1] } })
}

fn say(name: &str, outcome: &Outcome, length: Duration) {
    let each = |count: usize| count as f64 / length.as_secs_f64();
    eprintln!(
        "{name:<20} accepted {:>7.0}/s  p50 {:>8.2?}  p99 {:>8.2?}  503 {:>7.0}/s  429 {:>6.0}/s  other {}  not sent {:.0}/s",
        each(outcome.accepted.len()),
        outcome.percentile(50, Duration::ZERO, Duration::MAX),
        outcome.p99(),
        each(outcome.shed),
        each(outcome.limited),
        outcome.other,
        each(outcome.skipped),
    );
}

fn shown(outcome: &Outcome) -> Value {
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    json!({
        "accepted": outcome.accepted.len(), "p50_ms": ms(outcome.percentile(50, Duration::ZERO, Duration::MAX)),
        "p99_ms": ms(outcome.p99()), "shed": outcome.shed, "limited": outcome.limited, "other": outcome.other,
        "not_sent": outcome.skipped,
    })
}
