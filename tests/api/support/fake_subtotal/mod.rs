//! A fake of the Subtotal API on a raw socket, so that it can fail in every way a network can. It enforces the API key
//! and the tokens, counts every call, and says how many were in flight at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use ulid::Ulid;

mod answers;
mod held;

pub(crate) use held::{HeldCall, HeldEnd};

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
    accepting: Mutex<AbortHandle>,
}

struct State {
    api_keys: Vec<String>,
    retailers: Value,
    /// Lists of keys that have one of their own.
    retailers_of: HashMap<String, Value>,
    /// With the API key they belong to.
    connections: Vec<(String, Value)>,
    tokens: HashMap<String, String>,
    /// By connection, newest first.
    purchases: HashMap<String, Vec<Value>>,
    /// Purchases that are answered 500 when they are read one by one.
    poisoned: Vec<String>,
    faults: HashMap<Call, (Fault, Option<usize>)>,
    /// What becomes of the next calls, one after the other.
    turns: HashMap<Call, VecDeque<Option<Fault>>>,
    /// Customers whose calls are held.
    held: HashMap<String, held::Gate>,
    latency: Duration,
    seen: Vec<Seen>,
    in_flight: usize,
}

impl FakeSubtotal {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            api_keys: Vec::new(),
            retailers: retailers(),
            retailers_of: HashMap::new(),
            connections: Vec::new(),
            tokens: HashMap::new(),
            purchases: HashMap::new(),
            poisoned: Vec::new(),
            faults: HashMap::new(),
            turns: HashMap::new(),
            held: HashMap::new(),
            latency: Duration::ZERO,
            seen: Vec::new(),
            in_flight: 0,
        }));
        let accepting = Mutex::new(accept(listener, state.clone()));
        Self { url, state, accepting }
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

    /// The list of one key, which differs from the others'.
    pub(crate) fn set_retailers_of(&self, key: &str, retailers: Value) {
        self.state.lock().unwrap().retailers_of.insert(key.to_owned(), retailers);
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

    /// What becomes of the next calls, one after the other; `None` is a good answer.
    pub(crate) fn break_call_in_turn(&self, call: Call, turns: impl IntoIterator<Item = Option<Fault>>) {
        self.state.lock().unwrap().turns.insert(call, turns.into_iter().collect());
    }

    pub(crate) fn break_everything(&self, fault: Fault) {
        let reads = [Call::Retailers, Call::Connections, Call::Connection, Call::Purchases, Call::Purchase];
        for call in reads.into_iter().chain([Call::Create, Call::Token, Call::Patch]) {
            self.break_call(call, fault);
        }
    }

    pub(crate) fn mend(&self) {
        let mut state = self.state.lock().unwrap();
        state.faults.clear();
        state.turns.clear();
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        self.state.lock().unwrap().latency = latency;
    }

    /// Stops listening and closes every connection: whoever calls now is refused.
    pub(crate) fn shut_down(&self) {
        self.accepting.lock().unwrap().abort();
    }

    /// Listens again after [`FakeSubtotal::shut_down`], at the same address.
    pub(crate) async fn come_back(&self) {
        let listener = TcpListener::bind(self.url.trim_start_matches("http://")).await.unwrap();
        *self.accepting.lock().unwrap() = accept(listener, self.state.clone());
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
        self.shut_down();
    }
}

fn accept(listener: TcpListener, state: Arc<Mutex<State>>) -> AbortHandle {
    let accepting = tokio::spawn(async move {
        // Dropped with the task, and every connection with it.
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(answers::serve(stream, state.clone()));
        }
    });
    accepting.abort_handle()
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

fn connection(id: &str, customer: &str, retailer: &str, status: &str, given: &Value) -> Value {
    json!({
        "connection_id": id, "customer_id": customer, "retailer_id": retailer, "status": status,
        "email": given["email"], "mobile": given["mobile"],
    })
}
