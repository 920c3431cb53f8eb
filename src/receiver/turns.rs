//! The order in which slots take their changes in hand.

use std::collections::VecDeque;

use super::types::SlotId;

/// Slots whose next change waits for its turn.
#[derive(Debug, Default)]
pub(super) struct Turns {
    slots: VecDeque<SlotId>,
    /// Turns are being taken.
    taking: bool,
}

impl Turns {
    /// The slot gets a turn. Whether turns are to be taken now, by [`Turns::next`] until there is none.
    pub fn add(&mut self, slot: SlotId) -> bool {
        self.slots.push_back(slot);
        !std::mem::replace(&mut self.taking, true)
    }

    pub fn next(&mut self) -> Option<SlotId> {
        let next = self.slots.pop_front();
        self.taking = next.is_some();
        next
    }
}
