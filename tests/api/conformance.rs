//! The conformance kit: this service passes it, and verifiers that are wrong in known ways do not.

use std::io::Write;
use std::process::{Command, Stdio};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;

use crate::support::app::{SHOP, TestApp};
use crate::support::signer;

const SECRET: &str = "the-client-secret-of-the-kit";

/// The kit's exit code and the names of the cases that did not come out. `None` where there is no Python.
#[expect(clippy::disallowed_methods, reason = "checks say that they are")]
async fn judged(url: String, secret: String) -> Option<(i32, Vec<String>)> {
    let kit = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/app_proxy.py");
    let asking = web::block(move || {
        let mut child = Command::new("python3")
            .args([kit, "--json", "--shop", SHOP, "--url", &url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
        Some(child.wait_with_output().unwrap())
    });
    let Some(output) = asking.await.unwrap() else {
        assert!(std::env::var("CI").is_err(), "please install python3");
        eprintln!("left out: python3 is not installed");
        return None;
    };
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cases = report["cases"].as_array().unwrap();
    assert!(cases.len() > 50, "{report}");
    let failed =
        cases.iter().filter(|case| case["holds"] == false).map(|case| case["name"].as_str().unwrap().to_owned());
    Some((output.status.code().unwrap(), failed.collect()))
}

/// A verifier on a port of its own that takes what `takes` says.
fn verifier(takes: fn(&str) -> bool) -> String {
    let answer = move |request: HttpRequest| async move {
        if takes(request.query_string()) { HttpResponse::Ok().finish() } else { HttpResponse::Unauthorized().finish() }
    };
    let server = HttpServer::new(move || App::new().default_service(web::to(answer)));
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    url
}

#[actix_web::test]
async fn this_service_passes_the_kit() {
    let app = TestApp::start().await;
    let url = format!("{}/apps/subtotal/configuration", app.address);
    let Some(judged) = judged(url, app.client_secret.clone()).await else { return };
    assert_eq!(judged, (0, Vec::new()));
}

#[actix_web::test]
async fn a_verifier_that_only_compares_the_digest_is_found_out() {
    let naive = verifier(|query| {
        let without = |piece: &&str| !piece.starts_with("signature=");
        let unsigned: Vec<&str> = query.split('&').filter(without).collect();
        let unsigned = unsigned.join("&");
        let last = query.split('&').rfind(|piece| piece.starts_with("signature="));
        last.is_some_and(|given| signer::signed(SECRET, &unsigned).ends_with(&given.to_lowercase()))
    });
    let Some((code, failed)) = judged(naive, SECRET.to_owned()).await else { return };
    assert_eq!(code, 1);
    for name in ["too-old", "two-shops", "two-customers", "spliced-out-of-a-page-parameter", "a-shop-elsewhere"] {
        assert!(failed.iter().any(|of| of == name), "{name} was not found out: {failed:?}");
    }
    for name in ["signed-in", "another-secret", "another-customer", "a-parameter-added", "joined-by-ampersands"] {
        assert!(!failed.iter().any(|of| of == name), "{name}: {failed:?}");
    }
}

#[actix_web::test]
async fn verifiers_that_take_everything_or_nothing_are_found_out() {
    let Some((code, failed)) = judged(verifier(|_| true), SECRET.to_owned()).await else { return };
    assert!(
        code == 1 && failed.iter().any(|name| name == "another-secret") && !failed.contains(&"signed-in".to_owned())
    );
    let Some((code, failed)) = judged(verifier(|_| false), SECRET.to_owned()).await else { return };
    assert!(code == 1 && failed.contains(&"signed-in".to_owned()) && !failed.contains(&"another-secret".to_owned()));
}
