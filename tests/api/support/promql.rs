//! What a question to Prometheus asks for: its series with the labels that choose among them, and the labels it groups by.
//! Whether it is a good one is promtool's to say.

/// A series that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: Vec<String>,
}

/// What an expression asks for.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) series: Vec<Series>,
    pub(crate) grouping: Vec<String>,
}

/// Words before a list of labels.
const GROUPING: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words that stand alone.
const WORDS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];
/// Before these, a list of labels may stand instead of the parenthesis.
const AGGREGATIONS: [&str; 7] = ["sum", "min", "max", "avg", "count", "topk", "quantile"];

impl Query {
    /// # Errors
    /// When something is met that is not understood.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            if first.is_ascii_digit() {
                rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.');
            } else if is_word(first) {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let word = &rest[..end];
                rest = rest[end..].trim_start();
                if GROUPING.contains(&word) {
                    let (labels, after) = within(rest, '(', ')')?;
                    query.grouping.extend(labels.split(',').map(|label| label.trim().to_owned()));
                    rest = after;
                } else if !WORDS.contains(&word) && !AGGREGATIONS.contains(&word) && !rest.starts_with('(') {
                    let (mut chosen, mut after) = ("", rest);
                    if rest.starts_with('{') {
                        (chosen, after) = within(rest, '{', '}')?;
                    }
                    query.series.push(Series { name: word.to_owned(), labels: labels(chosen)? });
                    rest = after;
                }
            } else if first == '[' {
                rest = within(rest, '[', ']')?.1;
            } else if " ()+-*/<>=!,".contains(first) {
                rest = &rest[1..];
            } else {
                return Err(format!("{first} is not understood in {text}"));
            }
        }
        Ok(query)
    }
}

/// What stands between these, where no value holds the second, and what comes after.
fn within(text: &str, from: char, to: char) -> Result<(&str, &str), String> {
    text.strip_prefix(from).and_then(|text| text.split_once(to)).ok_or_else(|| format!("no {from}…{to} in {text}"))
}

/// The labels of matchers. Every odd piece between quotes is a value.
fn labels(matchers: &str) -> Result<Vec<String>, String> {
    let names = matchers.split('"').step_by(2).map(|before| before.trim_matches(|c: char| ",=~! ".contains(c)));
    let names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match names.len() * 2 == matchers.matches('"').count() {
        true => Ok(names),
        false => Err(format!("{matchers} is not understood")),
    }
}
