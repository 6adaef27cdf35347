//! Lines of the log on their way out: put down by whoever says something, written together by a thread of their own a
//! millisecond later. A line costs no system call then, which for a request from memory is a tenth of what it costs.
//!
//! Nothing is dropped: while nobody reads, whoever says something waits, as if it wrote itself. A process that is killed
//! takes the lines of its last [`GATHER`] with it.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long lines are gathered before they are written.
const GATHER: Duration = Duration::from_millis(1);
/// Bytes that may wait to be written; whoever comes on top waits until there is room.
const MOST: usize = 256 * 1024;

/// Where lines are put down. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Arc<Shared>);

/// The thread that writes. Dropped, it writes what is left and ends; what is said after that is written at once.
#[derive(Debug)]
pub(super) struct Writing {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There is something to be written, or no more will come.
    news: Condvar,
    /// There is room again.
    room: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(Self, Writing)> {
        let lines = Self::default();
        let shared = lines.0.clone();
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || shared.keep_writing(out))?;
        let writing = Writing { lines: lines.clone(), thread: Some(thread) };
        Ok((lines, writing))
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Shared { news, room, .. } = &*self.0;
        let full = |waiting: &mut Waiting| waiting.bytes.len() >= MOST && !waiting.ended;
        let mut waiting = room.wait_while(self.0.lock(), full).unwrap_or_else(PoisonError::into_inner);
        if waiting.ended {
            return io::stderr().write(line);
        }
        if waiting.bytes.is_empty() {
            news.notify_one();
        }
        waiting.bytes.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_writing(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        loop {
            let nothing = |waiting: &mut Waiting| waiting.bytes.is_empty() && !waiting.ended;
            let waiting = self.news.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
            let ended = |waiting: &mut Waiting| !waiting.ended && waiting.bytes.len() < MOST;
            let gathered = self.news.wait_timeout_while(waiting, GATHER, ended);
            let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut lines, &mut waiting.bytes);
            let is_last = waiting.ended;
            drop(waiting);
            self.room.notify_all();
            // Nowhere is left to say that it can not be said.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            lines.clear();
            if is_last {
                return;
            }
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.lines.0.lock().ended = true;
        self.lines.0.news.notify_one();
        self.lines.0.room.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Hands over what is written, and waits until it is taken.
    struct Slow(mpsc::SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map(|()| bytes.len()).map_err(io::Error::other)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_whole_and_those_of_one_thread_in_order() {
        let (sender, written) = mpsc::sync_channel(0);
        let (lines, writing) = Lines::start(Slow(sender)).unwrap();
        let reader = std::thread::spawn(move || written.into_iter().flatten().collect::<Vec<u8>>());
        // Three times what may wait.
        let speakers: Vec<_> = (0..4)
            .map(|speaker| {
                let mut lines = lines.clone();
                std::thread::spawn(move || {
                    for nth in 0..MOST / 16 {
                        lines.write_all(format!("{speaker} {nth:010}\n").as_bytes()).unwrap();
                    }
                })
            })
            .collect();
        speakers.into_iter().for_each(|speaker| speaker.join().unwrap());
        drop(writing);
        let written = String::from_utf8(reader.join().unwrap()).unwrap();
        for speaker in 0..4 {
            let own = written.lines().filter_map(|line| line.strip_prefix(&format!("{speaker} ")));
            assert!(own.map(|nth| nth.parse::<usize>().unwrap()).eq(0..MOST / 16), "speaker {speaker}");
        }
    }

    #[test]
    fn whoever_speaks_waits_while_nobody_reads() {
        let (sender, written) = mpsc::sync_channel(0);
        let (mut lines, writing) = Lines::start(Slow(sender)).unwrap();
        let (said, heard) = mpsc::channel();
        let speaker = std::thread::spawn(move || {
            for _ in 0..4 {
                lines.write_all(&[b'x'; MOST]).unwrap();
                said.send(()).unwrap();
            }
        });
        // One is being written, one waits.
        heard.recv().unwrap();
        heard.recv().unwrap();
        assert_eq!(heard.recv_timeout(Duration::from_millis(100)), Err(mpsc::RecvTimeoutError::Timeout));
        let reader = std::thread::spawn(move || written.into_iter().map(|bytes| bytes.len()).sum::<usize>());
        speaker.join().unwrap();
        drop(writing);
        assert_eq!(reader.join().unwrap(), 4 * MOST);
    }
}
