//! Timers as a table. A timer is checked when it fires, so none is ever cancelled.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::task::Millis;

/// Timers of kind `T`, the earliest first.
#[derive(Debug)]
pub struct Deadlines<T: Ord> {
    heap: BinaryHeap<Reverse<(Millis, T)>>,
}

impl<T: Ord> Default for Deadlines<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new() }
    }
}

impl<T: Ord> Deadlines<T> {
    pub fn set(&mut self, at: Millis, timer: T) {
        self.heap.push(Reverse((at, timer)));
    }

    /// The next timer that is due at `now`.
    pub fn pop_due(&mut self, now: Millis) -> Option<T> {
        if self.next().is_none_or(|at| at > now) {
            return None;
        }
        self.heap.pop().map(|Reverse((_, timer))| timer)
    }

    /// Forgets the timers that `needed` says no to.
    pub fn retain(&mut self, mut needed: impl FnMut(&T) -> bool) {
        self.heap.retain(|Reverse((_, timer))| needed(timer));
    }

    pub fn len(&self) -> usize {
        self.heap.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// When the next timer fires.
    pub fn next(&self) -> Option<Millis> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}
