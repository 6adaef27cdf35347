//! The command line: one binary, one file a command.

mod audit;
mod backup;
mod demo;
mod doctor;
mod erase;
mod explain_proxy;
mod export;
mod healthcheck;
mod migrate;
mod restore;
mod rotate_keys;
mod rules;
mod scenario;
mod serve;
mod shop;
mod sign;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::config::{DatabaseConfig, Settings, environment};
use crate::store::Store;

/// Account linking for Shopify stores through Subtotal.
#[derive(Debug, Parser)]
#[command(name = "subtotal-connect", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole world on this machine, without any account: this service, Subtotal and a storefront
    Demo(demo::Demo),
    /// Run the service
    Serve,
    /// Bring the database to the current schema
    Migrate,
    /// Install, change, show or remove shops
    #[command(subcommand)]
    Shop(shop::Shop),
    /// Set, show or explain a shop's visibility rules
    #[command(subcommand)]
    Rules(rules::Rules),
    /// Seal everything that is stored under the newest encryption key, while the service runs
    RotateKeys(rotate_keys::RotateKeys),
    /// Check the audit trail
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Copy a SQLite database into a file, while the service runs
    Backup(backup::Backup),
    /// Put a copy in the place of the SQLite database
    Restore(restore::Restore),
    /// Print everything that is stored about a shop, as JSON
    Export(export::Export),
    /// Delete everything that is stored about a shop
    Erase(erase::Erase),
    /// Ask the service on this machine whether it is ready; for containers without a shell
    Healthcheck(healthcheck::Healthcheck),
    /// Check settings, database, clock, Subtotal, Shopify and what stands in between, and say what to mend
    Doctor(doctor::Doctor),
    /// Print the OpenAPI 3.1 document of what others call
    Openapi,
    /// Play a named scenario of Subtotal's events in a running demo, or send its events to another service
    Scenario(scenario::Play),
    /// Add a valid app-proxy signature to a URL, for trying things out with curl
    Sign(sign::Sign),
    /// Say which check a signed URL fails
    ExplainProxy(explain_proxy::ExplainProxy),
}

/// Runs one command. Exit code 0: done; 1: failed, with the reason on standard error; 2: wrong usage.
pub async fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve => serve::run().await,
        Command::Migrate => migrate::run().await,
        Command::Shop(shop) => shop.run().await,
        Command::Rules(rules) => rules.run().await,
        Command::RotateKeys(rotate) => rotate.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::Export(export) => export.run().await,
        Command::Erase(erase) => erase.run().await,
        Command::Healthcheck(healthcheck) => healthcheck.run(),
        Command::Doctor(doctor) => doctor.run().await,
        Command::Openapi => print_json(&crate::http::openapi::document()).map(|()| ExitCode::SUCCESS),
        Command::Scenario(play) => play.run().await,
        Command::Sign(sign) => sign.run(),
        Command::ExplainProxy(explain) => explain.run(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Which database the settings name.
fn database_settings() -> anyhow::Result<DatabaseConfig> {
    let lookup = environment()?;
    let mut settings = Settings::new(&lookup);
    let database = settings.database(false);
    settings.finish()?;
    Ok(database)
}

/// The database the settings name, at its current schema, for a command that is not `serve`.
async fn open_store() -> anyhow::Result<Store> {
    let DatabaseConfig { url, keyring, .. } = database_settings()?;
    let store = Store::open(&url, keyring).await?;
    store.migrate().await?;
    Ok(store)
}

/// Prints for programs.
fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Now, as Unix milliseconds.
fn now() -> i64 {
    crate::clock::Clock::system().unix_ms()
}
