//! Cells of CSV files (RFC 4180) that spreadsheets open without running anything: a cell that would be a formula gets
//! an apostrophe in front ("CSV Injection", <https://owasp.org/www-community/attacks/CSV_Injection>).

/// What a spreadsheet takes for the start of a formula: some in their full-width forms too, and some behind a character
/// that they drop.
const STARTS_FORMULA: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];

/// The text as a cell.
pub(super) fn cell(text: &str) -> String {
    let guard = if looks_like_formula(text) { "'" } else { "" };
    if text.contains(['"', ',', ';', '\n', '\r', '\t']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

/// One record of such cells, with its line end.
pub(super) fn record(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("{}\r\n", cells.join(","))
}

/// The text that [`cell`] put the apostrophe in front of; other text stays as it is.
pub(super) fn without_guard(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if looks_like_formula(rest) => rest,
        _ => text,
    }
}

/// Whether it starts like a formula, behind any apostrophes: so that one more can be told from the text's own.
fn looks_like_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(STARTS_FORMULA)
}

/// The cells of one line, or what is wrong with it. Commas, semicolons and tabs separate, as spreadsheets differ.
pub(super) fn cells(line: &str) -> Result<Vec<String>, &'static str> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, after) = match rest.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted)?,
            None => {
                let end = rest.find([',', ';', '\t']).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        cells.push(cell);
        match after.chars().next() {
            None => return Ok(cells),
            Some(_) => rest = &after[1..],
        }
    }
}

/// What stands before the closing quote, and what follows it from its separator on.
fn quoted_cell(text: &str) -> Result<(String, &str), &'static str> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"').ok_or("has a quote that is not closed on the same line")?;
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => break,
        }
    }
    let after = rest.trim_start_matches(' ');
    if after.is_empty() || after.starts_with([',', ';', '\t']) {
        Ok((cell, after))
    } else {
        Err("has text behind a closing quote")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_that_looks_like_a_formula_is_guarded() {
        for (text, written) in [
            ("a@example.com", "a@example.com"),
            ("=1+1@example.com", "'=1+1@example.com"),
            ("+a@example.com", "'+a@example.com"),
            ("-a@example.com", "'-a@example.com"),
            ("@example.com", "'@example.com"),
            ("\tx", "\"'\tx\""),
            ("\rx", "\"'\rx\""),
            ("'=x", "''=x"),
            ("\0x", "'\0x"),
            ("\nx", "\"'\nx\""),
            ("＝1+1", "'＝1+1"),
            ("＋x", "'＋x"),
            ("－x", "'－x"),
            ("＠x", "'＠x"),
            ("o'neil@example.com", "o'neil@example.com"),
            ("=\"a,b\"@x.com", "\"'=\"\"a,b\"\"@x.com\""),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }

    #[test]
    fn separators_and_quotes_are_read_as_spreadsheets_write_them() {
        for (line, read) in [
            ("a@x.com", vec!["a@x.com"]),
            ("\"a@x.com\"", vec!["a@x.com"]),
            ("\"a,b\"\"c\" , d", vec!["a,b\"c", " d"]),
            ("a;b\tc,", vec!["a", "b", "c", ""]),
        ] {
            assert_eq!(cells(line).unwrap(), read, "{line:?}");
        }
        assert!(cells("\"a").is_err() && cells("\"a\"b").is_err());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(text in "[a-z=+@'\" ,;\t\0＝＋－＠-]{0,12}") {
            prop_assume!(text == text.trim_matches(' '));
            let read = cells(&cell(&text)).unwrap();
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(without_guard(&read[0]), text);
        }

        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,40}") {
            let _ = cells(&line);
        }
    }
}
