//! When a line of the log was said: RFC 3339 in UTC, to the microsecond, as tracing-subscriber writes it. Lines come many a
//! second, and that second's text is made once.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// For [`tracing_subscriber::fmt::Layer::with_timer`].
#[derive(Debug)]
pub(super) struct Timestamp;

/// `2026-11-22T02:24:31`
type Second = [u8; 19];

thread_local! {
    /// The second that was written last, since 1970, and its text.
    static LAST: Cell<(u64, Second)> = const { Cell::new((0, *b"1970-01-01T00:00:00")) };
}

impl FormatTime for Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the log tells the machine's time, whatever clock the service was handed"
    )]
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        // A clock before 1970 was never set.
        write_time(writer, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

fn write_time(writer: &mut impl Write, since_1970: Duration) -> fmt::Result {
    let seconds = since_1970.as_secs();
    let (last, mut text) = LAST.get();
    if last != seconds {
        text = second(seconds).ok_or(fmt::Error)?;
        LAST.set((seconds, text));
    }
    writer.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)?;
    write!(writer, ".{:06}Z", since_1970.subsec_micros())
}

/// `None` after the year 9999.
fn second(seconds: u64) -> Option<Second> {
    let at = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    let ((year, month, day), (hour, minute, second)) = (at.to_calendar_date(), at.to_hms());
    let text = format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", u8::from(month));
    text.as_bytes().try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::format_description::well_known::Rfc3339;

    use super::*;

    fn written(since_1970: Duration) -> String {
        let mut text = String::new();
        write_time(&mut text, since_1970).unwrap();
        text
    }

    #[test]
    fn a_time_is_written_to_the_microsecond() {
        assert_eq!(written(Duration::ZERO), "1970-01-01T00:00:00.000000Z");
        assert_eq!(written(Duration::new(1_795_314_271, 1_234_999)), "2026-11-22T02:24:31.001234Z");
        assert_eq!(written(Duration::new(1_795_314_271, 999_999_999)), "2026-11-22T02:24:31.999999Z");
    }

    proptest! {
        #[test]
        fn whatever_was_written_before_it_is_the_time(seconds in 0..253_402_300_800_u64, micros in 0..1_000_000_u32) {
            let time = Duration::new(seconds, micros * 1000);
            for _ in 0..2 {
                let read = OffsetDateTime::parse(&written(time), &Rfc3339).unwrap();
                prop_assert_eq!(read.unix_timestamp_nanos(), i128::try_from(time.as_nanos()).unwrap());
            }
        }
    }
}
