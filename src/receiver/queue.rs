//! Changes to one task: one after the other has its turn, and how far the one has come whose turn it is.

use std::collections::VecDeque;
use std::rc::Rc;

use super::change::Change;
use super::types::RequestContext;
use crate::task::Millis;

/// A swap that keeps losing is given up after this many attempts, and so is one that the store keeps failing.
const ATTEMPTS: u32 = 64;

/// How far the change at the head has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// The store is not asked for anything: the change at the head, if there is one, gets its turn.
    #[default]
    Idle,
    /// The task itself is on its way to the store, and all changes wait.
    Creating,
    /// The record is being read, or the change is decided by a copy of it.
    Loading,
    /// The change is on its way to the store. `begins`: with it, a run begins here.
    Writing { begins: bool },
    /// The store has failed, and the change is tried again after a while.
    Paused,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    changes: VecDeque<Rc<Change>>,
    state: State,
    /// Failed or lost attempts of the change at the head.
    attempts: u32,
    /// Since when it fails.
    fails_since: Option<Millis>,
    /// It could not be settled what becomes of a task whose process was lost; the next change does not ask again.
    unsettled: bool,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether the store is asked for something, or is about to be.
    pub fn is_busy(&self) -> bool {
        self.state != State::Idle
    }

    pub fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Whether the change at the head is on its first attempt.
    pub fn is_first_attempt(&self) -> bool {
        self.attempts == 0
    }

    /// Whether the change at the head has been tried too often.
    pub fn is_hopeless(&self) -> bool {
        self.attempts > ATTEMPTS
    }

    pub fn head(&self) -> Option<&Rc<Change>> {
        self.changes.front()
    }

    /// The change at the head, where nothing else knows it yet.
    pub fn head_mut(&mut self) -> Option<&mut Change> {
        Rc::get_mut(self.changes.front_mut()?)
    }

    /// So many changes are on their way: the one at the head, if its turn has come.
    fn on_their_way(&self) -> usize {
        usize::from(!matches!(self.state, State::Idle | State::Creating))
    }

    /// Adds a change after all others. Whether it takes a place of its own: of status messages only the newest matters.
    pub fn push(&mut self, change: Change) -> bool {
        let waits = self.changes.len() > self.on_their_way();
        if waits
            && let Some(last) = self.changes.back_mut()
            && let (Change::SetStatusMessage(_), Change::SetStatusMessage(_)) = (&change, &**last)
        {
            *last = Rc::new(change);
            return false;
        }
        self.changes.push_back(Rc::new(change));
        true
    }

    /// Adds a change before all that wait.
    pub fn push_next(&mut self, change: Change) {
        let head = if self.on_their_way() > 0 { self.changes.pop_front() } else { None };
        self.changes.push_front(Rc::new(change));
        if let Some(head) = head {
            self.changes.push_front(head);
        }
    }

    /// Another change has its turn before the one at the head.
    pub fn push_first(&mut self, change: Change) {
        self.state = State::Idle;
        self.changes.push_front(Rc::new(change));
    }

    /// Another change takes the place of the one at the head, and gets a turn.
    pub fn replace_head(&mut self, change: Change) {
        self.state = State::Idle;
        if let Some(head) = self.changes.front_mut() {
            *head = Rc::new(change);
        }
    }

    /// Whether a change like this is in the queue.
    pub fn has(&self, is_it: fn(&Change) -> bool) -> bool {
        self.changes.iter().any(|change| is_it(change))
    }

    /// Whether a change like this waits for its turn.
    pub fn has_waiting(&self, is_it: fn(&Change) -> bool) -> bool {
        self.changes.iter().skip(self.on_their_way()).any(|change| is_it(change))
    }

    /// Keeps the changes that are like this.
    pub fn keep(&mut self, is_kept: fn(&Change) -> bool) {
        self.retain(&|change| is_kept(change));
    }

    pub fn is_head(&self, change: &Rc<Change>) -> bool {
        self.head().is_some_and(|head| Rc::ptr_eq(head, change))
    }

    /// Takes a change out of the queue. Whether it was there.
    pub fn remove(&mut self, change: &Rc<Change>) -> bool {
        let before = self.changes.len();
        self.retain(&|queued| !Rc::ptr_eq(queued, change));
        self.changes.len() < before
    }

    /// `VecDeque::retain` is a KB more of code for a queue that is short.
    fn retain(&mut self, is_kept: &dyn Fn(&Rc<Change>) -> bool) {
        for _ in 0..self.changes.len() {
            if let Some(change) = self.changes.pop_front().filter(is_kept) {
                self.changes.push_back(change);
            }
        }
    }

    pub fn begin_creation(&mut self) {
        self.state = State::Creating;
    }

    /// The turn of the change at the head has come.
    pub fn begin_turn(&mut self) {
        self.state = State::Loading;
    }

    pub fn begin_write(&mut self, begins: bool) {
        self.state = State::Writing { begins };
    }

    /// Whether a run begins here with the write that is on its way.
    pub fn begins_run(&self) -> bool {
        self.state == State::Writing { begins: true }
    }

    /// The change at the head gets another turn.
    pub fn try_again(&mut self) {
        self.state = State::Idle;
    }

    /// Somebody else was faster: the change at the head gets another turn.
    pub fn lose(&mut self) {
        self.state = State::Idle;
        self.attempts = self.attempts.saturating_add(1);
    }

    /// The store has failed. How often, and since when.
    pub fn fail(&mut self, now: Millis) -> (u32, Millis) {
        self.state = State::Paused;
        self.attempts = self.attempts.saturating_add(1);
        (self.attempts, *self.fails_since.get_or_insert(now))
    }

    /// The pause after a failure is over.
    pub fn resume(&mut self) {
        if self.state == State::Paused {
            self.state = State::Idle;
        }
    }

    /// The turn of the change at the head is over, or the creation; it keeps its place.
    pub fn rest(&mut self) {
        self.state = State::Idle;
        self.attempts = 0;
        self.fails_since = None;
    }

    /// The change at the head is over without effect.
    pub fn leave_head(&mut self) -> Option<Rc<Change>> {
        self.rest();
        let left = self.changes.pop_front();
        self.unsettled = matches!(left.as_deref(), Some(Change::Recover { .. }));
        left
    }

    /// The store has the change at the head.
    pub fn take_stored(&mut self) -> Option<Rc<Change>> {
        self.rest();
        self.unsettled = false;
        self.changes.pop_front()
    }

    /// Nothing is to change any more. What was to.
    pub fn take_all(&mut self) -> VecDeque<Rc<Change>> {
        self.rest();
        std::mem::take(&mut self.changes)
    }

    /// The requests that wait for a change; none of them does from now on.
    pub fn take_requests(&mut self) -> Vec<RequestContext> {
        let mut requests = Vec::new();
        for change in &self.changes {
            requests.extend(change.context());
        }
        self.keep(|change| change.context().is_none());
        requests
    }
}
