//! Reading settings, text by text, and collecting what is wrong with them. Which settings there are: `config`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

/// One setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it, and what it should be. Never its value.
    pub message: String,
}

/// Everything that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the settings need mending:")?;
        self.0.iter().try_for_each(|Problem { variable, message }| write!(formatter, "\n  {variable} {message}"))
    }
}

/// Reads settings through a lookup and collects what is wrong with them.
pub struct Settings<'l> {
    lookup: &'l dyn Fn(&str) -> Option<String>,
    pub(crate) problems: Vec<Problem>,
}

impl<'l> Settings<'l> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(lookup: &'l dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    /// Answers whether everything read so far was right.
    ///
    /// # Errors
    /// [`Problems`], all of them at once.
    pub fn finish(self) -> Result<(), Problems> {
        if self.problems.is_empty() { Ok(()) } else { Err(Problems(self.problems)) }
    }

    /// A variable that is set and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    pub(crate) fn url(&mut self, name: &'static str, default: &str) -> Url {
        let text = self.text(name).unwrap_or_else(|| default.to_owned());
        if !is_http_url(&text) {
            self.problem(name, "must be an http(s) URL");
        }
        Url::parse(&text).unwrap_or_else(|_| Url::parse(default).expect("defaults are URLs"))
    }

    pub(crate) fn milliseconds(&mut self, name: &'static str, default: u64) -> Duration {
        let number = self.parsed(name, "a number of milliseconds from 1 to 600000", default);
        if !(1..=600_000).contains(&number) {
            self.problem(name, "must be a number of milliseconds from 1 to 600000");
        }
        Duration::from_millis(number)
    }

    pub(crate) fn seconds(&mut self, name: &'static str, default: u32) -> Duration {
        Duration::from_secs(u64::from(self.parsed(name, "a number of seconds", default)))
    }

    pub(crate) fn parsed<T: FromStr>(&mut self, name: &'static str, shape: &str, default: T) -> T {
        self.text(name).and_then(|text| self.parse(name, shape, &text)).unwrap_or(default)
    }

    pub(crate) fn parse<T: FromStr>(&mut self, name: &'static str, shape: &str, text: &str) -> Option<T> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.problem(name, &format!("must be {shape}"));
        }
        parsed
    }

    /// One of two words; the first is the default.
    pub(crate) fn choice<T: Copy>(&mut self, name: &'static str, choices: [(&str, T); 2]) -> T {
        let text = self.text(name).unwrap_or_else(|| choices[0].0.to_owned());
        match choices.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => *value,
            None => {
                self.problem(name, &format!("must be {} or {}", choices[0].0, choices[1].0));
                choices[0].1
            }
        }
    }

    pub(crate) fn problem(&mut self, variable: &'static str, message: &str) {
        self.problems.push(Problem { variable, message: message.to_owned() });
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Settings").field("problems", &self.problems).finish_non_exhaustive()
    }
}

/// Whether the text is an absolute http(s) URL.
pub(crate) fn is_http_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
