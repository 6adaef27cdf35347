//! What every test stands on.

pub(crate) mod app;
pub(crate) mod captured_log;
pub(crate) mod command;
pub(crate) mod database;
pub(crate) mod fake_admin;
pub(crate) mod fake_subtotal;
pub(crate) mod session;
pub(crate) mod signer;
pub(crate) mod staff;
