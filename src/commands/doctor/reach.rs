//! What lies outside: Subtotal, Shopify, how far their clocks are from ours, and what stands in front of this service.
//!
//! The client is set up as the service sets up its own. Answers are looked at for their status and date only.

use std::error::Error;
use std::time::Instant;

use reqwest::{Client, RequestBuilder, Response, redirect};
use secrecy::ExposeSecret;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::{Finding, PATIENCE, is_broken};
use crate::config::{Config, Problem};
use crate::http::body_check;
use crate::shopify::{ClientSecrets, ShopDomain};

/// How far the clocks may be apart before somebody should look, and before session tokens are refused, in seconds.
const SLIGHTLY_OFF: u64 = 5;
const TOO_FAR_OFF: u64 = 10;
/// A body that a proxy which reads and writes JSON or text anew does not leave as it is.
const BODY: &str = "{\"b\" :  1.0,\t\"a\":\"é\\u00e9 <&>\\/\" , \"a\": [ ] }\r\n\n";

/// An answer from outside: its status, and how many seconds its clock is ahead of ours.
struct Answer {
    status: u16,
    ahead: Option<i64>,
    milliseconds: u128,
    body: String,
}

pub(super) async fn check(config: &Config, shop: Option<ShopDomain>, problems: &[Problem]) -> Vec<Finding> {
    let client = Client::builder()
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("subtotal-connect/", env!("CARGO_PKG_VERSION"), " doctor"))
        .build();
    let Ok(client) = client else {
        let message = "TLS can not be set up; Subtotal and Shopify are not checked";
        let advice = "install the system's CA certificates (package ca-certificates)";
        return vec![Finding::problem("certificates", message, advice)];
    };
    let ((subtotal, one), (shopify, other), body) = tokio::join!(
        subtotal(&client, config, problems),
        shopify(&client, config, shop, problems),
        body(&client, config, problems)
    );
    let mut findings = vec![Finding::ok("certificates", "the system's CA certificates can be read"), subtotal];
    findings.extend(shopify);
    findings.push(clock(&[("Subtotal", one), ("Shopify", other)]));
    findings.push(body);
    findings
}

/// Asked without a key: any answer but a failure shows that the API is there.
async fn subtotal(client: &Client, config: &Config, problems: &[Problem]) -> (Finding, Option<i64>) {
    if is_broken(problems, "SUBTOTAL_API_URL") {
        return (not_checked("subtotal", "SUBTOTAL_API_URL"), None);
    }
    let url = format!("{}/retailers", config.subtotal.base_url.as_str().trim_end_matches('/'));
    let asked = ask(client.get(url)).await;
    let ahead = asked.as_ref().ok().and_then(|answer| answer.ahead);
    (reached("subtotal", "Subtotal", "SUBTOTAL_API_URL", asked), ahead)
}

/// Asked to exchange a session token that is none: Shopify says whether it knows the app before it looks at the token.
async fn shopify(
    client: &Client,
    config: &Config,
    shop: Option<ShopDomain>,
    problems: &[Problem],
) -> (Vec<Finding>, Option<i64>) {
    if is_broken(problems, "SHOPIFY_ADMIN_URL") {
        return (vec![not_checked("shopify", "SHOPIFY_ADMIN_URL")], None);
    }
    let host = shop.as_ref().map_or("shopify.myshopify.com", |shop| shop.as_str());
    let base = config.shopify.admin_api.url_template.replace("{shop}", host);
    let url = format!("{}/admin/oauth/access_token", base.trim_end_matches('/'));
    let known = !is_broken(problems, "SHOPIFY_API_KEY") && !is_broken(problems, "SHOPIFY_API_SECRET");
    let secret = config.shopify.client_secrets.first().filter(|_| known && shop.is_some());
    let asked = match secret {
        None => ask(client.get(url)).await,
        Some(secret) => {
            let form = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("client_id", &config.shopify.client_id)
                .append_pair("client_secret", secret.expose_secret())
                .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
                .append_pair("subject_token", "doctor")
                .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")
                .append_pair("requested_token_type", "urn:shopify:params:oauth:token-type:offline-access-token")
                .append_pair("expiring", "1")
                .finish();
            let request = client.post(url).header("Content-Type", "application/x-www-form-urlencoded");
            ask(request.header("Accept", "application/json").body(form)).await
        }
    };
    let ahead = asked.as_ref().ok().and_then(|answer| answer.ahead);
    let credentials = asked.as_ref().ok().map(|answer| credentials(answer, secret.is_some()));
    let mut findings = vec![reached("shopify", "Shopify", "SHOPIFY_ADMIN_URL", asked)];
    findings.extend(credentials);
    (findings, ahead)
}

fn credentials(answer: &Answer, asked: bool) -> Finding {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refused {
        error: String,
    }
    let refused: Refused = serde_json::from_str(&answer.body).unwrap_or_default();
    match (asked, answer.status, refused.error.as_str()) {
        (false, ..) => Finding::warning(
            "credentials",
            "not checked: no shop is installed, or the client id or secret is missing",
            "install the app in a shop, then run doctor again",
        ),
        (true, 400, "invalid_subject_token") => {
            Finding::ok("credentials", "Shopify knows the client id and its secret")
        }
        (true, 400 | 401 | 403, _) => Finding::problem(
            "credentials",
            "Shopify does not accept SHOPIFY_API_KEY with the first secret of SHOPIFY_API_SECRET",
            "copy client id and secret again from the app's settings in the Dev Dashboard, newest secret first",
        ),
        (true, status, _) => Finding::warning(
            "credentials",
            format!("not checked: Shopify answered {status}"),
            "run doctor again in a moment",
        ),
    }
}

/// Sends a body through the public URL to this service, which tells what arrived.
async fn body(client: &Client, config: &Config, problems: &[Problem]) -> Finding {
    const CHECK: &str = "public URL";
    if let Some(variable) = ["SHOPIFY_API_SECRET", "SHOPIFY_APP_URL"].into_iter().find(|name| is_broken(problems, name))
    {
        return not_checked(CHECK, variable);
    }
    let secrets = ClientSecrets::new(&config.shopify.client_secrets);
    let time = super::super::now() / 1000;
    let url = format!("{}{}", config.shopify.app_url.as_str().trim_end_matches('/'), body_check::PATH);
    let request = client
        .post(url)
        .header("Content-Type", "application/json")
        .header(body_check::TIME_HEADER, time.to_string())
        .header(body_check::SIGNATURE_HEADER, body_check::sign(&secrets, time))
        .body(BODY);
    let unknown = "start serve behind SHOPIFY_APP_URL with the same settings, then run doctor again";
    let answer = match ask(request).await {
        Ok(answer) => answer,
        Err(reason) => {
            let message =
                format!("whether a proxy alters bodies is not checked: SHOPIFY_APP_URL can not be reached: {reason}");
            return Finding::warning(CHECK, message, unknown);
        }
    };
    let arrived: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match (answer.status, arrived["sha256"].as_str()) {
        (200, Some(digest)) if digest == hex::encode(Sha256::digest(BODY)) => {
            Finding::ok(CHECK, "bodies arrive through SHOPIFY_APP_URL as they were sent")
        }
        (200, Some(_)) => Finding::problem(
            CHECK,
            "something in front of this service alters request bodies, so webhooks can not be verified",
            "let the proxy, firewall or CDN pass bodies through as they are",
        ),
        (status, _) => {
            let message = format!("whether a proxy alters bodies is not checked: SHOPIFY_APP_URL answered {status}");
            Finding::warning(CHECK, message, format!("is it this service, with the same client secret? {unknown}"))
        }
    }
}

fn clock(ahead: &[(&str, Option<i64>)]) -> Finding {
    let known = ahead.iter().filter_map(|(whom, ahead)| Some((*whom, (*ahead)?)));
    let Some((whom, ahead)) = known.max_by_key(|(_, ahead)| ahead.unsigned_abs()) else {
        return Finding::warning(
            "clock",
            "not checked: nobody told the time",
            "see that Subtotal and Shopify can be reached",
        );
    };
    let (off, side) = (ahead.unsigned_abs(), if ahead > 0 { "behind" } else { "ahead of" });
    let message = match off {
        0 => format!("this machine's clock agrees with that of {whom}"),
        off => format!("this machine's clock is {off} s {side} that of {whom}"),
    };
    let advice = "synchronise the clock (chrony, systemd-timesyncd): session tokens are refused from 10 s on, storefront \
                  requests from 90 s on";
    if off <= SLIGHTLY_OFF {
        Finding::ok("clock", message)
    } else if off <= TOO_FAR_OFF {
        Finding::warning("clock", message, advice)
    } else {
        Finding::problem("clock", message, advice)
    }
}

fn reached(check: &'static str, whom: &str, variable: &str, asked: Result<Answer, String>) -> Finding {
    match asked {
        Ok(Answer { status, milliseconds, .. }) if status < 500 => {
            Finding::ok(check, format!("{whom} answers, in {milliseconds} ms"))
        }
        Ok(Answer { status, .. }) => {
            Finding::warning(check, format!("{whom} answers {status}"), "try again later; see their status page")
        }
        Err(reason) => {
            let advice = format!("check {variable}, name resolution and outgoing connections to port 443");
            Finding::problem(check, format!("{whom} can not be reached: {reason}"), advice)
        }
    }
}

fn not_checked(check: &'static str, variable: &str) -> Finding {
    Finding::warning(check, format!("not checked: {variable} is missing or wrong"), format!("set {variable}"))
}

async fn ask(request: RequestBuilder) -> Result<Answer, String> {
    let started = Instant::now();
    let sent = super::super::now();
    let response = request.send().await.map_err(|error| reason(&error))?;
    let between = (sent + super::super::now()) / 2000;
    let milliseconds = started.elapsed().as_millis();
    let ahead = date(&response).map(|date| date - between);
    let status = response.status().as_u16();
    Ok(Answer { status, ahead, milliseconds, body: beginning(response).await })
}

fn date(response: &Response) -> Option<i64> {
    let text = response.headers().get("date")?.to_str().ok()?.replace("GMT", "+0000");
    Some(OffsetDateTime::parse(&text, &Rfc2822).ok()?.unix_timestamp())
}

/// No more of a body than what is asked for here can be.
async fn beginning(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > 64 * 1024 {
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// The innermost cause, which names no URL.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {PATIENCE:?}");
    }
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if cause.is::<reqwest::Error>() { "the connection failed".to_owned() } else { cause.to_string() }
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
