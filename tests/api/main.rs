//! One test crate, black box: HTTP against the running application, with fakes of Subtotal and Shopify over real HTTP
//! and a real database. With `TEST_DATABASE_URL=postgres://…` every test has a database of its own there; SQLite is
//! the default.

#![allow(clippy::unwrap_used, reason = "a test that can not go on fails")]

mod support;

mod admin_activity;
mod admin_data_requests;
mod admin_events;
mod admin_isolation;
mod admin_pages;
mod admin_preview;
mod admin_rules;
mod admin_settings;
mod admin_tokens;
mod attempts;
mod audit;
mod bodies;
mod commands;
mod compliance;
mod customer_account;
mod deliveries;
mod demo;
mod doctor;
mod drill;
mod endpoints;
mod faults;
mod flow;
mod happenings;
mod identity;
mod inbox;
mod klaviyo;
mod known_connections;
mod leaks;
mod lifecycle;
mod link;
mod nothing_lost;
mod one_creation;
mod one_shops_trouble;
mod openapi;
mod pause;
mod redirects;
mod retailers_cache;
mod retention;
mod rotate_keys;
mod rules;
mod settings;
mod shutdown;
mod sightings;
mod subtotal_webhooks;
mod test_events;
mod token_refresh;
mod upstream_calls;
mod vectors;
mod webhooks;
