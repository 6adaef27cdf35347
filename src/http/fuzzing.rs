//! What fuzz targets reach of the edge: bodies of the storefront's endpoints, and CSV. There only under `--cfg fuzzing`.

use super::body::Fields;
use super::csv;
use super::error::AppError;
use super::storefront::{connections, disconnect_connection};

/// The body of `POST …/connections`: the retailer's id, the redirect URL as it was sent, and a connection's id.
///
/// # Errors
/// 400 with every field that is wrong.
pub fn connections(body: Vec<u8>) -> Result<(String, String, Option<String>), AppError> {
    let asked = connections::read(Fields::parse(body)?)?;
    Ok((asked.retailer_id, asked.redirect_url, asked.connection_id))
}

/// The body of `POST …/disconnect-connection`: the connection's id.
///
/// # Errors
/// 400 with every field that is wrong.
pub fn disconnect(body: Vec<u8>) -> Result<String, AppError> {
    disconnect_connection::read(Fields::parse(body)?)
}

/// A record of CSV, with its line end.
#[must_use]
pub fn csv_record(cells: &[&str]) -> String {
    csv::record(cells)
}

/// The cells of one line.
///
/// # Errors
/// What is wrong with it.
pub fn csv_cells(line: &str) -> Result<Vec<String>, &'static str> {
    csv::cells(line)
}

/// A cell's text without the apostrophe that keeps a spreadsheet from calculating it.
#[must_use]
pub fn csv_without_guard(cell: &str) -> &str {
    csv::without_guard(cell)
}
