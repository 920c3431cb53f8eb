//! Operations of the store that have not been answered.

use std::rc::Rc;

use super::change::Change;
use super::creation_keys::Question;
use super::read::Read;
use super::sweep::Part;
use super::types::{JobId, RequestId, SlotId};
use crate::table::Table;
use crate::task::{Millis, Task};

/// What an operation is for.
#[derive(Debug)]
pub(super) enum Pending {
    Create {
        call: RequestId,
        slot: SlotId,
    },
    Usage {
        call: RequestId,
    },
    /// A call with a creation key asks whose the key is.
    Key {
        call: RequestId,
        question: Question,
    },
    Load {
        slot: SlotId,
    },
    Swap {
        slot: SlotId,
        change: Rc<Change>,
        next: Rc<Task>,
        version: u32,
    },
    Read(Read),
    /// A walk through what is due asks for the next page.
    Sweep(Part),
    /// It deletes what is over.
    Deletion,
    /// Nothing waits for it.
    Nothing,
}

/// An operation of the store that has not been answered.
#[derive(Debug)]
struct Job {
    pending: Pending,
    started: Millis,
}

#[derive(Debug, Default)]
pub(super) struct Jobs {
    jobs: Table<JobId, Job>,
    last: JobId,
    /// How long the store may take for one operation, in ms; `None` for as long as it likes.
    limit: Option<Millis>,
    /// The end of that time for the oldest operation is in the timers.
    is_timed: bool,
}

impl Jobs {
    pub fn set_limit(&mut self, limit: Option<Millis>) {
        self.limit = limit;
    }

    pub fn limit(&self) -> Option<Millis> {
        self.limit
    }

    pub fn begin(&mut self, pending: Pending, now: Millis) -> JobId {
        self.last = self.last.next(1, |job| self.jobs.contains_key(&job));
        self.go_on(self.last, pending, now);
        self.last
    }

    /// A job that has read goes on with a write, so that the host adds to the payload that it has read.
    pub fn go_on(&mut self, job: JobId, pending: Pending, now: Millis) {
        self.jobs.insert(job, Job { pending, started: now });
    }

    /// The store has answered, or is not waited for. What the operation was for, and when it began.
    pub fn end(&mut self, job: JobId) -> Option<(Pending, Millis)> {
        self.jobs.remove(&job).map(|job| (job.pending, job.started))
    }

    pub fn is_open(&self, job: JobId) -> bool {
        self.jobs.contains_key(&job)
    }

    /// Nothing waits for the answer any longer.
    pub fn ignore(&mut self, job: JobId) {
        if let Some(job) = self.jobs.get_mut(&job) {
            job.pending = Pending::Nothing;
        }
    }

    /// The slot for which a job reads.
    pub fn loads(&self, job: JobId) -> Option<SlotId> {
        match self.jobs.get(&job)?.pending {
            Pending::Load { slot } => Some(slot),
            _ => None,
        }
    }

    /// When the store has had its time to answer the oldest operation, unless that is in the timers already.
    pub fn time_oldest(&mut self) -> Option<Millis> {
        let limit = self.limit.filter(|_| !self.is_timed)?;
        let oldest = self.jobs.values().map(|job| job.started).min()?;
        self.is_timed = true;
        Some(oldest.saturating_add(limit))
    }

    /// What the store has not answered in time.
    pub fn overdue(&mut self, now: Millis) -> Vec<JobId> {
        self.is_timed = false;
        let Some(limit) = self.limit else { return Vec::new() };
        self.jobs.iter().filter(|(_, job)| now.saturating_sub(job.started) >= limit).map(|(job, _)| *job).collect()
    }

    /// The operation on the task of a slot that takes `pause` ms or more, where the store has a limit at all.
    pub fn slow(&self, slot: SlotId, pause: Millis, now: Millis) -> Option<JobId> {
        self.limit?;
        let is_slow = |job: &Job| match job.pending {
            Pending::Load { slot: on } | Pending::Swap { slot: on, .. } => {
                on == slot && now.saturating_sub(job.started) >= pause
            }
            _ => false,
        };
        self.jobs.iter().find(|(_, job)| is_slow(job)).map(|(job, _)| *job)
    }

    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub fn number_from(&mut self, last: JobId) {
        self.last = last;
    }
}
