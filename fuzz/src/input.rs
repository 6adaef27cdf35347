//! What the fuzzer makes, cut up: a few bytes that choose, and text. Text, so that seeds can be written by hand and a
//! dictionary helps.

/// Bytes that choose, and the text behind them.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    choices: [u8; 4],
    /// What is to be read.
    pub text: &'a str,
}

impl<'a> Input<'a> {
    /// `None` when it is too short, or its text is none.
    #[must_use]
    pub fn read(data: &'a [u8]) -> Option<Self> {
        let (choices, text) = data.split_first_chunk()?;
        Some(Self { choices: *choices, text: std::str::from_utf8(text).ok()? })
    }

    /// One of `number` possibilities. A digit in a seed means itself.
    #[must_use]
    pub fn choice(&self, place: usize, number: u8) -> u8 {
        self.choices[place].wrapping_sub(b'0') % number
    }

    /// A number of seconds from -128 to 127. `0` in a seed means none.
    #[must_use]
    pub fn seconds(&self, place: usize) -> i64 {
        i64::from(self.choices[place].wrapping_sub(b'0').cast_signed())
    }

    /// A signature as it is, or changed in one of the ways that a lenient reader would overlook.
    #[must_use]
    pub fn changed(&self, place: usize, signature: &str) -> String {
        match self.choice(place, 16) {
            1 => signature.to_uppercase(),
            2 => format!("{signature} "),
            3 => format!(" {signature}"),
            4 => format!("{signature}="),
            5 => format!("sha256={signature}"),
            6 => format!("{signature},{signature}"),
            7 => signature.trim_end_matches('=').to_owned(),
            8 => signature.chars().skip(1).collect(),
            9 => format!("{signature}\0"),
            10 => signature.replace(['a', '/', '+'], "A"),
            _ => signature.to_owned(),
        }
    }

    /// The text up to the first line end, and the rest.
    #[must_use]
    pub fn line_and_rest(text: &str) -> (&str, &str) {
        text.split_once('\n').unwrap_or((text, ""))
    }
}
