//! Reads that wait for the store.

use std::rc::Rc;

use super::types::RequestContext;

/// A read that waits for the store.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub kind: ReadKind,
    /// The request that is answered with it.
    pub context: RequestContext,
    pub owner: Rc<str>,
    /// Empty for a page.
    pub id: String,
    /// It is not asked any more whether the task's process was lost.
    pub settled: bool,
}

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ReadKind {
    State,
    Outcome,
    Page,
    /// A task that a subscription names.
    Listened,
}
