//! A process that gets the processor for a moment now and then, as if others took the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::process::Process;

const STOPPED: Duration = Duration::from_millis(40);
const RUNS: Duration = Duration::from_millis(4);

/// As long as it lives, the process stutters.
pub(crate) struct Stutter {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stutter {
    pub(crate) fn start(process: &Process) -> Self {
        let pid = Pid::from_raw(process.id().try_into().unwrap()).unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let ended = ends.clone();
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                for (signal, length) in [(Signal::STOP, STOPPED), (Signal::CONT, RUNS)] {
                    kill_process(pid, signal).unwrap();
                    std::thread::sleep(length);
                }
            }
        });
        Self { ends, thread: Some(thread) }
    }
}

impl Drop for Stutter {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}
