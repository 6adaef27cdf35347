//! `migrate`: brings the database to the current schema.

use std::process::ExitCode;

pub(super) async fn run() -> anyhow::Result<ExitCode> {
    let schema = super::open_store().await?.schema().await?;
    match schema.unknown.last() {
        None => println!("The database is at the current schema."),
        Some(last) => println!("The database is at the schema of a newer version ({last}), which this one works with."),
    }
    Ok(ExitCode::SUCCESS)
}
