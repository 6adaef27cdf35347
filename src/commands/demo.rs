//! `demo`: the whole world on this machine.

use std::process::ExitCode;

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Demo {}

impl Demo {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("the demo is being built")
    }
}
