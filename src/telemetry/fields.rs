//! The fields of a line of text, as tracing-subscriber writes them without colours, in a third of the time: most are plain
//! words and numbers, which need neither its styles nor a look at every character's class.

use std::error::Error;
use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitFmt, VisitOutput};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// For [`tracing_subscriber::fmt::Layer::fmt_fields`], of a layer without colours.
#[derive(Debug)]
pub(super) struct PlainFields;

/// Writes what is plain itself, and leaves the rest to the library's own.
struct Plain<'w> {
    other: DefaultVisitor<'w>,
    /// The library's own puts no space before its first field.
    is_first: bool,
    result: fmt::Result,
}

impl<'w> FormatFields<'w> for PlainFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut plain = Plain { other: DefaultVisitor::new(writer, true), is_first: true, result: Ok(()) };
        fields.record(&mut plain);
        plain.other.finish().and(plain.result)
    }
}

impl Plain<'_> {
    /// Whether a field can be written here: it is not the message, and not one whose name stands for something else.
    fn takes(&mut self, field: &Field) -> bool {
        let is_first = std::mem::replace(&mut self.is_first, false);
        !is_first && field.name() != "message" && !field.name().starts_with("r#") && !field.name().starts_with("log.")
    }

    fn write(&mut self, field: &Field, value: impl FnOnce(&mut dyn Write) -> fmt::Result) {
        let writer = self.other.writer();
        let named = [" ", field.name(), "="].into_iter().try_for_each(|text| writer.write_str(text));
        self.result = self.result.and(named).and_then(|()| value(writer));
    }
}

/// Whether a text's `Debug` form is the text in quotes.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

impl Visit for Plain<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.takes(field) && is_plain(value) {
            self.write(field, |writer| ["\"", value, "\""].into_iter().try_for_each(|text| writer.write_str(text)));
        } else {
            self.other.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.is_first = false;
        self.other.record_error(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.takes(field) {
            self.write(field, |writer| write!(writer, "{value:?}"));
        } else {
            self.other.record_debug(field, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::log::tests::Written;

    /// What is written by a layer with these fields, and by one with the library's.
    fn both_ways(say: impl Fn()) -> (String, String) {
        let (ours, theirs) = (Written::default(), Written::default());
        let layer = |written: &Written| {
            let writer = written.clone();
            tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(move || writer.clone())
        };
        let ours_too = tracing_subscriber::registry().with(layer(&ours).fmt_fields(PlainFields));
        tracing::subscriber::with_default(ours_too, &say);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer(&theirs)), &say);
        (ours.text(), theirs.text())
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_library(one in any::<String>(), other in ".*", number: f64, count: i64, sure: bool) {
            let (ours, theirs) = both_ways(|| {
                tracing::info!(one, other, number, count, sure, r#type = %one, absent = None::<u8>, shown = ?other, "said: {one}");
                tracing::warn!(one, number);
                let error = std::io::Error::other(other.clone());
                tracing::error!(error = &error as &(dyn Error + 'static), one, "it failed");
                tracing::info!(message = one, other);
                tracing::info!(other, "message");
            });
            prop_assert_eq!(&ours, &theirs);
            prop_assert!(ours.lines().count() >= 5);
        }
    }
}
