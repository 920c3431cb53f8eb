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
    started: bool,
    walking: bool,
    /// Another walk was asked for meanwhile.
    again: bool,
    /// When the next walk begins. A timer that comes earlier is an old one.
    next_at: Millis,
    /// What the walk has not looked at yet, the next part last.
    parts: Vec<Part>,
    /// Questions and deletions that the store has not answered.
    unanswered: u32,
    /// The slots of tasks that are being settled.
    settling: Vec<SlotId>,
    /// The pause before the next page is in the timers.
    pausing: bool,
    coin: u64,
}

/// What is due after a place, and at `before` or earlier.
#[derive(Clone, Debug)]
pub(super) struct Part {
    after: Option<DuePosition>,
    before: Millis,
}

impl Part {
    pub fn after(&self) -> Option<&DuePosition> {
        self.after.as_ref()
    }

    pub fn before(&self) -> Millis {
        self.before
    }
}

impl Sweep {
    /// `random` must differ between receivers on one store.
    pub fn new(random: u64) -> Self {
        Self { coin: random, ..Self::default() }
    }

    /// There is something to sweep from now on. Whether there was nothing before.
    pub fn start(&mut self) -> bool {
        !std::mem::replace(&mut self.started, true)
    }

    /// The next walk begins at this time.
    pub fn rest_until(&mut self, at: Millis) {
        self.next_at = at;
    }

    /// Whether a walk is to begin, now that a timer has come.
    pub fn is_due(&self, now: Millis) -> bool {
        !self.walking && self.next_at <= now
    }

    pub fn is_walking(&self) -> bool {
        self.walking
    }

    pub fn begin(&mut self, now: Millis) {
        self.walking = true;
        self.parts = vec![Part { after: None, before: now }];
    }

    /// When this walk ends, another one begins.
    pub fn walk_again(&mut self) {
        self.again = true;
    }

    /// The walk is over. Whether another one is to begin at once.
    pub fn end(&mut self) -> bool {
        self.walking = false;
        std::mem::take(&mut self.again)
    }

    /// The next page has to wait. Whether the end of that is to go into the timers.
    pub fn pause(&mut self) -> bool {
        !std::mem::replace(&mut self.pausing, true)
    }

    pub fn resume(&mut self) {
        self.pausing = false;
    }

    /// Whether the walk may go on, as all is done that the last page has shown. `is_settling`: whether the task in a
    /// slot keeps it waiting.
    pub fn is_page_done(&mut self, is_settling: impl Fn(SlotId) -> bool) -> bool {
        if !self.walking || self.unanswered > 0 {
            return false;
        }
        self.settling.retain(|slot| is_settling(*slot));
        self.settling.is_empty()
    }

    /// Whether the walk has looked at everything.
    pub fn is_at_end(&self) -> bool {
        self.parts.is_empty()
    }

    /// What the store is asked for next.
    pub fn next_part(&mut self) -> Option<Part> {
        let part = self.parts.pop()?;
        self.ask();
        Some(part)
    }

    /// The store is asked for something that is part of the walk.
    pub fn ask(&mut self) {
        self.unanswered += 1;
    }

    pub fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// The task in a slot is being settled.
    pub fn settle(&mut self, slot: SlotId) {
        self.settling.push(slot);
    }

    /// What comes after `last`, the last task of a full page of `part`, is looked at too.
    pub fn go_on(&mut self, part: &Part, last: DuePosition) {
        // A store that names the same again does not keep the walk going for ever.
        if part.after.as_ref().is_some_and(|after| after.due_at > last.due_at || *after == last) {
            return;
        }
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

    fn toss(&mut self) -> bool {
        self.coin = self.coin.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.coin >> 63 == 1
    }
}
