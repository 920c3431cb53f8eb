//! Tells the operator what happened to tasks (X-SEC-09).

use std::rc::Rc;

use super::change::Change;
use super::event::{Event, Happening};
use super::output::Output;
use super::receiver::Receiver;
use super::types::{RequestContext, RequestId, SlotId};
use crate::task::{Failure, Millis, Phase, Task};

impl Receiver {
    /// Whether somebody listens to events; by default yes.
    pub fn audit(&mut self, audited: bool) {
        self.audited = audited;
    }

    /// Something happened to the task of a slot.
    pub(super) fn event(&mut self, happening: Happening, number: SlotId) {
        self.event_of_run(happening, number, self.slots.get(number).and_then(|slot| slot.run.call()), None);
    }

    /// The run of a task here is over.
    pub(super) fn stopped(&mut self, number: SlotId, run: RequestId) {
        self.event_of_run(Happening::Stopped, number, Some(run), None);
    }

    /// What was decided is stored.
    pub(super) fn happened(&mut self, number: SlotId, change: &Change, before: Option<&Task>, next: &Rc<Task>) {
        let happening = match change {
            // Nobody was told of a discarded task.
            Change::Discard { .. } | Change::Post { .. } | Change::Posted => return,
            _ if next.phase.is_terminal() => of_end(next),
            Change::SetStatusMessage(_) => Happening::Status,
            Change::RequestInput { .. } | Change::EndInInputRequired { .. } => Happening::InputRequired,
            Change::Update { .. } | Change::Answered { .. } => Happening::InputAnswered,
            Change::Withdraw { .. } => Happening::InputWithdrawn,
            Change::Cancel(_) => Happening::CancelRequested,
            Change::Expire => Happening::Extended,
            Change::Recover { .. } => Happening::Restarted,
            Change::Complete { .. } | Change::Fail { .. } | Change::Renew | Change::KeepStep { .. } => return,
            Change::Release | Change::Check => return,
        };
        if next.phase.is_terminal() {
            self.post(number, next);
        }
        let waited_since = before.and_then(|before| before.waits_since).filter(|_| next.waits_since.is_none());
        self.event_of_run(happening, number, self.slots.get(number).and_then(|slot| slot.run.call()), waited_since);
    }

    /// The outcome is read.
    pub(super) fn retrieved(&mut self, context: RequestContext, id: &str, task: &Rc<Task>) {
        let Some(owner) = self.peers.owner_of(context.peer).filter(|_| self.audited) else { return };
        self.tell(Event {
            happening: Happening::Retrieved,
            owner,
            id: id.to_owned(),
            task: Some(Rc::clone(task)),
            at: self.clock.now(),
            waited_since: None,
            run: None,
        });
    }

    fn event_of_run(
        &mut self,
        happening: Happening,
        number: SlotId,
        run: Option<RequestId>,
        waited_since: Option<Millis>,
    ) {
        let Some(slot) = self.slots.get(number).filter(|_| self.audited) else { return };
        let task = slot.task().cloned();
        self.tell(Event {
            happening,
            owner: Rc::clone(slot.owner()),
            id: slot.id().to_owned(),
            task,
            at: self.clock.now(),
            waited_since,
            run,
        });
    }

    fn tell(&mut self, event: Event) {
        self.push(Output::Event(Box::new(event)));
    }
}

pub(super) fn of_end(task: &Task) -> Happening {
    match (task.phase, task.failure) {
        (_, Some(Failure::Expired)) => Happening::Expired,
        (_, Some(Failure::Lost)) => Happening::Lost,
        (Phase::Cancelled, _) => Happening::Cancelled,
        (Phase::Failed, _) => Happening::Failed,
        _ => Happening::Completed,
    }
}
