//! Entries of visibility lists, uploaded lists, and CSV: the shown form of an entry is read as the same entry, what is
//! downloaded can be uploaded, a plain reader finds the cells that were written, and no cell begins as a formula.
//!
//! Input: four choices, of which the first is what is tried, and text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subtotal_connect::http::AppError;
use subtotal_connect::http::admin::fuzzing as admin;
use subtotal_connect::http::fuzzing::{csv_cells, csv_record, csv_without_guard};
use subtotal_connect::visibility::{Entry, ShopperEmail};
use subtotal_connect_fuzz::input::Input;
use subtotal_connect_fuzz::plain_csv::{is_formula, records};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    match input.choice(0, 4) {
        0 => input.text.lines().for_each(entry),
        1 => upload(input.text),
        2 => cells(&input.text.split('|').collect::<Vec<_>>()),
        _ => {
            let (query, text) = Input::line_and_rest(input.text);
            upload_with(query, text);
        }
    }
});

fn entry(text: &str) {
    let Ok(entry) = Entry::parse(text) else { return };
    let shown = entry.as_str();
    assert_eq!(Entry::parse(shown).as_ref(), Ok(&entry), "{text:?} is shown as {shown:?}");
    assert_eq!(Entry::parse(&format!(" {shown}\r")).as_ref(), Ok(&entry), "{shown:?}");
    assert_eq!(shown, shown.to_lowercase(), "{text:?}");
    let (name, domain) = shown.rsplit_once('@').expect("an entry has an @");
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    assert!(domain.split('.').count() >= 2 && domain.split('.').all(is_label), "{shown:?} has the domain {domain:?}");
    assert_eq!(entry.domain(), format!("@{domain}"));
    let domain_entry = Entry::parse(domain).expect("a domain is an entry");
    assert_eq!(domain_entry.as_str(), entry.domain());
    if name.is_empty() {
        assert_eq!(ShopperEmail::parse(shown), None);
    } else {
        let email = ShopperEmail::parse(text).expect("an entry with a name is an address");
        assert_eq!((email.as_address_entry(), email.as_domain_entry()), (shown, entry.domain()));
        let again = ShopperEmail::parse(&shown.to_uppercase()).map(|email| email.as_address_entry().to_owned());
        // Some letters have no upper case that leads back to them.
        assert!(!shown.is_ascii() || again.as_deref() == Some(shown), "{shown:?} in capitals is {again:?}");
    }
    download(&[entry]);
}

/// A list as a file, and the file read again: by the service, and by a plain reader.
fn download(entries: &[Entry]) {
    let shown: Vec<String> = entries.iter().map(ToString::to_string).collect();
    let file = admin::list_to_csv(&shown);
    assert_eq!(admin::list_csv(&file).expect("what is downloaded can be uploaded"), entries, "{file:?}");
    let read = records(&file).unwrap_or_else(|| panic!("{file:?} is no CSV"));
    assert_eq!(read.len(), entries.len(), "{file:?}");
    for (record, entry) in read.iter().zip(&shown) {
        let [cell] = &record[..] else { panic!("{entry:?} has the cells {record:?}") };
        let entry = entry.strip_prefix('@').unwrap_or(entry);
        assert!(!is_formula(cell), "{entry:?} is written as {cell:?}");
        assert!(cell == entry || cell.strip_prefix('\'') == Some(entry), "{entry:?} is written as {cell:?}");
    }
}

fn upload(text: &str) {
    match admin::list_csv(text) {
        Ok(entries) => {
            assert!(entries.len() <= text.lines().count(), "{text:?} has {} entries", entries.len());
            for entry in &entries {
                assert_eq!(Entry::parse(entry.as_str()).as_ref(), Ok(entry));
            }
            download(&entries);
        }
        Err(AppError::InvalidLines(lines)) => {
            let last = text.lines().count();
            assert!((1..=1000).contains(&lines.len()), "{} lines are wrong", lines.len());
            for line in lines {
                assert!((1..=last).contains(&line.line) && line.entry.chars().count() <= 120, "{line:?}");
            }
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn upload_with(query: &str, text: &str) {
    if let Ok(list) = admin::list_from_csv(query, text) {
        let on: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "on").collect();
        assert!(matches!(&on[..], [(_, on)] if **on == *list.is_on.to_string()), "{query:?}");
        assert_eq!(admin::list_csv(text).expect("a list that was accepted"), list.entries);
    }
}

fn cells(texts: &[&str]) {
    let line = csv_record(texts);
    let read = records(&line).unwrap_or_else(|| panic!("{line:?} is no CSV"));
    let [record] = &read[..] else { panic!("{line:?} has the records {read:?}") };
    assert_eq!(record.len(), texts.len(), "{line:?}");
    for (cell, text) in record.iter().zip(texts) {
        assert!(!is_formula(cell), "{text:?} is written as {cell:?}");
        assert!(cell == text || cell.strip_prefix('\'') == Some(text), "{text:?} is written as {cell:?}");
        assert_eq!(csv_without_guard(cell), *text, "{text:?} is written as {cell:?}");
    }
    // The service reads lines, and takes no account of spaces in front of a cell.
    let is_plain = texts.iter().all(|text| !text.contains(['\r', '\n']) && text.trim_matches(' ') == *text);
    let own = csv_cells(line.trim_end_matches("\r\n"));
    assert!(!is_plain || own.as_ref() == Ok(record), "{line:?} is read as {own:?}");
    for text in texts {
        let _ = csv_cells(text);
    }
}
