//! The settings of `serve`: every one that is missing or wrong is named, all at once, and nothing is half-started.

use std::collections::BTreeSet;
use std::net::TcpListener;

use subtotal_connect::config::{Config, RedirectMode};

use crate::support::app::{NOBODY, TestApp};
use crate::support::command::{CommandLine, client};
use crate::support::database::TestDatabase;
use crate::support::signer;

const SECRET: &str = "client-secret-of-the-settings-tests";
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const REQUIRED: [&str; 4] = ["ENCRYPTION_KEYS", "SHOPIFY_API_KEY", "SHOPIFY_API_SECRET", "SHOPIFY_APP_URL"];

/// Values that are wrong for each variable. What stands in them must not be repeated.
const WRONG: [(&str, &[&str]); 30] = [
    ("AUDIT_KEPT_DAYS", &["29", "-1", "36501", "two years"]),
    ("BIND_ADDR", &["localhost", "127.0.0.1:3000", "256.1.1.1"]),
    ("DATABASE_URL", &["mysql://root:hunter2@db/x", "sqlite::memory:", "sqlite://:memory:", "postgres.example.com"]),
    ("DELIVERY_ATTEMPT_TIMEOUT_MS", &["0", "10s"]),
    ("DELIVERY_RETRY_BASE_MS", &["0", "600001"]),
    (
        "ENCRYPTION_KEYS",
        &[
            "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "k1:c2hvcnQ=",
            "k1:not/base64!",
            ":MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "k 1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,k2",
            ",",
        ],
    ),
    ("KLAVIYO_API_URL", &["a.klaviyo.com", "ftp://a.klaviyo.com"]),
    ("LOG_FORMAT", &["xml", "JSON"]),
    ("MAX_EVENT_LOOP_LAG_MS", &["4", "60001", "1s"]),
    ("MAX_IN_FLIGHT", &["0", "100001", "-1", "many"]),
    ("METRICS_ADDR", &["9464", "localhost:9464"]),
    ("MIGRATE_ON_START", &["yes", "0"]),
    ("PORT", &["70000", "http", "-1"]),
    ("RATE_LIMIT_CUSTOMER", &["50", "50:", "0:300", "50:0", "none"]),
    ("RATE_LIMIT_SHOP", &["2000", "2000:4000:1", "1e3:5"]),
    ("RECEIPTS_KEPT_DAYS", &["29", "1.5"]),
    ("REDIRECT_MODE", &["301", "meta"]),
    ("RETAILERS_FRESH_SECONDS", &["-1", "a minute"]),
    ("RUST_LOG", &["loud=very", "a=b=c"]),
    ("SHOPIFY_ADMIN_URL", &["{shop}", "ftp://{shop}"]),
    ("SHOPIFY_API_KEY", &[" "]),
    ("SHOPIFY_API_SECRET", &[",", " , "]),
    ("SHOPIFY_API_VERSION", &["latest", "2026-1", "2026/10"]),
    ("SHOPIFY_APP_URL", &["app.example.com", "http://app.example.com", "https://app.example.com/admin", "https://"]),
    ("SHOP_CACHE_SECONDS", &["soon", "1.5"]),
    ("STOREFRONT_DEADLINE_MS", &["0", "600001", "4s"]),
    ("SUBTOTAL_API_URL", &["api.subtotal.com", "ftp://api.subtotal.com"]),
    ("TRUSTED_PROXIES", &["proxy.example.com", "10.0.0.0/33", "10.0.0.1,oops", "10.0.0.1:80"]),
    ("UPSTREAM_ATTEMPT_TIMEOUT_MS", &["0", "2s"]),
    ("UPSTREAM_CONNECT_TIMEOUT_MS", &["0", "-5"]),
];

fn required() -> CommandLine {
    CommandLine::new([
        ("SHOPIFY_API_KEY", "client-id"),
        ("SHOPIFY_API_SECRET", SECRET),
        ("SHOPIFY_APP_URL", "https://app.example.com"),
        ("ENCRYPTION_KEYS", &format!("k1:{KEY}")),
        ("PORT", "0"),
    ])
}

/// The variables that standard error names, each of which must be named once.
fn named(stderr: &str) -> BTreeSet<String> {
    let names: Vec<String> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .map(|line| line.split_once(' ').unwrap().0.to_owned())
        .collect();
    let set: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(names.len(), set.len(), "{stderr}");
    set
}

/// `serve` must refuse to start; what it names.
fn refused(line: &CommandLine) -> (BTreeSet<String>, String) {
    let before = line.files();
    let stderr = line.run(&["serve"]).failed(1);
    assert_eq!(line.files(), before, "something was started: {stderr}");
    (named(&stderr), stderr)
}

fn set(names: impl IntoIterator<Item = &'static str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

async fn text(url: &str) -> (u16, String) {
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[test]
fn each_required_setting_that_is_missing_is_named() {
    for name in REQUIRED {
        for missing in [None, Some("")] {
            let mut line = required();
            line.set(name, missing);
            let (names, stderr) = refused(&line);
            assert_eq!(names, set([name]), "{stderr}");
            assert!(stderr.contains(&format!("{name} is missing")), "{stderr}");
        }
    }
    assert_eq!(refused(&CommandLine::new([("PORT", "0")])).0, set(REQUIRED));
}

#[test]
fn each_wrong_setting_is_named_and_its_value_is_not_repeated() {
    for (name, values) in WRONG {
        for value in values {
            let mut line = required();
            line.set(name, Some(value));
            let (names, stderr) = refused(&line);
            assert_eq!(names, set([name]), "{value}: {stderr}");
            if name.contains("KEYS") || name == "DATABASE_URL" {
                assert!(value.len() < 3 || !stderr.contains(value), "{stderr}");
            }
            assert!(!stderr.contains("hunter2") && !stderr.contains(KEY) && !stderr.contains(SECRET), "{stderr}");
        }
    }
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let line = CommandLine::new(WRONG.iter().map(|(name, values)| (*name, values[0])));
    assert_eq!(refused(&line).0, set(WRONG.iter().map(|(name, _)| *name)));
}

#[test]
fn settings_are_looked_at_before_any_port_is() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut line = required();
    line.set("PORT", Some(&port));
    assert!(line.run(&["serve"]).failed(1).contains("can not listen on 127.0.0.1"));
    line.set("SHOPIFY_API_KEY", None);
    let stderr = line.run(&["serve"]).failed(1);
    assert!(stderr.contains("SHOPIFY_API_KEY") && !stderr.contains("listen"), "{stderr}");
}

#[test]
fn commands_that_are_not_serve_ask_only_for_what_they_need() {
    let line = CommandLine::new([("PORT", "wrong"), ("RUST_LOG", "=,=")]);
    line.run(&["migrate"]).done();
    assert!(line.files().contains(&"subtotal-connect.db".to_owned()), "{:?}", line.files());
    let stderr = line.run(&["explain-proxy", "shop=x"]).failed(1);
    assert_eq!(named(&stderr), set(["SHOPIFY_API_SECRET"]));
    let stderr = CommandLine::new([("DATABASE_URL", "mysql://root:hunter2@db/x")]).run(&["migrate"]).failed(1);
    assert_eq!(named(&stderr), set(["DATABASE_URL"]));
    assert!(!stderr.contains("hunter2"), "{stderr}");
}

#[test]
fn a_database_that_can_not_be_opened_does_not_show_its_password() {
    let mut line = required();
    line.set("DATABASE_URL", Some("postgres://connect:hunter2@127.0.0.1:1/connect"));
    line.set("RUST_LOG", Some("trace"));
    let outcome = line.run(&["serve"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("DATABASE_URL") && !outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
}

#[test]
fn the_working_directorys_env_file_is_read_and_the_environment_wins() {
    let line = CommandLine::new([("PORT", "0"), ("SHOPIFY_API_SECRET", SECRET)]);
    let file = format!(
        "# a comment\nSHOPIFY_API_KEY=client-id\nSHOPIFY_API_SECRET=another-secret\nPORT=wrong\n\
         SHOPIFY_APP_URL=\"https://app.example.com\"\nENCRYPTION_KEYS=k1:{KEY}\n"
    );
    line.write(".env", &file);
    line.start(&["serve"]).url_after("listening on ");
    // The environment's secret is the one in use.
    let url = "http://127.0.0.1/apps/subtotal/retailers";
    let signed = line.run(&["sign", url, "--shop", "demo.myshopify.com"]).done();
    let (unsigned, signature) = signed.trim().split_once("&signature=").unwrap();
    assert_eq!(signature, signer::signature(SECRET, unsigned.split_once('?').unwrap().1));
}

#[test]
fn an_env_file_further_up_is_not_read() {
    let line = CommandLine::new([("PORT", "0")]);
    line.write(".env", "SHOPIFY_API_SECRET=from-further-up\n");
    let below = line.folder().join("below");
    std::fs::create_dir(&below).unwrap();
    let outcome = line.run_in(&below, &["explain-proxy", "shop=x"]).failed(1);
    assert_eq!(named(&outcome), set(["SHOPIFY_API_SECRET"]));
}

#[test]
fn a_broken_line_of_the_env_file_is_reported() {
    let line = required();
    line.write(".env", "LOG_FORMAT=json\nSHOPIFY_ADMIN_URL=\"never closed hunter2\nREDIRECT_MODE=html\n");
    let stderr = line.run(&["serve"]).failed(1);
    assert!(stderr.contains(".env") && !stderr.contains("hunter2"), "{stderr}");
}

#[test]
fn defaults_are_those_of_the_contract() {
    let given = |name: &str| {
        let key = format!("k1:{KEY}");
        let value = match name {
            "SHOPIFY_API_KEY" => "client-id",
            "SHOPIFY_API_SECRET" => "newest, older",
            "SHOPIFY_APP_URL" => "https://app.example.com",
            "ENCRYPTION_KEYS" => &key,
            _ => return None,
        };
        Some(value.to_owned())
    };
    let config = Config::read(&given).unwrap();
    assert_eq!(config.server.address.to_string(), "127.0.0.1:3000");
    assert_eq!(config.server.metrics_address, None);
    assert!(config.server.migrate_on_start);
    assert_eq!(config.server.redirect_mode, RedirectMode::Found);
    assert_eq!(config.shopify.client_secrets.len(), 2);
    assert_eq!(config.shopify.admin_api.url_template, "https://{shop}");
    assert_eq!(config.shopify.admin_api.version, "2026-10");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&config.database.url), "sqlite://subtotal-connect.db?mode=rwc");
    assert_eq!(config.subtotal.base_url.as_str(), "https://api.subtotal.com/");
    assert_eq!(config.subtotal.connect_timeout.as_millis(), 1000);
    assert_eq!(config.subtotal.attempt_timeout.as_millis(), 2000);
    assert_eq!(config.subtotal.storefront_deadline.as_millis(), 4000);
    assert_eq!(config.subtotal.retailers_fresh.as_secs(), 60);
    assert_eq!(config.shop_cache.as_secs(), 5);
    assert_eq!(config.limits.rates.customer.to_string(), "50:300");
    assert_eq!(config.limits.rates.shop.to_string(), "2000:4000");
    assert!(config.limits.max_in_flight >= 256);
    assert_eq!(config.limits.max_event_loop_lag.as_millis(), 10);
    assert!(config.limits.trusted_proxies.is_empty());
    assert!(!config.log.json);
    assert_eq!(config.log.filter, "info");
    assert!(config.log.traces.is_none());
    assert!(!format!("{config:?}").contains("newest"));
}

#[test]
fn where_traces_go_is_read_and_holds_no_password() {
    let traces = |endpoint: &str, ratio: &str| {
        let given = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.to_owned()),
            "OTEL_TRACES_SAMPLER_ARG" => Some(ratio.to_owned()),
            _ => None,
        };
        let (config, problems) = Config::examine(&given);
        let named = |problem: &subtotal_connect::config::Problem| problem.variable.starts_with("OTEL_");
        let wrong: Vec<_> = problems.into_iter().filter(named).map(|problem| problem.variable).collect();
        (config.log.traces, wrong)
    };
    let (config, wrong) = traces("http://127.0.0.1:4318", "");
    let config = config.unwrap();
    assert_eq!(
        (config.endpoint.as_str(), config.service_name.as_str()),
        ("http://127.0.0.1:4318/", "subtotal-connect")
    );
    assert_eq!((config.ratio, wrong), (1.0, vec![]));
    assert_eq!(traces("https://collector.example/otlp", "0.25").0.unwrap().ratio, 0.25);
    for endpoint in ["collector:4318", "grpc://collector:4317", "http://user:secret@collector", "http://c/?key=secret"]
    {
        assert_eq!(traces(endpoint, "").1, ["OTEL_EXPORTER_OTLP_ENDPOINT"], "{endpoint}");
    }
    for ratio in ["-0.1", "1.1", "all", "NaN"] {
        assert_eq!(traces("http://c", ratio).1, ["OTEL_TRACES_SAMPLER_ARG"], "{ratio}");
    }
}

#[test]
fn nothing_secret_is_in_the_settings_debug_form() {
    let given = |name: &str| match name {
        "SHOPIFY_API_KEY" => Some("client-id".to_owned()),
        "SHOPIFY_API_SECRET" => Some(SECRET.to_owned()),
        "SHOPIFY_APP_URL" => Some("https://app.example.com".to_owned()),
        "ENCRYPTION_KEYS" => Some(format!("k1:{KEY}")),
        "DATABASE_URL" => Some("postgres://connect:hunter2@db/connect".to_owned()),
        _ => None,
    };
    let shown = format!("{:?}", Config::read(&given).unwrap());
    for secret in [SECRET, KEY, "hunter2", "0123456789"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[actix_web::test]
async fn metrics_have_a_listener_of_their_own() {
    let database = TestDatabase::create().await;
    let mut line = required();
    line.set("DATABASE_URL", Some(&database.url));
    line.set("METRICS_ADDR", Some("127.0.0.1:0"));
    let serve = line.start(&["serve"]);
    let metrics = serve.url_after("metrics on ");
    let main = serve.url_after("listening on ");
    assert_ne!(metrics, format!("{main}/metrics"));

    assert_eq!(text(&format!("{main}/healthz")).await.0, 200);
    assert_eq!(text(&format!("{main}/apps/subtotal/retailers?shop=demo.myshopify.com")).await.0, 401);
    assert_eq!(text(&format!("{main}/metrics")).await.0, 404);
    let (status, shown) = text(&metrics).await;
    assert_eq!(status, 200);
    for line in [
        "http_requests_total{route=\"/healthz\",status=\"200\"} 1",
        "http_requests_total{route=\"/apps/subtotal/retailers\",status=\"401\"} 1",
        "proxy_refusals_total{reason=\"missing_parameter\"} 1",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
    assert!(!shown.contains("demo.myshopify.com"));
    let elsewhere = metrics.replace("/metrics", "/healthz");
    assert_eq!(text(&elsewhere).await.0, 404);
}

#[test]
fn a_metrics_address_that_is_taken_stops_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut line = required();
    line.set("METRICS_ADDR", Some(&taken.local_addr().unwrap().to_string()));
    assert!(line.run(&["serve"]).failed(1).contains("for metrics"));
}

#[actix_web::test]
async fn metrics_are_not_served_where_none_are_wanted() {
    let app = TestApp::start().await;
    assert_eq!(app.plain("/metrics").await.status, 404);
    assert_eq!(app.get("/metrics", NOBODY).await.code(), "not_found");
}

#[test]
fn the_tunnel_of_shopifys_cli_stands_for_the_apps_origin_where_that_is_not_set() {
    let read = |app_url: Option<&'static str>, host: Option<&'static str>| {
        let lookup = |name: &str| match name {
            "SHOPIFY_APP_URL" => app_url.map(str::to_owned),
            "HOST" => host.map(str::to_owned),
            "ENCRYPTION_KEYS" => Some(format!("k1:{KEY}")),
            "SHOPIFY_API_KEY" | "SHOPIFY_API_SECRET" => Some(SECRET.to_owned()),
            _ => None,
        };
        Config::read(&lookup).map(|config| config.shopify.app_url.to_string()).map_err(|problems| problems.to_string())
    };
    let tunnel = Some("https://some-words.trycloudflare.com");
    assert_eq!(read(None, tunnel).unwrap(), "https://some-words.trycloudflare.com/");
    assert_eq!(read(Some("https://app.example.com"), tunnel).unwrap(), "https://app.example.com/");
    // Some shells call the machine so.
    for host in [None, Some("my-laptop"), Some("0.0.0.0")] {
        assert!(read(None, host).unwrap_err().contains("SHOPIFY_APP_URL is missing"), "{host:?}");
    }
    assert!(read(None, Some("https://tunnel.example.com/path")).is_err());
}
