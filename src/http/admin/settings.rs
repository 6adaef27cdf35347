//! The shop's choices, as one document with a version: what is sent replaces what was loaded, or nothing at all.

use actix_web::{HttpRequest, web};
use serde::Serialize;

use super::{Staff, staff};
use crate::app::AppState;
use crate::http::body::Fields;
use crate::http::error::AppError;
use crate::linking::redirect::parse_host;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{Accounts, LinkStyle, Shop, ShopChanges};
use crate::visibility::NoEmail;

/// Most hosts a merchant may allow.
const MAX_HOSTS: usize = 100;
/// Characters of a wrong host that its message repeats.
const SHOWN_CHARACTERS: usize = 80;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    enforce_visibility: bool,
    no_email: NoEmail,
    link_style: LinkStyle,
    accounts: Accounts,
    redirect_hosts: Vec<String>,
    version: i64,
}

pub(super) async fn get(session: VerifiedSession, state: web::Data<AppState>) -> Result<web::Json<Settings>, AppError> {
    let staff = staff(&state, &session).await?;
    Ok(web::Json(Settings::of(current(&state, &staff).await?)))
}

/// A field that is not sent stays as it is; the version must be sent.
pub(super) async fn put(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<web::Json<Settings>, AppError> {
    let staff = staff(&state, &session).await?;
    let changes = read_changes(Fields::read(&request, payload).await?)?;
    let now = state.clock.unix_ms();
    state.store.save_shop(&staff.shop.domain, changes, staff.actor.clone(), now).await?;
    state.forget_shop(&staff.shop.domain).await;
    Ok(web::Json(Settings::of(current(&state, &staff).await?)))
}

/// The shop as it is stored now, not as it is remembered.
pub(super) async fn current(state: &AppState, staff: &Staff) -> Result<Shop, AppError> {
    state.store.load_shop(&staff.shop.domain).await?.ok_or(AppError::ShopNotConfigured)
}

impl Settings {
    fn of(shop: Shop) -> Self {
        Self {
            enforce_visibility: shop.enforce_visibility,
            no_email: shop.no_email,
            link_style: shop.link_style,
            accounts: shop.accounts,
            redirect_hosts: shop.redirect_hosts,
            version: shop.version,
        }
    }
}

pub(super) fn read_changes(mut fields: Fields) -> Result<ShopChanges, AppError> {
    let changes = ShopChanges {
        enforce_visibility: fields.value("enforceVisibility", "true or false"),
        no_email: fields.value("noEmail", "hide or show"),
        link_style: fields.value("linkStyle", "connection or token"),
        accounts: fields.value("accounts", "new or classic"),
        redirect_hosts: fields
            .value("redirectHosts", "a list of host names")
            .map(|hosts| read_hosts(&mut fields, hosts)),
        expected_version: fields.value("version", "the number that was loaded"),
        ..ShopChanges::default()
    };
    if changes.expected_version.is_none() {
        fields.error("version", "is required: the number that was loaded");
    }
    fields.finish()?;
    Ok(changes)
}

/// The hosts in the spelling they are compared in; every wrong one is noted.
fn read_hosts(fields: &mut Fields, hosts: Vec<String>) -> Vec<String> {
    if hosts.len() > MAX_HOSTS {
        fields.error("redirectHosts", &format!("must have at most {MAX_HOSTS} hosts"));
        return Vec::new();
    }
    let mut read = Vec::new();
    for host in hosts {
        match parse_host(host.trim()) {
            Some(host) => read.push(host),
            None => {
                let shown: String = host.chars().take(SHOWN_CHARACTERS).collect();
                let shape = "expected a host name such as shop.example.com, without scheme, port, path or wildcard";
                fields.another_error("redirectHosts", format!("“{shown}”: {shape}"));
            }
        }
    }
    read
}
