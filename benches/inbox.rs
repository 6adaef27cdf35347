//! `cargo bench --bench inbox`: how quickly the webhook takes Subtotal's events, and whether Klaviyo hears of them at the
//! same pace.
//!
//! The service runs as a process of its own on a new SQLite file. Events are sent at a fixed rate, whether or not the ones
//! before were answered, and each is timed from when it was due, so that a stall is seen by all it held up. First as many
//! with a wrong signature, which cost everything but the writing; the ratio of the two is what durability costs. Exits 1
//! when a promise is broken: p99 under 200 ms, and everything told within 5 s of the last event.

#![allow(clippy::unwrap_used, reason = "a measurement that can not go on fails")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Parser;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use subtotal_connect::clock::Clock;
use subtotal_connect::settings::Settings;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Actor, Destination, Identifier, Integration, SecretKind, ShopChanges, Store};
use tokio::task::JoinSet;
use ulid::Ulid;

const SECRET: &str = "the-webhook-secret-of-every-shop";
const P99_PROMISED: Duration = Duration::from_millis(200);
const LAG_PROMISED: Duration = Duration::from_secs(5);

#[derive(Parser)]
struct Options {
    /// Events a second
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Seconds of each phase
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Shops they are about; Klaviyo takes 58 a second of each over a minute
    #[arg(long, default_value_t = 20)]
    shops: usize,
    /// How long Klaviyo takes to answer, in milliseconds
    #[arg(long, default_value_t = 50)]
    latency: u64,
    /// For programs
    #[arg(long)]
    json: bool,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// The ids of the events Klaviyo took.
type Told = Arc<Mutex<BTreeSet<String>>>;

/// How a phase went.
struct Phase {
    took: Vec<Duration>,
    /// Answers that were not the expected ones.
    other: usize,
}

impl Phase {
    fn percentile(&self, percent: usize) -> Duration {
        self.took[(self.took.len() * percent / 100).min(self.took.len() - 1)]
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<18} {:>6} answers  p50 {:>8.2?}  p99 {:>8.2?}  max {:>8.2?}  other answers {}",
            self.took.len(),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
            self.other
        );
    }
}

/// The service; killed when it is dropped.
struct Service {
    child: Child,
    address: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[actix_web::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let told = Told::default();
    let world = serve_world(told.clone(), Duration::from_millis(options.latency));
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&world, &folder.path().join("bench.db").display().to_string());
    let shops: Vec<String> = (0..options.shops).map(|nth| format!("shop-{nth}.myshopify.com")).collect();
    install(&settings, &shops).await;
    let service = start(&settings);
    if !options.json {
        println!("{} events a second for {} s, of {} shops", options.rate, options.seconds, options.shops);
    }
    let refused = send(&options, &service.address, &shops, "another secret", 401).await;
    let taken = send(&options, &service.address, &shops, SECRET, 200).await;
    let events = taken.took.len() - taken.other;
    let (ended, behind) = (Instant::now(), events - told.lock().unwrap().len().min(events));
    while told.lock().unwrap().len() < events && ended.elapsed() < LAG_PROMISED * 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (lag, arrived) = (ended.elapsed(), told.lock().unwrap().len());
    let (p99, ratio) =
        (taken.percentile(99), taken.percentile(50).as_secs_f64() / refused.percentile(50).as_secs_f64());
    if options.json {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let phase = |phase: &Phase| json!({ "p50_ms": ms(phase.percentile(50)), "p99_ms": ms(phase.percentile(99)), "other": phase.other });
        let (refused, taken) = (phase(&refused), phase(&taken));
        let told = json!({ "events": arrived, "behind_at_the_end": behind, "lag_ms": ms(lag) });
        println!("{}", json!({ "refused": refused, "taken": taken, "told": told, "p50_ratio": ratio }));
    } else {
        refused.print("wrong signature");
        taken.print("stored");
        println!("stored / wrong signature at the median: {ratio:.2}");
        println!("Klaviyo, answering in {} ms: {arrived} of {events} told", options.latency);
        println!("when the last event was answered {behind} were not told yet; the last one was after {lag:.2?}");
    }
    let kept = p99 < P99_PROMISED && lag < LAG_PROMISED && arrived == events && taken.other == 0 && refused.other == 0;
    if !kept {
        eprintln!("promised: p99 under {P99_PROMISED:?}, each event told within {LAG_PROMISED:?} of the last one");
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Subtotal's list of retailers, and a Klaviyo that takes its time. Answers their address.
fn serve_world(told: Told, latency: Duration) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        let told = told.clone();
        let take = move |event: web::Json<Value>| {
            let told = told.clone();
            async move {
                tokio::time::sleep(latency).await;
                let id = event["data"]["attributes"]["unique_id"].as_str().unwrap().to_owned();
                told.lock().unwrap().insert(id);
                HttpResponse::Accepted().finish()
            }
        };
        // Klaviyo's own media type of JSON.
        let json = web::JsonConfig::default().content_type(|_| true);
        App::new()
            .app_data(json)
            .route("/api/events", web::post().to(take))
            .route("/retailers", web::get().to(retailers))
    });
    actix_web::rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
    address
}

async fn retailers() -> HttpResponse {
    let walmart = json!({
        "retailer_id": "walmart", "name": "Walmart", "link_url": "https://link.example/walmart", "images": {},
    });
    HttpResponse::Ok().json(json!({ "retailers": [walmart] }))
}

fn settings(world: &str, database: &str) -> Vec<(&'static str, String)> {
    vec![
        ("SHOPIFY_API_KEY", "client-id".to_owned()),
        ("SHOPIFY_API_SECRET", "client-secret-of-the-measurement".to_owned()),
        ("SHOPIFY_APP_URL", "https://app.example.com".to_owned()),
        ("SHOPIFY_ADMIN_URL", world.to_owned()),
        ("SUBTOTAL_API_URL", world.to_owned()),
        ("KLAVIYO_API_URL", world.to_owned()),
        ("DATABASE_URL", format!("sqlite://{database}?mode=rwc")),
        ("ENCRYPTION_KEYS", "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned()),
        ("RUST_LOG", "warn,subtotal_connect=info".to_owned()),
        ("PORT", "0".to_owned()),
    ]
}

async fn install(settings: &[(&'static str, String)], shops: &[String]) {
    let lookup = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let mut reader = Settings::new(&lookup);
    let database = reader.database(true);
    reader.finish().unwrap();
    let store = Store::open(&database.url, database.keyring).await.unwrap();
    store.migrate().await.unwrap();
    for shop in shops {
        let domain = ShopDomain::parse(shop).unwrap();
        for (kind, secret) in [(SecretKind::SubtotalApiKey, "an-api-key"), (SecretKind::SubtotalWebhook, SECRET)] {
            let changes = ShopChanges { secret: Some((kind, secret.into())), ..ShopChanges::default() };
            store.save_shop(&domain, changes, Actor::CommandLine, 0).await.unwrap();
        }
        let id = store.shop_id(&domain).await.unwrap().unwrap();
        let on = Integration { is_on: true, is_paused: false, identifier: Identifier::Email, allow_simulated: false };
        let key = format!("pk_of_{shop}").into();
        store.save_integration(id, Destination::Klaviyo, &on, Some(&key), Actor::CommandLine, 0).await.unwrap();
    }
}

fn start(settings: &[(&'static str, String)]) -> Service {
    const SAID: &str = "listening on http://";
    let mut child = Command::new(env!("CARGO_BIN_EXE_subtotal-connect"))
        .arg("serve")
        .env_clear()
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said = lines.find(|line| line.contains(SAID)).expect("the service starts");
    let address = said.split_once(SAID).unwrap().1.split(|of: char| of.is_whitespace() || of == '"').next().unwrap();
    // The log is read to its end, so that the service never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Service { child, address: format!("http://{address}") }
}

/// Sends events at the rate, each about a connection of its own.
async fn send(options: &Options, address: &str, shops: &[String], secret: &'static str, expected: u16) -> Phase {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let (started, gap) = (Instant::now(), Duration::from_secs(1) / options.rate);
    let mut running = JoinSet::new();
    for nth in 0..options.rate * options.seconds {
        let due = started + gap * nth;
        tokio::time::sleep_until(due.into()).await;
        let shop = &shops[nth as usize % shops.len()];
        let (http, url) = (http.clone(), format!("{address}/webhooks/subtotal/{shop}"));
        running.spawn(async move {
            let (timestamp, body) = (Clock::system().unix_seconds().to_string(), event());
            let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            let signature = hex::encode(mac.chain_update(format!("{timestamp}.{body}")).finalize().into_bytes());
            let request = http.post(url).header("X-Subtotal-Timestamp", timestamp);
            let answer = request.header("X-Subtotal-Signature", signature).body(body).send().await;
            (due.elapsed(), answer.is_ok_and(|answer| answer.status().as_u16() == expected))
        });
    }
    let answers = running.join_all().await;
    let mut took: Vec<Duration> = answers.iter().map(|(took, _)| *took).collect();
    took.sort_unstable();
    Phase { took, other: answers.iter().filter(|(_, as_expected)| !as_expected).count() }
}

fn event() -> String {
    let (id, connection) = (Ulid::generate().to_string(), Ulid::generate().to_string());
    let connection = json!({
        "connection_id": connection, "customer_id": "7001", "retailer_id": "walmart", "status": "unauthenticated",
        "email": "shopper@example.com", "mobile": "+15550001111",
    });
    json!({ "type": "connection.unauthenticated", "id": id, "payload": { "connection": connection } }).to_string()
}
