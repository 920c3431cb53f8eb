//! Requests about tasks whose answers are still taken.

use super::types::{RequestNumber, TaskNumber};
use crate::table::Table;
use crate::wire::Method;

#[derive(Default, Debug)]
pub struct Requests {
    open: Table<RequestNumber, (TaskNumber, Method)>,
    last: RequestNumber,
}

impl Requests {
    /// A number that neither a request about a task has nor anything else that `is_used` knows.
    pub fn number(&mut self, is_used: impl Fn(RequestNumber) -> bool) -> RequestNumber {
        let is_used = |request| self.open.contains_key(&request) || is_used(request);
        self.last = self.last.next(1, is_used);
        self.last
    }

    pub fn insert(&mut self, request: RequestNumber, task: TaskNumber, method: Method) {
        self.open.insert(request, (task, method));
    }

    /// What was asked with this request; its answer counts once.
    pub fn take(&mut self, request: RequestNumber) -> Option<(TaskNumber, Method)> {
        self.open.remove(&request).map(|known| *known)
    }
}
