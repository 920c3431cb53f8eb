//! Connections, each with one owner.

use std::collections::VecDeque;
use std::rc::Rc;

use super::types::{RequestContext, RequestId};
use crate::table::Table;

/// A connection with one owner.
#[derive(Debug)]
pub(super) struct Connection {
    /// `None`: the owner could not be told, and nothing is created or found for it.
    pub owner: Option<Rc<str>>,
    /// The client reads this connection as one stream, so requests to it need no other (stdio, in-memory).
    pub single_stream: bool,
    /// Its requests that wait: blocked `tasks/result`, and calls whose tasks are on their way to the store.
    pub waits: Table<RequestId, ()>,
    /// What its last request said of itself, while it is open: a task of the same owner can run again on it.
    pub last: Option<RequestContext>,
    /// The tasks that it has made, the latest first: all that it lists where it has no principal.
    pub made: VecDeque<String>,
}
