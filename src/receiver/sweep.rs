//! Walks through what is due in the store.

use std::rc::Rc;

use super::types::SlotId;
use crate::storage::DuePosition;
use crate::task::Millis;

/// A walk through all that is due in the store, a page at a time. The next page is asked for when what the last one has
/// shown is done, and the next walk begins a while after the last page: so there is never more under way than one page,
/// and what cannot be settled keeps nothing else from its turn.
///
/// What is left after a full page is parted in two halves by due time, and a coin decides which is first. So processes
/// that share a store and a backlog soon work at different places of it, and find little that others are about to
/// delete.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    pub started: bool,
    pub walking: bool,
    /// Another walk was asked for meanwhile.
    pub again: bool,
    /// When the next walk begins. A timer that comes earlier is an old one.
    pub next_at: Millis,
    /// What the walk has not looked at yet, the next part last.
    pub parts: Vec<Part>,
    /// Questions and deletions that the store has not answered.
    pub unanswered: u32,
    /// The slots of tasks that are being settled.
    pub settling: Vec<SlotId>,
    /// The pause before the next page is in the timers.
    pub pausing: bool,
    pub coin: u64,
}

/// What is due after a place, and at `before` or earlier.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub after: Option<DuePosition>,
    pub before: Millis,
}

impl Sweep {
    /// `random` must differ between receivers on one store.
    pub fn new(random: u64) -> Self {
        Self { coin: random, ..Self::default() }
    }

    pub fn toss(&mut self) -> bool {
        self.coin = self.coin.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.coin >> 63 == 1
    }

    /// What comes after `last`, the last task of a full page of `part`, is looked at too.
    pub fn go_on(&mut self, part: &Part, last: DuePosition) {
        let half = last.due_at.saturating_add(part.before.saturating_sub(last.due_at) / 2);
        if half <= last.due_at {
            return self.parts.push(Part { after: Some(last), before: part.before });
        }
        let begin = DuePosition { due_at: half, owner: Rc::from(""), id: String::new() };
        let mut halves =
            [Part { after: Some(last), before: half - 1 }, Part { after: Some(begin), before: part.before }];
        if self.toss() {
            halves.reverse();
        }
        self.parts.extend(halves);
    }
}
