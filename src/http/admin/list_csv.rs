//! Visibility lists as CSV: an entry a line, with or without the heading `entry`.

use std::fmt::Write;

use crate::http::csv;
use crate::http::error::AppError;
use crate::http::problem::LineError;
use crate::visibility::Entry;

/// The optional heading, which may also be read.
pub(super) const HEADING: &str = "entry";
/// Wrong lines that are named one by one.
const MAX_NAMED: usize = 1000;
/// Longest part of a wrong line that is repeated, in characters.
const MAX_SHOWN: usize = 120;

/// Wrong lines, as many as are named.
#[derive(Default)]
pub(super) struct WrongLines {
    named: Vec<LineError>,
    more: usize,
}

impl WrongLines {
    /// Notes a line that is wrong; lines count from 1.
    pub(super) fn note(&mut self, line: usize, text: &str, message: &str) {
        if self.named.len() < MAX_NAMED {
            let entry = text.chars().take(MAX_SHOWN).collect();
            self.named.push(LineError { line, entry, message: message.to_owned() });
        } else {
            self.more += 1;
            if let (Some(last), more) = (self.named.last_mut(), self.more) {
                last.message = format!("{message}, and so are {more} more lines");
            }
        }
    }

    /// Whether there were none.
    ///
    /// # Errors
    /// 400 with each of them.
    pub(super) fn finish(self) -> Result<(), AppError> {
        if self.named.is_empty() { Ok(()) } else { Err(AppError::InvalidLines(self.named)) }
    }
}

/// Every line's entry. Empty lines are passed over.
///
/// # Errors
/// 400 with every line that is wrong.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, AppError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut entries = Vec::new();
    let mut wrong = WrongLines::default();
    let mut first = true;
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match entry_text(line) {
            Ok(cell) if std::mem::take(&mut first) && cell.trim().eq_ignore_ascii_case(HEADING) => {}
            Ok(cell) => match Entry::parse(csv::without_guard(&cell)) {
                Ok(entry) => entries.push(entry),
                Err(error) => wrong.note(number, line, &error.to_string()),
            },
            Err(message) => wrong.note(number, line, message),
        }
    }
    wrong.finish()?;
    Ok(entries)
}

/// Entries as lines. A domain is written without its `@`, which a spreadsheet would take for a formula.
pub(super) fn lines(entries: &[String]) -> String {
    let mut text = String::new();
    for entry in entries {
        let entry = entry.strip_prefix('@').unwrap_or(entry);
        let _ = write!(text, "{}\r\n", csv::cell(entry));
    }
    text
}

/// The one cell of a line that is not empty.
fn entry_text(line: &str) -> Result<String, &'static str> {
    let mut cells = csv::cells(line)?.into_iter();
    let first = cells.next().unwrap_or_default();
    if cells.any(|cell| !cell.trim().is_empty()) {
        return Err("holds more than one value; put each on a line of its own");
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(text: &str) -> Vec<String> {
        read(text).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_of_every_spreadsheet_are_read() {
        let expected = ["a@x.com", "@y.com"];
        for text in [
            "a@x.com\ny.com",
            "\u{feff}entry\r\na@x.com\r\n\r\ny.com\r\n",
            "\"Entry\",\n\"a@x.com\",\n\"@y.com\",\n",
            "A@X.COM;\n'@y.com;;\n",
        ] {
            assert_eq!(read_words(text), expected, "{text:?}");
        }
        assert!(read_words("").is_empty());
    }

    #[test]
    fn the_heading_is_a_heading_only_on_the_first_line() {
        let Err(AppError::InvalidLines(lines)) = read("a@x.com\nentry\nb@x.com,c@x.com\n\"d") else { panic!() };
        assert_eq!(lines.iter().map(|line| line.line).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn a_file_of_nothing_but_wrong_lines_has_a_short_answer() {
        let Err(AppError::InvalidLines(lines)) = read(&"nonsense\n".repeat(5000)) else { panic!() };
        assert_eq!(lines.len(), MAX_NAMED);
        assert!(lines[MAX_NAMED - 1].message.ends_with("and so are 4000 more lines"));
    }

    #[test]
    fn what_is_downloaded_can_be_uploaded() {
        let entries = ["@example.com", "+tag@x.com", "=cmd|'/c'!a@x.com", "'=x@x.com", "\"a,b\"@x.com", "-@x.com"];
        let stored: Vec<String> = entries.iter().map(|entry| Entry::parse(entry).unwrap().to_string()).collect();
        let text = lines(&stored);
        for line in text.lines() {
            assert!(!line.trim_start_matches('"').starts_with(['=', '+', '-', '@']), "{line}");
        }
        assert_eq!(read_words(&text), stored);
    }
}
