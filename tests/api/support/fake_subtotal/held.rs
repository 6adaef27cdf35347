//! Calls of one customer that are held: a test says when each does its work, and when and how it is answered.

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{Call, FakeSubtotal, State};

/// How a held call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldEnd {
    /// With the answer of the work it did, or with a 422 when it did none.
    Answered,
    /// The connection is closed without an answer.
    Lost,
}

/// A call that waits for the test.
#[derive(Debug)]
pub(crate) struct HeldCall {
    pub(crate) call: Call,
    work: Option<oneshot::Sender<bool>>,
    end: oneshot::Sender<HeldEnd>,
}

impl HeldCall {
    /// Lets it do its work now, or never.
    pub(crate) fn work(&mut self, works: bool) {
        self.work.take().unwrap().send(works).unwrap();
    }

    /// Ends it. Its work, if it has any, must be decided before.
    pub(crate) fn end(self, end: HeldEnd) {
        assert!(self.work.is_none(), "{:?} did not work yet", self.call);
        // Nobody may wait for it any more.
        let _ = self.end.send(end);
    }
}

/// Where a customer's calls are sent to.
#[derive(Clone)]
pub(super) struct Gate(mpsc::UnboundedSender<HeldCall>);

impl Gate {
    pub(super) fn hold(&self, call: Call) -> (oneshot::Receiver<bool>, oneshot::Receiver<HeldEnd>) {
        let ((work, works), (end, ends)) = (oneshot::channel(), oneshot::channel());
        let _ = self.0.send(HeldCall { call, work: Some(work), end });
        (works, ends)
    }
}

impl State {
    /// Where this call is held, if its customer's are.
    pub(super) fn gate(&self, query: &str, body: &Value) -> Option<Gate> {
        let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "customer_id");
        let customer = asked.map(|(_, customer)| customer.into_owned());
        let customer = customer.or_else(|| body["customer_id"].as_str().map(str::to_owned))?;
        self.held.get(&customer).cloned()
    }
}

impl FakeSubtotal {
    /// Holds the calls that list or create connections of this customer from now on, and sends them here.
    pub(crate) fn hold(&self, customer: &str) -> mpsc::UnboundedReceiver<HeldCall> {
        let (held, calls) = mpsc::unbounded_channel();
        self.state.lock().unwrap().held.insert(customer.to_owned(), Gate(held));
        calls
    }

    /// Holds no further calls of this customer.
    pub(crate) fn let_go(&self, customer: &str) {
        self.state.lock().unwrap().held.remove(customer);
    }
}
