//! Input requests of a task whose handlers run here.

use super::types::{InputRequestId, RequestId};
use crate::task::Task;

/// Which poll carries a request itself. A client that opens a stream for its questions has done so before.
const POLLS_FOR_INPUT: u8 = 3;

/// An input request whose handler runs here.
#[derive(Debug)]
pub(super) struct PendingInput {
    input: InputRequestId,
    /// `None` until the store has it.
    key: Option<String>,
    /// The handler gave it up, or its answer is on its way to the store.
    over: bool,
    /// The result stream, or the connection itself, that carried it to the client.
    delivered: bool,
    stream: Option<RequestId>,
    /// It is a JSON-RPC request of the handler's own, to be delivered as such (2025-11-25).
    nested: bool,
    /// Whoever reads the task may see it, so the store has it.
    shown: bool,
    /// So many polls have told its client that the task waits for input, while nothing carried this.
    polls: u8,
    /// When nothing has carried it by then, nothing will.
    hopeless: bool,
}

impl PendingInput {
    pub fn input(&self) -> InputRequestId {
        self.input
    }

    pub fn was_delivered(&self) -> bool {
        self.delivered
    }

    pub fn into_key(self) -> Option<String> {
        self.key
    }

    pub fn has_key(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key)
    }

    /// Whether the task has an answer to it that its handler has not got.
    pub fn is_answered_in(&self, task: &Task) -> bool {
        !self.over && self.key.as_ref().and_then(|key| task.input(key)).is_some_and(|input| input.answered)
    }

    /// Whether its answer was taken by a receiver that is no more.
    fn is_lost_in(&self, task: &Task) -> bool {
        self.shown && !self.over && self.key.as_ref().is_some_and(|key| task.input(key).is_none())
    }

    /// Its client is to get it as a request, and has not.
    fn is_owed(&self) -> bool {
        self.nested && self.key.is_some() && !self.over && !self.delivered
    }

    fn lose_carrier(&mut self) {
        self.delivered = false;
        self.stream = None;
    }
}

/// What becomes of an input request that the store has now.
pub(super) enum Followup {
    /// Its handler gave it up on the way to the store.
    GivenUp,
    /// Its answer may come to another process.
    Shown,
    Nested,
}

#[derive(Debug, Default)]
pub(super) struct Inputs {
    pending: Vec<PendingInput>,
}

impl Inputs {
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many are on their way to the store.
    pub fn unstored(&self) -> usize {
        self.pending.iter().filter(|pending| pending.key.is_none()).count()
    }

    /// `key`: under which the store has it already.
    pub fn add(&mut self, input: InputRequestId, key: Option<String>, nested: bool, shown: bool) {
        let (over, delivered, stream, polls, hopeless) = (false, false, None, 0, false);
        self.pending.push(PendingInput { input, key, over, delivered, stream, nested, shown, polls, hopeless });
    }

    fn get(&self, input: InputRequestId) -> Option<&PendingInput> {
        self.pending.iter().find(|pending| pending.input == input)
    }

    fn get_mut(&mut self, input: InputRequestId) -> Option<&mut PendingInput> {
        self.pending.iter_mut().find(|pending| pending.input == input)
    }

    /// The store has it, under `key`.
    pub fn stored(&mut self, input: InputRequestId, key: &str) -> Option<Followup> {
        let pending = self.get_mut(input)?;
        pending.key = Some(key.to_owned());
        Some(match pending {
            PendingInput { over: true, .. } => Followup::GivenUp,
            PendingInput { shown: true, .. } => Followup::Shown,
            _ => Followup::Nested,
        })
    }

    /// Whether who reads the task may see it.
    pub fn shows(&self, input: InputRequestId) -> bool {
        self.get(input).is_some_and(|pending| pending.shown)
    }

    /// Whether another process may get an answer to one of them.
    pub fn are_shown(&self) -> bool {
        self.pending.iter().any(|pending| pending.shown && pending.key.is_some())
    }

    pub fn has_key(&self, key: &str) -> bool {
        self.pending.iter().any(|pending| pending.has_key(key))
    }

    /// Those whose answers were taken by a receiver that is no more.
    pub fn lost_in(&self, task: &Task) -> Vec<InputRequestId> {
        let mut lost = Vec::new();
        for pending in self.pending.iter().filter(|pending| pending.is_lost_in(task)) {
            lost.push(pending.input);
        }
        lost
    }

    /// Those that are owed to the client count as delivered, on a result stream or on the connection itself.
    pub fn deliver(&mut self, stream: Option<RequestId>) -> Vec<InputRequestId> {
        let mut owed = Vec::new();
        for pending in self.pending.iter_mut().filter(|pending| pending.is_owed()) {
            pending.delivered = true;
            pending.stream = stream;
            owed.push(pending.input);
        }
        owed
    }

    /// The client has polled. Those that go out on the stream of this poll.
    pub fn poll(&mut self) -> Vec<InputRequestId> {
        let mut owed = Vec::new();
        for pending in self.pending.iter_mut().filter(|pending| pending.is_owed()) {
            pending.polls = pending.polls.saturating_add(1);
            if pending.polls == POLLS_FOR_INPUT {
                owed.push(pending.input);
            }
        }
        owed
    }

    /// What carried it to the client is gone, or there was nothing to carry it: it is owed again.
    pub fn lose_carrier(&mut self, input: InputRequestId) {
        if let Some(pending) = self.get_mut(input) {
            pending.lose_carrier();
        }
    }

    /// A result stream is gone, or, for none, the connection itself: what it carried is owed again.
    pub fn lose_stream(&mut self, stream: Option<RequestId>) {
        for pending in self.pending.iter_mut().filter(|pending| pending.stream == stream) {
            pending.lose_carrier();
        }
    }

    /// Nothing carries it to the client for now. Whether the end of the time in which something may is to go into the
    /// timers: where tasks show it, an update may still answer it.
    pub fn despair(&mut self, input: InputRequestId) -> bool {
        let pending = self.get_mut(input).filter(|pending| !pending.shown && !pending.hopeless);
        pending.map(|pending| pending.hopeless = true).is_some()
    }

    /// That time is over. Where it is still owed, it is given up, as by [`Inputs::give_up`].
    pub fn give_up_owed(&mut self, input: InputRequestId) -> Option<Option<String>> {
        let pending = self.get_mut(input)?;
        pending.hopeless = false;
        if !pending.is_owed() {
            return None;
        }
        self.give_up(input)
    }

    /// It is over, as its handler has given it up or its answer has come. `None` where it was over before, else the key
    /// under which the store has it.
    pub fn give_up(&mut self, input: InputRequestId) -> Option<Option<String>> {
        let pending = self.get_mut(input).filter(|pending| !pending.over)?;
        pending.over = true;
        Some(pending.key.clone())
    }

    /// Its answer has come from the client, the first one (H08). The key under which the store has it.
    pub fn answer(&mut self, input: InputRequestId) -> Option<String> {
        self.get(input)?.key.as_ref()?;
        self.give_up(input)?
    }

    /// Takes the first one out that is like this.
    pub fn take(&mut self, is_it: impl FnMut(&PendingInput) -> bool) -> Option<PendingInput> {
        let place = self.pending.iter().position(is_it)?;
        Some(self.pending.remove(place))
    }

    pub fn take_all(&mut self) -> Vec<PendingInput> {
        std::mem::take(&mut self.pending)
    }
}
