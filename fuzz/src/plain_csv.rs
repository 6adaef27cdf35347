//! CSV as RFC 4180 has it, read letter by letter.

/// The records of a file. `None` when a quote is not closed, or stands where none may.
#[must_use]
pub fn records(text: &str) -> Option<Vec<Vec<String>>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut letters = text.chars().peekable();
    while letters.peek().is_some() {
        let mut cell = String::new();
        if letters.next_if_eq(&'"').is_some() {
            loop {
                match letters.next()? {
                    '"' if letters.next_if_eq(&'"').is_some() => cell.push('"'),
                    '"' => break,
                    letter => cell.push(letter),
                }
            }
        } else {
            while let Some(letter) = letters.next_if(|letter| !matches!(letter, ',' | '\r' | '\n' | '"')) {
                cell.push(letter);
            }
        }
        record.push(cell);
        match letters.next() {
            // A comma at the end has an empty cell behind it.
            Some(',') if letters.peek().is_none() => record.push(String::new()),
            Some(',') | None => {}
            Some('\r') if letters.next_if_eq(&'\n').is_some() => records.push(std::mem::take(&mut record)),
            Some(_) => return None,
        }
    }
    if !record.is_empty() {
        records.push(record);
    }
    Some(records)
}

/// Whether a spreadsheet would calculate what is in a cell.
#[must_use]
pub fn is_formula(cell: &str) -> bool {
    // "CSV Injection" of OWASP, with the full-width forms it names.
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'])
}
