//! Clients that send or take next to nothing: they cost a connection for some seconds, and nobody waits for them.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use crate::support::app::{ALICE, TestApp};
use crate::support::raw::exchange;

/// Longer than any client is waited for.
const BOUND: Duration = Duration::from_secs(20);

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.address.trim_start_matches("http://")).await.unwrap()
}

/// Sends a byte every 200 ms until the connection is closed; everything that was answered.
async fn trickle(mut stream: TcpStream, text: &'static [u8]) -> String {
    let (mut every, mut answer, mut buffer) = (interval(Duration::from_millis(200)), Vec::new(), [0; 4096]);
    let mut bytes = text.iter().cycle();
    loop {
        tokio::select! {
            _ = every.tick() => {
                let _ = stream.write_all(&[*bytes.next().unwrap()]).await;
            }
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
                Ok(length) => answer.extend_from_slice(&buffer[..length]),
            },
        }
    }
}

#[actix_web::test]
async fn two_hundred_that_trickle_a_head_are_cut_off_and_keep_nobody_from_being_answered() {
    let app = TestApp::start().await;
    let mut streams = Vec::new();
    for _ in 0..200 {
        let mut stream = connect(&app).await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
        streams.push(stream);
    }
    let slow = join_all(streams.into_iter().map(|stream| timeout(BOUND, trickle(stream, b"x-a: b\r\n"))));
    let quick = async {
        for _ in 0..20 {
            let started = Instant::now();
            assert_eq!(app.get("/visibility", ALICE).await.status, 200);
            assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        }
    };
    let (slow, ()) = tokio::join!(slow, quick);
    for answer in slow {
        let answer = answer.expect("it is cut off in time");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

#[actix_web::test]
async fn a_connection_that_trickles_its_second_head_is_cut_off_too() {
    let app = TestApp::start().await;
    let mut stream = connect(&app).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\n").await.unwrap();
    let answers = timeout(BOUND * 3, trickle(stream, b"x-a: b\r\n")).await.expect("it is cut off in time");
    assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
}

#[actix_web::test]
async fn a_body_that_trickles_is_refused_and_its_connection_closed() {
    let app = TestApp::start().await;
    let mut stream = connect(&app).await;
    let head = format!(
        "POST /apps/subtotal/connections?{} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: 10000\r\n\r\n",
        app.query(ALICE, "")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = timeout(BOUND, trickle(stream, b" ")).await.expect("it is cut off in time");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("did not arrive in time"), "{answer}");
}

/// The kernel gives up on a client that takes nothing, well before a connection without requests is shut.
#[actix_web::test]
#[cfg(target_os = "linux")]
async fn a_client_that_never_reads_is_cut_off_and_keeps_nobody_from_being_answered() {
    let app = TestApp::start().await;
    let mut stream = connect(&app).await;
    let asks = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50);
    let cut_off = async {
        while stream.write_all(&asks).await.is_ok() {}
        Instant::now()
    };
    let (cut_off, answer) = tokio::join!(timeout(BOUND + BOUND / 2, cut_off), app.get("/visibility", ALICE));
    assert_eq!(answer.status, 200);
    cut_off.expect("it is cut off in time");
}

#[actix_web::test]
async fn heads_have_a_size_and_a_number_of_headers() {
    let app = TestApp::start().await;
    let status = async |headers: String| exchange(&app.address, "GET /healthz", &headers, b"").await.status;
    assert_eq!(status(format!("x-large: {}\r\n", "x".repeat(100 * 1024))).await, 200);
    assert_eq!(status(format!("x-large: {}\r\n", "x".repeat(200 * 1024))).await, 431);
    let many = |count: usize| (0..count).map(|nth| format!("x-{nth}: y\r\n")).collect::<String>();
    assert_eq!(status(many(90)).await, 200);
    assert_eq!(status(many(100)).await, 431);
    assert_eq!(app.get("/visibility", ALICE).await.status, 200);
}
