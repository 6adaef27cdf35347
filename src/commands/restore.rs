//! `restore`: puts a copy that `backup` made in the place of the SQLite database, after it was looked at.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use tempfile::NamedTempFile;

use super::print_json;
use crate::config::DatabaseConfig;
use crate::store::{CopyState, bring_up, examine_copy, folder_of, hold, is_taken, replace_database};

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The copy; it stays as it is
    file: PathBuf,
    /// Replace the database that is there; it is kept beside the new one
    #[arg(long)]
    force: bool,
    /// Restore though sealed values do not open, or an audit trail is not as it was written
    #[arg(long)]
    accept_damage: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = super::database_settings()?;
        let Some(target) = config.sqlite_file() else {
            bail!("restore is for SQLite; docs/runbook.md, \"Backup and restore\", has the commands for PostgreSQL");
        };
        let taken = is_taken(&target);
        if taken && !self.force {
            bail!("there is a database at {}; --force replaces it and keeps it beside", target.display());
        }
        let in_use = || format!("{}: stop every process that serves first", target.display());
        hold(&target).with_context(in_use)?;
        let copy = copied(&self.file, &target)?;
        let unusable = || format!("{} is not restored", self.file.display());
        let state = examine(&copy, &config).await.with_context(unusable)?;
        if let Some(trouble) = state.trouble().filter(|_| !self.accept_damage) {
            bail!("{}: {trouble}. With --accept-damage it is restored as it is.", unusable());
        }
        let aside = kept_as(&target);
        replace_database(copy, &target, &aside).await.with_context(in_use)?;
        self.report(&state, &target, taken.then_some(&aside))?;
        Ok(ExitCode::SUCCESS)
    }

    fn report(&self, state: &CopyState, target: &Path, aside: Option<&PathBuf>) -> anyhow::Result<()> {
        let rows: i64 = state.rows.values().sum();
        if self.json {
            let aside = aside.map(|aside| aside.display().to_string());
            return print_json(&json!({ "database": target.display().to_string(), "keptAs": aside, "contents": state,
                "trouble": state.trouble() }));
        }
        println!("{}: {rows} rows, {} sealed values, {} audit trails", target.display(), state.sealed, state.trails);
        if state.pending_migrations > 0 {
            println!("Its schema lacked {} migrations, which were applied.", state.pending_migrations);
        }
        if let Some(aside) = aside {
            println!("The database before is {}.", aside.display());
        }
        Ok(())
    }
}

/// Beside the target, so that it only takes a new name to be there.
fn copied(file: &Path, target: &Path) -> anyhow::Result<NamedTempFile> {
    let mut from = File::open(file).with_context(|| format!("{} can not be read", file.display()))?;
    let folder = folder_of(target);
    let copy = tempfile::Builder::new().prefix(".subtotal-connect-restore-").tempfile_in(folder);
    let mut copy = copy.with_context(|| format!("nothing can be written in {}", folder.display()))?;
    std::io::copy(&mut from, copy.as_file_mut()).context("the copy could not be written")?;
    Ok(copy)
}

async fn examine(copy: &NamedTempFile, config: &DatabaseConfig) -> anyhow::Result<CopyState> {
    Ok(match examine_copy(copy.path(), &config.keyring).await? {
        Some(state) => state,
        None => bring_up(copy.path(), &config.keyring).await?,
    })
}

fn kept_as(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".before-restore-{}", super::now()));
    name.into()
}
