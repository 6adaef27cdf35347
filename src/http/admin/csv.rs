//! CSV for people's spreadsheets (RFC 4180). A cell that a spreadsheet would take for a formula is made text
//! (<https://owasp.org/www-community/attacks/CSV_Injection>).

/// One record with its line end.
pub(super) fn record(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

fn quoted(cell: &str) -> String {
    let mark = if cell.trim_start_matches(' ').starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    format!("\"{mark}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_made_text() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"] {
            assert_eq!(record(&[cell]), format!("\"'{cell}\"\r\n"));
        }
        assert_eq!(record(&["a=1", "", "say \"no\", twice"]), "\"a=1\",\"\",\"say \"\"no\"\", twice\"\r\n");
    }
}
