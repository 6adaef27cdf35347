//! `export`: everything that is stored about a shop, as JSON.

use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use crate::shopify::ShopDomain;
use crate::store::{Store, folder_of, sync_folder};

#[derive(Debug, Args)]
pub(super) struct Export {
    /// {name}.myshopify.com
    domain: ShopDomain,
    /// Write to this file, which must not be there yet, instead of standard output
    #[arg(long)]
    file: Option<PathBuf>,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = super::open_store().await?;
        let Some(file) = &self.file else {
            self.write(&store, &mut BufWriter::new(stdout().lock())).await?;
            return Ok(ExitCode::SUCCESS);
        };
        if file.exists() {
            bail!("{} is there already", file.display());
        }
        // Readable by its owner alone, and under its name once it is whole.
        let part = tempfile::Builder::new().prefix(".export-").tempfile_in(folder_of(file));
        let part = part.with_context(|| format!("nothing can be written in {}", folder_of(file).display()))?;
        let rows = self.write(&store, &mut BufWriter::new(part.as_file())).await?;
        part.as_file().sync_all()?;
        part.persist_noclobber(file).map_err(|error| error.error)?;
        sync_folder(file)?;
        println!("{rows} rows of {} are in {}.", self.domain, file.display());
        Ok(ExitCode::SUCCESS)
    }

    async fn write(&self, store: &Store, out: &mut impl Write) -> anyhow::Result<u64> {
        let rows = store.export_shop(&self.domain, super::now(), out).await?;
        if rows == 0 {
            bail!("nothing is stored about {}", self.domain);
        }
        Ok(rows)
    }
}
