//! The store: when its operations happen, and how they end.

use super::*;

impl World {
    /// The store performs the operation and answers.
    pub fn answer(&mut self, index: usize) {
        if self.nodes[self.pending[index].node].paused {
            return;
        }
        let op = self.pending.remove(index);
        if self.nodes[op.node].life != op.life {
            return;
        }
        let is_put = matches!(op.operation, Operation::Put { .. });
        if is_put && let Some((left, after)) = self.crash_at {
            self.crash_at = left.checked_sub(1).map(|left| (left, after));
            if left == 0 {
                if after {
                    self.perform(&op, Fault::Nothing);
                }
                return self.crash(op.node);
            }
        }
        let fault = if is_put { self.faults.pop_front().unwrap_or(Fault::Nothing) } else { Fault::Nothing };
        if matches!(fault, Fault::Fail | Fault::FailStored) && std::mem::take(&mut self.blind_next) {
            self.blind = true;
        }
        let done = if self.blind && !is_put { (Completion::Failed, None) } else { self.perform(&op, fault) };
        self.complete_op(op, done);
    }

    /// The store performs the operation; nobody has heard of it yet.
    pub fn perform(&mut self, op: &Op, fault: Fault) -> (Completion, Option<Parts>) {
        self.store.now = self.now;
        let (completion, parts) = self.store.perform(&op.operation, op.read.as_ref(), fault);
        (completion, parts.filter(|_| !matches!(op.operation, Operation::Put { payload: Payload::Keep, .. })))
    }

    /// The store's answer arrives.
    pub fn complete_op(&mut self, op: Op, (completion, parts): (Completion, Option<Parts>)) {
        if self.nodes[op.node].life != op.life {
            return;
        }
        // One that took too long is finished already.
        if let Some(read) = self.nodes[op.node].read.get_mut(&op.job).filter(|_| parts.is_some()) {
            *read = parts;
        }
        self.input(op.node, |receiver, now| receiver.handle_completion(now, op.job, completion));
    }

    /// Answers everything, the oldest first.
    pub fn answer_all(&mut self) {
        for _ in 0..MOST_OUTPUTS {
            match self.pending.iter().position(|op| !self.nodes[op.node].paused) {
                Some(index) => self.answer(index),
                None => return,
            }
        }
        panic!("operations without end");
    }
}
