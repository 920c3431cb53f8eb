//! Input requests whose handlers run here.

use super::types::{InputRequestId, RequestId};

/// An input request whose handler runs here.
#[derive(Debug)]
pub(super) struct PendingInput {
    pub input: InputRequestId,
    /// `None` until the store has it.
    pub key: Option<String>,
    /// The handler gave it up, or its answer is on its way to the store.
    pub over: bool,
    /// The result stream, or the connection itself, that carried it to the client.
    pub delivered: bool,
    pub stream: Option<RequestId>,
    /// It is a JSON-RPC request of the handler's own, to be delivered as such (2025-11-25).
    pub nested: bool,
    /// Whoever reads the task may see it, so the store has it.
    pub shown: bool,
    /// So many polls have told its client that the task waits for input, while nothing carried this.
    pub polls: u8,
    /// When nothing has carried it by then, nothing will.
    pub hopeless: bool,
}

impl PendingInput {
    pub fn new(input: InputRequestId, nested: bool, shown: bool) -> Self {
        Self { input, key: None, over: false, delivered: false, stream: None, nested, shown, polls: 0, hopeless: false }
    }

    /// Its client is to get it as a request, and has not.
    pub fn is_owed(&self) -> bool {
        self.nested && self.key.is_some() && !self.over && !self.delivered
    }
}
