//! What every test stands on.

pub(crate) mod app;
pub(crate) mod captured_log;
pub(crate) mod command;
pub(crate) mod database;
pub(crate) mod door;
pub(crate) mod event;
pub(crate) mod fake_admin;
pub(crate) mod fake_klaviyo;
pub(crate) mod fake_subtotal;
pub(crate) mod fake_tokens;
pub(crate) mod full_shop;
pub(crate) mod happenings;
pub(crate) mod linking;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod schema;
pub(crate) mod session;
pub(crate) mod signer;
pub(crate) mod staff;
pub(crate) mod wait;
pub(crate) mod webhook;
