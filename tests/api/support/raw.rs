//! Requests as no client would write them, byte for byte.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, read until the connection closed.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) body: String,
    head: String,
}

impl RawAnswer {
    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .filter(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .next()
            .unwrap_or("")
    }
}

/// Sends the request line, these header lines and this body to an `http://` address, and closes.
pub(crate) async fn exchange(address: &str, line: &str, headers: &str, body: &[u8]) -> RawAnswer {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = format!("{line} HTTP/1.1\r\nhost: app.example.com\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // An application that has answered already may not take the rest.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    RawAnswer { status, body: body.to_owned(), head: head.to_owned() }
}
