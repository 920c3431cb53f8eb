//! Telling somebody of ends, at least once: that it is to be told is part of the record that says how the task ended,
//! so that neither is there without the other, and any process on the store can do it.

use std::rc::Rc;

use super::auditing::of_end;
use super::change::Change;
use super::event::Event;
use super::outbox::Post;
use super::output::Output;
use super::receiver::Receiver;
use super::types::{PostId, SlotId, Trouble};
use crate::task::{Millis, POST_LEASE, Task};

impl Receiver {
    /// The host tells somebody how tasks end.
    pub fn post_ends(&mut self) {
        self.outbox.open();
    }

    /// The task in a slot has ended, or it is this receiver's turn to tell of it.
    pub(super) fn post(&mut self, number: SlotId, task: &Rc<Task>) {
        let Some(slot) = self.slots.get(number).filter(|_| self.outbox.is_open() && task.is_to_be_told()) else {
            return;
        };
        let end = Box::new(Event {
            happening: of_end(task),
            owner: Rc::clone(slot.owner()),
            id: slot.id().to_owned(),
            task: Some(Rc::clone(task)),
            at: task.updated_at,
            waited_since: None,
            run: None,
        });
        let attempt = task.posts;
        let post = self.outbox.add(Post { owner: Rc::clone(&end.owner), id: end.id.clone(), attempt });
        self.push(Output::Post { post, attempt, end });
    }

    /// The host has told of an end, or could not.
    pub fn handle_posted(&mut self, now: Millis, post: PostId, done: bool) {
        self.tick(now);
        let Some(post) = self.outbox.take(post) else { return };
        let pause = post.pause().filter(|_| !done);
        let change = match pause {
            Some(pause) => Change::Post { until: self.clock.now().saturating_add(pause), begins: false },
            None => Change::Posted,
        };
        let slot = self.slots.open(&post.owner, &post.id);
        self.change(slot, change);
        if !done && pause.is_none() {
            self.push(Output::Report { trouble: Trouble::Untold, id: post.id });
        }
    }

    /// Nobody has told of an end for long enough: this receiver does. Whether it is going to.
    pub(super) fn post_due(&mut self, slot: SlotId, task: &Task) -> bool {
        let now = self.clock.now();
        let is_due = self.outbox.is_open() && task.is_to_be_told() && task.post_at.is_none_or(|at| at <= now);
        if is_due {
            self.change(slot, Change::Post { until: now.saturating_add(POST_LEASE), begins: true });
        }
        is_due
    }
}
