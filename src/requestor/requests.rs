//! Requests about tasks whose answers are still taken.

use super::types::{Request, Task};
use crate::number;
use crate::table::Table;
use crate::wire::Method;

#[derive(Default, Debug)]
pub struct Requests {
    open: Table<Request, (Task, Method)>,
    last: Request,
}

impl Requests {
    /// A number that neither a request about a task has nor anything else that `is_used` knows.
    pub fn number(&mut self, is_used: impl Fn(Request) -> bool) -> Request {
        let is_used = |request| self.open.contains_key(&request) || is_used(request);
        self.last = number::after(self.last, 1..=Request::MAX, is_used);
        self.last
    }

    pub fn insert(&mut self, request: Request, task: Task, method: Method) {
        self.open.insert(request, (task, method));
    }

    /// What was asked with this request; its answer counts once.
    pub fn take(&mut self, request: Request) -> Option<(Task, Method)> {
        self.open.remove(&request).map(|known| *known)
    }
}
