//! Parses the command line and runs one command.

use std::process::ExitCode;

use clap::Parser;
use subtotal_connect::commands::{Cli, run};

#[actix_web::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // The one TLS provider of the process: ring, so that no C toolchain beyond a compiler is needed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    run(cli).await
}
