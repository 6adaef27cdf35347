//! The built binary, run in a working directory of its own with nothing in its environment but the settings given.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A working directory and settings to run commands with.
pub(crate) struct CommandLine {
    folder: TempDir,
    settings: BTreeMap<String, String>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that goes on until it is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    output: Arc<Mutex<String>>,
}

impl CommandLine {
    pub(crate) fn new<K: Into<String>, V: Into<String>>(settings: impl IntoIterator<Item = (K, V)>) -> Self {
        let settings = settings.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { folder: tempfile::tempdir().unwrap(), settings }
    }

    /// The same working directory with this setting, or without it.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => drop(self.settings.insert(name.to_owned(), value.to_owned())),
            None => drop(self.settings.remove(name)),
        }
    }

    /// The working directory.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the working directory.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// The names of the files in the working directory.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with_input(arguments, b"")
    }

    /// In another working directory.
    pub(crate) fn run_in(&self, folder: &Path, arguments: &[&str]) -> Outcome {
        let mut command = self.command(arguments);
        command.current_dir(folder);
        finish(command, b"")
    }

    /// With this on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        finish(self.command(arguments), input)
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).stdin(Stdio::null()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let output = Arc::<Mutex<String>>::default();
        follow(child.stdout.take().unwrap(), sender.clone(), output.clone());
        follow(child.stderr.take().unwrap(), sender, output.clone());
        Running { child, lines, output }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_subtotal-connect"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs(&self.settings);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Outcome {
    /// Standard output of a command that must have succeeded.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    /// Standard error of a command that must have ended with this code and said nothing else.
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        assert!(!self.stderr.trim().is_empty(), "no reason is given");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }

    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.done()).unwrap()
    }
}

impl Running {
    /// What `find` makes of the first line it knows, on either stream.
    pub(crate) fn line<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let started = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE.saturating_sub(started.elapsed())) {
            if let Some(found) = find(&line) {
                return found;
            }
        }
        panic!("the line did not come: {}", self.output());
    }

    /// The URL that follows these words.
    pub(crate) fn url_after(&self, words: &str) -> String {
        let ends = |character: char| character.is_whitespace() || character == '"';
        self.line(|line| line.split_once(words)?.1.split(ends).next().map(str::to_owned))
    }

    /// Asks it to stop, and answers its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(asked.unwrap().success());
        let started = Instant::now();
        // Both streams end when the process does.
        while self.lines.recv_timeout(PATIENCE.saturating_sub(started.elapsed())).is_ok() {}
        assert!(started.elapsed() < PATIENCE, "it did not stop: {}", self.output());
        self.child.wait().unwrap().code()
    }

    /// Everything written so far.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client for what a command serves: it follows no redirect and is not endlessly patient.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    client.timeout(PATIENCE).build().unwrap()
}

fn finish(mut command: Command, input: &[u8]) -> Outcome {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may be gone already; that is for its exit code to say.
    let _ = child.stdin.take().unwrap().write_all(input);
    let stdout = read_in_background(child.stdout.take().unwrap());
    let stderr = read_in_background(child.stderr.take().unwrap());
    let (Ok(stdout), Ok(stderr)) = (stdout.recv_timeout(PATIENCE), stderr.recv_timeout(PATIENCE)) else {
        child.kill().unwrap();
        panic!("{command:?} did not end within {PATIENCE:?}");
    };
    Outcome { code: child.wait().unwrap().code().unwrap(), stdout, stderr }
}

fn read_in_background(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        sender.send(text)
    });
    receiver
}

fn follow(stream: impl Read + Send + 'static, lines: Sender<String>, output: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            output.lock().unwrap().push_str(&format!("{line}\n"));
            // Whoever waited may have heard enough.
            let _ = lines.send(line);
        }
    });
}
