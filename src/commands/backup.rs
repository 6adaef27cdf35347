//! `backup`: a copy of a SQLite database, made while the service writes, and looked at before it gets its name.

use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::time::interval;

use super::print_json;
use crate::config::DatabaseConfig;
use crate::store::{CopyState, Store, bring_up, examine_copy, folder_of, sync_folder, with_companions};

/// How often progress is shown.
const EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Where the copy goes
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = super::database_settings()?;
        let Some(source) = config.sqlite_file() else {
            bail!("backup is for SQLite; docs/runbook.md, \"Backup and restore\", has the commands for PostgreSQL");
        };
        if !source.exists() {
            bail!("there is no database at {}", source.display());
        }
        let same = |file: &Path| file.canonicalize().ok().filter(|_| file.exists());
        if with_companions(&source).iter().any(|used| same(used).is_some() && same(used) == same(&self.file)) {
            bail!("{} is the database itself", self.file.display());
        }
        if self.file.exists() && !self.force {
            bail!("{} is there already; --force replaces it", self.file.display());
        }
        let name = self.file.file_name().context("the file needs a name")?.to_string_lossy();
        let folder = folder_of(&self.file);
        let part = tempfile::Builder::new().prefix(&format!(".{name}.partial-")).tempfile_in(folder);
        let part = part.with_context(|| format!("nothing can be written in {}", folder.display()))?;
        let state = write(&config, &part).await?;
        let bytes = part.as_file().metadata()?.len();
        let named = if self.force { part.persist(&self.file) } else { part.persist_noclobber(&self.file) };
        named.map_err(|error| error.error).with_context(|| format!("{} can not be written", self.file.display()))?;
        sync_folder(&self.file)?;
        self.report(&state, bytes, config.keyring.is_empty())
    }

    fn report(&self, state: &CopyState, bytes: u64, unsealed: bool) -> anyhow::Result<ExitCode> {
        let trouble = state.trouble();
        if self.json {
            let file = self.file.display().to_string();
            let told = json!({ "file": file, "bytes": bytes, "contents": state, "sealsChecked": !unsealed,
                "trouble": trouble });
            print_json(&told)?;
        } else {
            let rows: i64 = state.rows.values().sum();
            println!("{}: {bytes} bytes, {rows} rows, {} audit trails", self.file.display(), state.trails);
            if state.pending_migrations > 0 {
                println!("Its schema lacks {} migrations; they were tried on a copy.", state.pending_migrations);
            }
            match unsealed {
                true => println!("ENCRYPTION_KEYS is not set: whether the keys open what is sealed was not checked."),
                false => {
                    println!("Keep ENCRYPTION_KEYS too, apart from it: {} values open with them alone.", state.sealed)
                }
            }
        }
        if let Some(trouble) = trouble {
            eprintln!("error: the copy is as the database is, but {trouble}");
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Copies the database into `part` and looks at it.
async fn write(config: &DatabaseConfig, part: &NamedTempFile) -> anyhow::Result<CopyState> {
    let store = Store::open(&config.url, config.keyring.clone()).await.context("the database can not be opened")?;
    copy(&store, part.path()).await.context("the copy could not be written")?;
    store.close().await?;
    part.as_file().sync_all()?;
    let damaged = "the copy is of no use";
    let mut state = match examine_copy(part.path(), &config.keyring).await.context(damaged)? {
        Some(state) => state,
        None => upgraded(part.path(), config).await.context("the copy could not be brought to the current schema")?,
    };
    if config.keyring.is_empty() {
        state.unopened.clear();
    }
    Ok(state)
}

/// What the copy will be like after its migrations, seen on a copy of the copy.
async fn upgraded(file: &Path, config: &DatabaseConfig) -> anyhow::Result<CopyState> {
    let scratch = tempfile::Builder::new().prefix(".scratch-").tempdir_in(folder_of(file))?;
    let copy = scratch.path().join("upgraded.db");
    std::fs::copy(file, &copy)?;
    Ok(bring_up(&copy, &config.keyring).await?)
}

/// On a terminal with how far it is, in one line that is written over.
async fn copy(store: &Store, part: &Path) -> anyhow::Result<()> {
    if !stderr().is_terminal() {
        return Ok(store.copy_into(part).await?);
    }
    let whole = store.copy_bytes().await?.max(1);
    let mut copying = std::pin::pin!(store.copy_into(part));
    let mut shown = interval(EVERY);
    loop {
        tokio::select! {
            copied = &mut copying => {
                eprintln!();
                return Ok(copied?);
            }
            _ = shown.tick() => {
                let bytes = std::fs::metadata(part).map_or(0, |file| file.len());
                // Whether it is seen is of no consequence.
                let _ = write!(stderr(), "\r{} % copied", (bytes * 100 / whole).min(100)).and_then(|()| stderr().flush());
            }
        }
    }
}
