//! One test crate, black box: HTTP against the running application, with fakes of Subtotal and Shopify over real HTTP
//! and a real database. With `TEST_DATABASE_URL=postgres://…` every test has a database of its own there; SQLite is
//! the default.

#![allow(clippy::unwrap_used, reason = "a test that can not go on fails")]

mod support;

mod admin_activity;
mod admin_isolation;
mod admin_settings;
mod admin_tokens;
mod audit;
mod doctor;
mod vectors;
