//! What the fake answers, and how it fails, on a raw socket.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use ulid::Ulid;

use super::{Call, Fault, HeldEnd, Seen, State, connection};

struct Request {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    body: Value,
}

pub(super) async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let Some(call) = call_of(&request) else {
            answer(&mut stream, 404, "", &detail("Not Found")).await;
            continue;
        };
        let latency = {
            let mut state = state.lock().unwrap();
            state.in_flight += 1;
            state.latency
        };
        tokio::time::sleep(latency).await;
        let (fault, gate, outcome) = {
            let mut state = state.lock().unwrap();
            let in_flight = state.in_flight;
            state.in_flight -= 1;
            let Request { headers, body, .. } = &request;
            state.seen.push(Seen { call, headers: headers.clone(), body: body.clone(), in_flight });
            let fault = state.next_fault(call);
            let gate = state.gate(&request.query, &request.body);
            let works = gate.is_none()
                && matches!(fault, None | Some(Fault::WorkThenHang | Fault::WorkThenReset | Fault::WorkThenWait(_)));
            (fault, gate, works.then(|| state.work(call, &request)))
        };
        if let Some(gate) = gate {
            let (works, end) = gate.hold(call);
            let works = works.await.unwrap_or(false);
            let outcome = works.then(|| state.lock().unwrap().work(call, &request));
            let Ok(HeldEnd::Answered) = end.await else { return };
            let (status, body) = outcome.unwrap_or_else(|| (422, json!({ "detail": "refused on purpose" })));
            answer(&mut stream, status, "", &body.to_string()).await;
            continue;
        }
        if let Some(Fault::WorkThenWait(milliseconds)) = fault {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        match fault {
            None | Some(Fault::WorkThenWait(_)) => {
                let (status, body) = outcome.unwrap();
                answer(&mut stream, status, "", &body.to_string()).await;
            }
            Some(Fault::Reset | Fault::WorkThenReset) => return,
            Some(Fault::Hang | Fault::WorkThenHang) => tokio::time::sleep(Duration::from_secs(60)).await,
            Some(fault) => {
                if !fail(&mut stream, fault).await {
                    return;
                }
            }
        }
    }
}

/// Answers wrongly; false when the connection is over.
async fn fail(stream: &mut BufReader<TcpStream>, fault: Fault) -> bool {
    match fault {
        Fault::Status(status) => answer(stream, status, "", &detail("broken on purpose")).await,
        Fault::StatusRetryAfter(status, seconds) => {
            answer(stream, status, &format!("retry-after: {seconds}\r\n"), &detail("broken on purpose")).await;
        }
        Fault::Html => answer(stream, 200, "", "<!doctype html><p>Welcome</p>").await,
        Fault::EmptyObject => answer(stream, 200, "", "{}").await,
        Fault::Huge => answer(stream, 200, "", &format!("{{\"x\":\"{}\"}}", "x".repeat(2 * 1024 * 1024))).await,
        Fault::Truncated => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"retailers\":[{\"reta").await;
            return false;
        }
        Fault::SlowBody => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{").await;
            tokio::time::sleep(Duration::from_secs(60)).await;
            return false;
        }
        _ => return false,
    }
    true
}

impl State {
    fn next_fault(&mut self, call: Call) -> Option<Fault> {
        if let Some(turn) = self.turns.get_mut(&call).and_then(VecDeque::pop_front) {
            return turn;
        }
        let (fault, left) = self.faults.get_mut(&call)?;
        let fault = *fault;
        match left {
            None => {}
            Some(left) if *left > 1 => *left -= 1,
            Some(_) => drop(self.faults.remove(&call)),
        }
        Some(fault)
    }

    fn work(&mut self, call: Call, request: &Request) -> (u16, Value) {
        let key = request.headers.get("x-api-key").cloned().unwrap_or_default();
        if !self.api_keys.contains(&key) {
            return (401, json!({ "detail": "Invalid API key" }));
        }
        let id = request.path.split('/').nth(2).unwrap_or_default().to_owned();
        let own = |(of, connection): &&mut (String, Value)| *of == key && connection["connection_id"] == id.as_str();
        match call {
            Call::Retailers => (200, json!({ "retailers": self.retailers_of.get(&key).unwrap_or(&self.retailers) })),
            Call::Connections => {
                let wanted = url::form_urlencoded::parse(request.query.as_bytes())
                    .find(|(name, _)| name == "customer_id")
                    .map(|(_, value)| value.into_owned());
                let Some(customer) = wanted else { return (422, json!({ "detail": [] })) };
                let mine =
                    self.connections.iter().filter(|(of, c)| *of == key && c["customer_id"] == customer.as_str());
                (200, json!({ "connections": mine.map(|(_, c)| c).collect::<Vec<_>>() }))
            }
            Call::Create => {
                let text = |name: &str| request.body[name].as_str().unwrap_or_default().to_owned();
                let id = Ulid::generate().to_string();
                let new = connection(&id, &text("customer_id"), &text("retailer_id"), "initialized", &request.body);
                self.connections.push((key, new.clone()));
                (201, new)
            }
            Call::Token => match self.connections.iter_mut().find(own) {
                None => (404, json!({ "detail": "Connection not found" })),
                Some(_) => {
                    let token = format!("eyJ0b2tlbiI6.{}.{}", Ulid::generate(), request.body["scope"]).replace('"', "");
                    self.tokens.insert(token.clone(), id);
                    (201, json!({ "connection_token": token }))
                }
            },
            Call::Connection | Call::Purchases | Call::Purchase => self.read(call, request, &key, &id),
            Call::Patch => {
                if self.opened(request).as_ref() != Some(&id) {
                    return (401, json!({ "detail": "Invalid token" }));
                }
                match self.connections.iter_mut().find(own) {
                    None => (404, json!({ "detail": "Connection not found" })),
                    Some((_, connection)) => {
                        for member in ["status", "email", "mobile"] {
                            if !request.body[member].is_null() {
                                connection[member] = request.body[member].clone();
                            }
                        }
                        (200, connection.clone())
                    }
                }
            }
        }
    }
}

/// What the access token of one connection opens.
impl State {
    /// The connection whose token came.
    fn opened(&self, request: &Request) -> Option<String> {
        let bearer = request.headers.get("authorization").and_then(|value| value.strip_prefix("Bearer "));
        bearer.and_then(|token| self.tokens.get(token)).cloned()
    }

    fn read(&self, call: Call, request: &Request, key: &str, id: &str) -> (u16, Value) {
        let Some(opened) = self.opened(request) else { return (401, json!({ "detail": "Invalid token" })) };
        let missing = (404, json!({ "detail": "Not found" }));
        let bought = self.purchases.get(&opened).map_or(&[][..], Vec::as_slice);
        match call {
            Call::Connection => {
                let own = |(of, connection): &&(String, Value)| of == key && connection["connection_id"] == id;
                let found = self.connections.iter().find(own).filter(|_| opened == id);
                found.map_or(missing, |(_, connection)| (200, connection.clone()))
            }
            Call::Purchase if self.poisoned.iter().any(|poisoned| poisoned == id) => {
                (500, json!({ "detail": "broken on purpose" }))
            }
            Call::Purchase => {
                let found = bought.iter().find(|purchase| purchase["purchase_id"] == id);
                found.map_or(missing, |purchase| (200, purchase.clone()))
            }
            _ => {
                let query: HashMap<_, _> = url::form_urlencoded::parse(request.query.as_bytes()).collect();
                let limit: usize = query.get("limit").map_or(10, |limit| limit.parse().unwrap());
                let after = query.get("starting_after");
                let start = after.map_or(0, |after| {
                    1 + bought.iter().position(|purchase| purchase["purchase_id"] == **after).unwrap()
                });
                let page: Vec<Value> = bought[start..]
                    .iter()
                    .take(limit)
                    .map(|purchase| json!({ "purchase_id": purchase["purchase_id"], "date": purchase["date"] }))
                    .collect();
                (200, json!({ "has_more": start + page.len() < bought.len(), "purchases": page }))
            }
        }
    }
}

fn call_of(request: &Request) -> Option<Call> {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    Some(match (request.method.as_str(), path.as_slice()) {
        ("GET", ["retailers"]) => Call::Retailers,
        ("GET", ["connections"]) => Call::Connections,
        ("POST", ["connections"]) => Call::Create,
        ("POST", ["connections", _, "token"]) => Call::Token,
        ("PATCH", ["connections", _]) => Call::Patch,
        ("GET", ["connections", _]) => Call::Connection,
        ("GET", ["purchases"]) => Call::Purchases,
        ("GET", ["purchases", _]) => Call::Purchase,
        _ => return None,
    })
}

fn detail(text: &str) -> String {
    json!({ "detail": text }).to_string()
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), headers, body })
}

async fn answer(stream: &mut BufReader<TcpStream>, status: u16, headers: &str, body: &str) {
    let head = format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
}
