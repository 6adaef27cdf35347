//! An open loop: requests are due at a fixed rate whether or not those before were answered, and each is timed from when it
//! was due. They are written byte for byte on connections that stay open, because a client with comforts could not keep up.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::signed;

/// A request that finds no free connection for so long is not sent: the client could not, and that is not the service's.
const TOO_LATE: Duration = Duration::from_millis(10);
/// Customers of each shop.
const CUSTOMERS: usize = 200;

/// What is sent, how often and how long.
pub(crate) struct Load<'a> {
    pub(crate) shops: &'a [String],
    /// A second.
    pub(crate) rate: f64,
    pub(crate) length: Duration,
    pub(crate) connections: usize,
}

/// How a load was answered.
#[derive(Default)]
pub(crate) struct Outcome {
    /// When each that was answered 200 was due, from the start, and how long it took from then on.
    pub(crate) accepted: Vec<(Duration, Duration)>,
    /// Answered 503.
    pub(crate) shed: usize,
    /// Answered 429.
    pub(crate) limited: usize,
    /// Answered in any other way, or not at all.
    pub(crate) other: usize,
    /// Never sent.
    pub(crate) skipped: usize,
}

impl Outcome {
    pub(crate) fn sent(&self) -> usize {
        self.accepted.len() + self.shed + self.limited + self.other
    }

    /// How long the accepted ones took that were due in this span; the longest where there are few.
    pub(crate) fn percentile(&self, percent: usize, from: Duration, to: Duration) -> Duration {
        let within = self.accepted.iter().filter(|(due, _)| (from..to).contains(due));
        let mut took: Vec<Duration> = within.map(|(_, took)| *took).collect();
        took.sort_unstable();
        let nth = took.len() * percent / 100;
        took.get(nth.min(took.len().saturating_sub(1))).copied().unwrap_or(Duration::MAX)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.percentile(99, Duration::ZERO, Duration::MAX)
    }

    fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.shed += other.shed;
        self.limited += other.limited;
        self.other += other.other;
        self.skipped += other.skipped;
    }
}

/// Sends a load to an `http://` address.
pub(crate) async fn send(address: &str, secret: &str, load: &Load<'_>) -> Outcome {
    let (requests, address) = (Rc::new(signed(secret, load)), Rc::new(address.replace("http://", "")));
    let next = Rc::new(std::cell::Cell::new(0_u32));
    let most = (load.rate * load.length.as_secs_f64()) as u32;
    let gap = Duration::from_secs_f64(1.0 / load.rate);
    // Some time to open the connections in.
    let started = Instant::now() + Duration::from_millis(300);
    let mut lanes = JoinSet::new();
    for _ in 0..load.connections {
        let (requests, address, next) = (requests.clone(), address.clone(), next.clone());
        lanes.spawn_local(async move {
            let (mut outcome, mut stream, mut buffer) = (Outcome::default(), connect(&address).await, Vec::new());
            loop {
                let nth = next.get();
                if nth >= most {
                    return outcome;
                }
                next.set(nth + 1);
                let due = started + gap * nth;
                let late = Instant::now().saturating_duration_since(due);
                if late > TOO_LATE {
                    outcome.skipped += 1;
                    continue;
                }
                if late.is_zero() {
                    tokio::time::sleep_until(due.into()).await;
                }
                let status = match &mut stream {
                    Some(open) => exchange(open, &requests[nth as usize % requests.len()], &mut buffer).await,
                    None => None,
                };
                match status {
                    Some(200) => outcome.accepted.push((due - started, due.elapsed())),
                    Some(503) => outcome.shed += 1,
                    Some(429) => outcome.limited += 1,
                    _ => {
                        outcome.other += 1;
                        stream = connect(&address).await;
                    }
                }
            }
        });
    }
    let mut all = Outcome::default();
    while let Some(lane) = lanes.join_next().await {
        all.add(lane.unwrap());
    }
    all
}

async fn connect(address: &str) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// One request and its answer's status.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> Option<u16> {
    buffer.clear();
    stream.write_all(request).await.ok()?;
    loop {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
        let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).ok()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        if buffer.len() >= end + 4 + length.parse::<usize>().ok()? {
            return head.get(9..12)?.parse().ok();
        }
    }
}

/// A request for the list of retailers of each customer.
fn signed(secret: &str, load: &Load<'_>) -> Vec<Vec<u8>> {
    let time = signed::time();
    let of_customer = |customer| load.shops.iter().map(move |shop| signed::query(secret, shop, customer, time));
    let request = |query| format!("GET /apps/subtotal/retailers?{query} HTTP/1.1\r\nhost: app.example.com\r\n\r\n");
    (1..=CUSTOMERS).flat_map(of_customer).map(|query| request(query).into_bytes()).collect()
}
