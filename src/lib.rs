//! Subtotal Connect: an app-proxy backend that lets a Shopify merchant's shoppers link their retailer accounts.
//!
//! A request walks one way, and the modules below are its steps in order:
//!
//! [`http`] (route) → [`shopify`] (verify) → [`store`] (load) → [`visibility`] (decide) → [`linking`] / [`subtotal`]
//! (delegate) → [`http`] (answer). Nothing calls back.

pub mod commands;

pub mod app;
pub mod http;
pub mod shopify;
pub mod store;
pub mod visibility;

pub mod events;
pub mod install;
pub mod limits;
pub mod linking;
pub mod subtotal;

pub mod clock;
pub mod config;
pub mod settings;
pub mod telemetry;
pub mod upstream;
pub mod worker;

pub mod sandbox;
