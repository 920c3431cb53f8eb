//! How every story ends: faults stop, and then everything has to come right in a time that is known.

use std::collections::{BTreeMap, BTreeSet};

use mcp_longhaul::task::{Millis, Task};
use mcp_longhaul::wire::Method;

use super::simulation::Simulation;
use super::truth::Run;
use crate::harness::{G25, LEASE, STORE_LIMIT};

/// How often the store is asked for what is due, at most.
const SWEEP: Millis = 30_000;
/// For what was under way when the faults stopped: the longest pause of a write that is tried again, and the way there.
const SLACK: Millis = 15_000;

impl Simulation {
    pub fn end_well(&mut self, deserted: bool) {
        self.clear_up();
        self.pass_until_none_is_late();
        if deserted {
            self.desert();
        }
        // What hangs is given up first.
        self.pass(STORE_LIMIT + 2 * LEASE + SWEEP + self.truth.span() + SLACK);
        self.assert_nothing_is_stuck();
        let rows = self.world.store.rows();
        let tasks: BTreeMap<String, Task> = rows.map(|(_, id, task)| (id.to_owned(), task)).collect();
        self.truth.assert_answers_are_used(|id| tasks.get(id).cloned());
        self.hurries = true;
        for _ in 0..4 {
            self.end_all();
            self.pass(SLACK);
            self.cancel_all();
            self.pass(SLACK);
        }
        self.assert_all_are_over();
        self.desert();
        // An end is told again after half a minute, and by another process after a minute.
        self.pass(180_000 + 2 * SWEEP + self.truth.span());
        self.pass_until_quiet();
        self.assert_nothing_is_left();
    }

    /// X-STO-05: whoever is to run a task runs it, and holds it.
    fn assert_nothing_is_stuck(&self) {
        for (owner, id, task) in self.world.store.rows() {
            if !task.needs_runner() {
                continue;
            }
            let lease = task.lease.as_ref().unwrap_or_else(|| panic!("nobody holds {id}: {task:?}"));
            let run = self.truth.run_of(id, task.epoch).filter(|run| self.lives(*run));
            let runs = run.is_some_and(|run| self.is_at_work(run) && *lease.holder == *self.world.holder(run.0));
            assert!(runs, "{id} is stuck: its process is lost, and nobody has settled it: {task:?}");
            assert!(
                self.now() - self.world.store.written_at(owner, id) < LEASE,
                "nobody renews the lease of {id}: {task:?}"
            );
        }
    }

    /// Its handler goes on, or has ended just now.
    fn is_at_work(&self, run: Run) -> bool {
        self.workers.get(&run).is_some_and(|worker| worker.over.is_none_or(|over| over + SLACK > self.now()))
    }

    fn end_all(&mut self) {
        let runs: Vec<Run> =
            self.workers.iter().filter(|(_, worker)| worker.over.is_none()).map(|(run, _)| *run).collect();
        for run in runs {
            self.stop(run);
            self.end(run);
        }
    }

    fn cancel_all(&mut self) {
        let ids: Vec<String> = self
            .world
            .store
            .rows()
            .filter(|(.., task)| !task.phase.is_terminal())
            .map(|(_, id, _)| id.to_owned())
            .collect();
        for id in ids {
            self.ask_of(0, &id, Method::Cancel);
        }
    }

    /// X-STO-01: all have ended, and every instance says of each how it did.
    fn assert_all_are_over(&mut self) {
        let rows: Vec<(String, bool)> =
            self.world.store.rows().map(|(_, id, task)| (id.to_owned(), task.generation == G25)).collect();
        for (_, id, task) in self.world.store.rows() {
            assert!(task.phase.is_terminal(), "{id} does not end: {task:?}");
            self.truth.assert_stored_end(id, &task);
        }
        for (id, old) in rows {
            self.truth.close(&id);
            for node in 0..self.world.lives().len() {
                self.ask_of(node, &id, Method::Get);
                if old {
                    self.ask_of(node, &id, Method::Result);
                }
            }
        }
    }

    /// No handler waits, no request is unanswered, and no instance has anything in hand.
    fn assert_nothing_is_left(&self) {
        assert!(self.asks.is_empty(), "handlers wait for ever: {:?}", self.asks);
        let unanswered = self.unanswered();
        assert!(unanswered.is_empty(), "requests without an answer: {unanswered:?}");
        self.world.assert_idle();
        let kept: BTreeSet<&str> = self.world.store.rows().map(|(_, id, _)| id).collect();
        self.truth.assert_ends_were_told(&self.world.lives(), |id| kept.contains(id));
        for (_, id, task) in self.world.store.rows() {
            assert!(!task.is_to_be_told(), "nobody is told of {id}: {task:?}");
        }
        self.truth.assert_posted();
        for node in 0..self.world.lives().len() {
            assert!(
                self.world.receiver(node).timers() < 20,
                "{} timers are left on {node}",
                self.world.receiver(node).timers()
            );
        }
        for client in &self.clients {
            assert_eq!(client.requestor.followed(), 0);
            assert!(client.calls.is_empty(), "calls without an answer: {:?}", client.calls);
        }
    }
}
