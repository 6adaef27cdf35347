//! A fake of the Subtotal API on a raw socket, so that it can fail in every way a network can. It enforces the API key
//! and the tokens, counts every call, and says how many were in flight at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use ulid::Ulid;

/// The calls this service makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Call {
    Retailers,
    Connections,
    Create,
    Token,
    Patch,
    Connection,
    Purchases,
    Purchase,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is closed without an answer.
    Reset,
    /// No answer for a minute.
    Hang,
    /// A head, then no body for a minute.
    SlowBody,
    /// This status with a FastAPI-shaped body.
    Status(u16),
    /// This status with `Retry-After`.
    StatusRetryAfter(u16, u64),
    /// A 200 with a page of HTML.
    Html,
    /// A 200 whose body ends too soon.
    Truncated,
    /// A 200 with 2 MiB.
    Huge,
    /// A 200 with `{}`.
    EmptyObject,
    /// The call does its work, but its answer never comes.
    WorkThenHang,
    /// The call does its work, but the connection is closed without an answer.
    WorkThenReset,
    /// The call does its work at once, and its answer comes so many milliseconds later.
    WorkThenWait(u64),
}

/// One call that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) call: Call,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Value,
    /// How many calls were in flight, this one among them, when it was answered.
    pub(crate) in_flight: usize,
}

/// The running fake.
pub(crate) struct FakeSubtotal {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    accepting: AbortHandle,
}

struct State {
    api_keys: Vec<String>,
    retailers: Value,
    /// With the API key they belong to.
    connections: Vec<(String, Value)>,
    tokens: HashMap<String, String>,
    /// By connection, newest first.
    purchases: HashMap<String, Vec<Value>>,
    /// Purchases that are answered 500 when they are read one by one.
    poisoned: Vec<String>,
    faults: HashMap<Call, (Fault, Option<usize>)>,
    latency: Duration,
    seen: Vec<Seen>,
    in_flight: usize,
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    body: Value,
}

impl FakeSubtotal {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            api_keys: Vec::new(),
            retailers: retailers(),
            connections: Vec::new(),
            tokens: HashMap::new(),
            purchases: HashMap::new(),
            poisoned: Vec::new(),
            faults: HashMap::new(),
            latency: Duration::ZERO,
            seen: Vec::new(),
            in_flight: 0,
        }));
        let shared = state.clone();
        let accepting = tokio::spawn(async move {
            // Dropped with the task, and every connection with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, shared.clone()));
            }
        });
        Self { url, state, accepting: accepting.abort_handle() }
    }

    /// Accepts calls with this key; connections belong to the key they were made with.
    pub(crate) fn add_key(&self, key: &str) {
        self.state.lock().unwrap().api_keys.push(key.to_owned());
    }

    pub(crate) fn revoke_key(&self, key: &str) {
        self.state.lock().unwrap().api_keys.retain(|known| known != key);
    }

    pub(crate) fn set_retailers(&self, retailers: Value) {
        self.state.lock().unwrap().retailers = retailers;
    }

    /// Puts a connection there and answers its id.
    pub(crate) fn add_connection(&self, key: &str, customer: &str, retailer: &str, status: &str) -> String {
        let id = Ulid::generate().to_string();
        let connection = connection(&id, customer, retailer, status, &Value::Null);
        self.state.lock().unwrap().connections.push((key.to_owned(), connection));
        id
    }

    pub(crate) fn set_status(&self, id: &str, status: &str) {
        let mut state = self.state.lock().unwrap();
        let found = state.connections.iter_mut().find(|(_, connection)| connection["connection_id"] == id);
        found.unwrap().1["status"] = status.into();
    }

    /// Adds a purchase, newer than those before, and answers its id.
    pub(crate) fn add_purchase(&self, connection: &str) -> String {
        let id = Ulid::generate().to_string();
        let purchase = json!({
            "purchase_id": id, "date": "2025-05-31T14:48:23Z", "total": "44.64", "tax": "1.60", "subtotal": "43.04",
            "item_count": 2, "items": [
                { "item_id": "1", "price": "3.98", "quantity": 1,
                  "product": { "product_id": "p", "name": "Secret Oats", "brand": "secret-brand", "upc": "041331027878" } },
                { "item_id": "2", "price": "5.10", "quantity": 1,
                  "product": { "product_id": "q", "name": "Secret Milk", "brand": "secret-brand", "upc": "049000031171" } },
            ],
        });
        self.state.lock().unwrap().purchases.entry(connection.to_owned()).or_default().insert(0, purchase);
        id
    }

    /// Reading this purchase fails from now on.
    pub(crate) fn poison(&self, purchase: &str) {
        self.state.lock().unwrap().poisoned.push(purchase.to_owned());
    }

    /// Every connection, as Subtotal holds it.
    pub(crate) fn connections(&self) -> Vec<Value> {
        self.state.lock().unwrap().connections.iter().map(|(_, connection)| connection.clone()).collect()
    }

    pub(crate) fn status_of(&self, id: &str) -> String {
        let found = self.connections().into_iter().find(|connection| connection["connection_id"] == id);
        found.unwrap()["status"].as_str().unwrap().to_owned()
    }

    /// Breaks one call until [`FakeSubtotal::mend`].
    pub(crate) fn break_call(&self, call: Call, fault: Fault) {
        self.state.lock().unwrap().faults.insert(call, (fault, None));
    }

    /// Breaks one call for the next `times` times.
    pub(crate) fn break_call_times(&self, call: Call, fault: Fault, times: usize) {
        self.state.lock().unwrap().faults.insert(call, (fault, Some(times)));
    }

    pub(crate) fn break_everything(&self, fault: Fault) {
        let reads = [Call::Retailers, Call::Connections, Call::Connection, Call::Purchases, Call::Purchase];
        for call in reads.into_iter().chain([Call::Create, Call::Token, Call::Patch]) {
            self.break_call(call, fault);
        }
    }

    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.state.lock().unwrap().latency = latency;
    }

    /// Stops listening and closes every connection: whoever calls now is refused.
    pub(crate) fn shut_down(&self) {
        self.accepting.abort();
    }

    /// Every call since the start or the last [`FakeSubtotal::forget_calls`].
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    pub(crate) fn count(&self, call: Call) -> usize {
        self.seen().iter().filter(|seen| seen.call == call).count()
    }

    pub(crate) fn forget_calls(&self) {
        self.state.lock().unwrap().seen.clear();
    }

    /// Every connection token that was given out.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.state.lock().unwrap().tokens.keys().cloned().collect()
    }
}

impl Drop for FakeSubtotal {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Three retailers in an order that is not alphabetical; one on a Link host of its own.
pub(crate) fn retailers() -> Value {
    let images = json!({
        "logo": { "light": "https://img.example/l.svg", "dark": "https://img.example/d.svg" },
        "icon": { "light": "https://img.example/i.svg", "dark": "https://img.example/j.svg" },
    });
    json!([
        { "retailer_id": "walmart", "name": "Walmart", "link_url": "https://link.subtotal.com/zklQOnlG", "images": images },
        { "retailer_id": "amazon", "name": "Amazon", "link_url": "https://link.subtotal.com/tWGE4TJM", "images": images },
        { "retailer_id": "kroger", "name": "Kroger", "link_url": "https://link.brand.example/Kq7RvB2x?src=shop", "images": images },
    ])
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
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
        let (fault, outcome) = {
            let mut state = state.lock().unwrap();
            let in_flight = state.in_flight;
            state.in_flight -= 1;
            let Request { headers, body, .. } = &request;
            state.seen.push(Seen { call, headers: headers.clone(), body: body.clone(), in_flight });
            let fault = state.next_fault(call);
            let works =
                matches!(fault, None | Some(Fault::WorkThenHang | Fault::WorkThenReset | Fault::WorkThenWait(_)));
            (fault, works.then(|| state.work(call, &request)))
        };
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
            Call::Retailers => (200, json!({ "retailers": self.retailers })),
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

fn connection(id: &str, customer: &str, retailer: &str, status: &str, given: &Value) -> Value {
    json!({
        "connection_id": id, "customer_id": customer, "retailer_id": retailer, "status": status,
        "email": given["email"], "mobile": given["mobile"],
    })
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
