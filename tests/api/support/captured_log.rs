//! Everything the application logs while the suite runs, at the most talkative setting.

use std::io;
use std::sync::{LazyLock, Mutex, Once};

use subtotal_connect::config::LogConfig;
use subtotal_connect::telemetry;
use tracing_subscriber::util::SubscriberInitExt;

static LOG: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(Mutex::default);
static START: Once = Once::new();

struct Capture;

impl io::Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts capturing, once a process. Answers where the log stands now.
pub(crate) fn start() -> usize {
    START.call_once(|| {
        let config = LogConfig { json: true, filter: "trace".to_owned(), traces: None };
        telemetry::subscriber(&config, || Capture).unwrap().init();
    });
    LOG.lock().unwrap().len()
}

/// What was logged since the log stood at `start`.
pub(crate) fn since(start: usize) -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()[start..]).into_owned()
}
