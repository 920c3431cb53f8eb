//! Handlers: what they do, and what they learn.

use std::collections::BTreeSet;

use mcp_longhaul::receiver::{InputRequestId, Outcome, Output, RequestId, StepId};
use mcp_longhaul::task::{InputKind, Millis};

use super::simulation::{Event, Simulation};
use super::truth::Run;
use crate::harness::G25;

/// A handler that was begun.
#[derive(Debug)]
pub struct Worker {
    /// Its task, once it is one.
    pub id: Option<String>,
    /// How many steps it has taken, and those that its task had kept when it began.
    steps: u32,
    kept: BTreeSet<u32>,
    /// It does so many things more before it ends.
    left: u64,
    /// It does nothing until this is answered.
    waits: bool,
    /// It ends as soon as it can.
    stops: bool,
    /// It has not begun.
    held: bool,
    /// Since when it has ended.
    pub over: Option<Millis>,
}

impl Simulation {
    pub(super) fn forward(&mut self, run: Run, gated: bool) {
        let left = self.random.below(6);
        // A call that is not held was bound before.
        let id = self.bound_to(run);
        let kept = id.as_deref().map(|id| self.truth.steps(id)).unwrap_or_default();
        let worker = Worker { id, steps: 0, kept, left, waits: false, stops: false, held: gated, over: None };
        self.workers.insert(run, worker);
        self.soon(run);
    }

    fn bound_to(&self, run: Run) -> Option<String> {
        self.world.seen.iter().rev().find_map(|seen| match &seen.output {
            Output::Bind { call, id } if (seen.node, seen.life, *call) == run => Some(id.clone()),
            _ => None,
        })
    }

    pub(super) fn begin(&mut self, run: Run) {
        if let Some(worker) = self.workers.get_mut(&run) {
            worker.held = false;
            self.soon(run);
        }
    }

    pub(super) fn restart(&mut self, run: Run, answers: Vec<(String, String)>) {
        self.forward(run, false);
        let id = self.bound_to(run).expect("a task");
        for (key, _) in answers {
            self.truth.answered(run, &id, &key, true);
        }
    }

    pub(super) fn bound(&mut self, run: Run, id: String) {
        if let Some(worker) = self.workers.get_mut(&run) {
            worker.id = Some(id);
        }
    }

    /// It is told to stop; it may take its time, and may have something to say all the same.
    pub(super) fn stop(&mut self, run: Run) {
        if let Some(worker) = self.workers.get_mut(&run) {
            worker.stops = true;
            self.soon(run);
        }
    }

    pub(super) fn let_go(&mut self, run: Run) {
        if let Some(worker) = self.workers.get_mut(&run) {
            worker.stops = true;
        }
    }

    /// What it asked is answered, or will not be.
    pub(super) fn heard(&mut self, node: usize, ask: InputRequestId, key: Option<String>) {
        let Some(run) = self.asks.remove(&ask) else {
            return assert!(self.given_up.remove(&ask), "{ask} is answered twice on {node}");
        };
        assert_eq!(run.0, node);
        let id = self.workers.get(&run).and_then(|worker| worker.id.clone());
        if let (Some(key), Some(id)) = (key, id) {
            self.truth.answered(run, &id, &key, false);
        }
        if let Some(worker) = self.workers.get_mut(&run) {
            worker.waits = false;
            self.soon(run);
        }
    }

    fn soon(&mut self, run: Run) {
        let most = if self.random.chance(15) { 60_000 } else { 3_000 };
        let pause = self.random.time(0, most);
        self.after(pause, Event::Work(run));
    }

    /// The next thing that a handler does.
    pub(super) fn work(&mut self, run: Run) {
        if !self.lives(run) {
            return;
        }
        let (node, _, call) = run;
        let Some(worker) = self.workers.get_mut(&run).filter(|worker| worker.over.is_none()) else { return };
        if worker.held {
            if worker.stops {
                return self.end(run);
            }
            return self.at(node, |receiver, now| receiver.handle_begin(now, call));
        }
        if worker.stops || worker.left == 0 {
            if !worker.waits || worker.stops {
                self.end(run);
            }
            return;
        }
        if worker.waits {
            return;
        }
        worker.left -= 1;
        match self.random.below(7) {
            0 => {
                let message = format!("at {}", self.now());
                self.at(node, |receiver, now| receiver.handle_status_message(now, call, &message));
            }
            1 | 2 => self.ask_client(run),
            3 => self.at(node, |receiver, now| receiver.handle_promote(now, call)),
            4 => self.take_step(run),
            _ => {}
        }
        self.soon(run);
    }

    /// It takes a step, unless its task has kept that of an earlier run.
    fn take_step(&mut self, run: Run) {
        let (node, _, call) = run;
        let Some(worker) = self.workers.get_mut(&run).filter(|worker| worker.id.is_some()) else { return };
        worker.steps += 1;
        let number = worker.steps;
        if worker.kept.contains(&number) {
            return;
        }
        worker.waits = true;
        self.last_step = StepId::new(self.last_step.get() + 1);
        let step = self.last_step;
        self.steps.insert(step, (run, number));
        self.at(node, |receiver, now| receiver.handle_step(now, call, step, number));
    }

    /// What its step has led to is kept, or will not be.
    pub(super) fn step_is_over(&mut self, step: StepId, kept: bool) {
        let Some((run, number)) = self.steps.remove(&step) else {
            // The store had it all the same, and nothing told so in time.
            return assert!(kept && self.lost_steps.remove(&step), "step {step} is over twice");
        };
        if !kept {
            self.lost_steps.insert(step);
        }
        let Some(worker) = self.workers.get_mut(&run) else { return };
        worker.waits = false;
        if let Some(id) = worker.id.as_deref().filter(|_| kept) {
            self.truth.kept(id, number, step);
        }
        self.soon(run);
    }

    fn ask_client(&mut self, run: Run) {
        let (node, _, call) = run;
        let own = self.speaks_old(run);
        self.last_ask = InputRequestId::new(self.last_ask.get() + 1);
        let (ask, name) = (self.last_ask, format!("q{}", self.random.below(2)));
        self.asks.insert(ask, run);
        if let Some(worker) = self.workers.get_mut(&run) {
            worker.waits = true;
        }
        if !self.at(node, |receiver, now| receiver.handle_input_request(now, call, ask, &name, InputKind::Elicit, own))
        {
            // It goes its ordinary way.
            self.asks.remove(&ask);
            if let Some(worker) = self.workers.get_mut(&run) {
                worker.waits = false;
            }
        } else if self.random.chance(10) && self.asks.remove(&ask).is_some() {
            self.given_up.insert(ask);
            if let Some(id) = self.workers.get(&run).and_then(|worker| worker.id.clone()) {
                self.truth.gave_up(&id);
            }
            if let Some(worker) = self.workers.get_mut(&run) {
                worker.waits = false;
            }
            self.at(node, |receiver, now| receiver.handle_withdraw(now, call, ask));
        }
    }

    fn speaks_old(&self, run: Run) -> bool {
        let id = self.workers.get(&run).and_then(|worker| worker.id.as_deref());
        id.and_then(|id| self.truth.generation(id)) == Some(G25)
    }

    /// The handler ends, somehow.
    pub(super) fn end(&mut self, run: Run) {
        let now = self.now();
        let (node, _, call): (usize, u32, RequestId) = run;
        let old = self.speaks_old(run);
        let Some(worker) = self.workers.get_mut(&run).filter(|worker| worker.over.is_none()) else { return };
        worker.over = Some(now);
        let is_task = worker.id.is_some();
        let outcome = match self.random.below(10) {
            0 => Outcome::Error { size: 10 },
            1 => Outcome::Result { is_error: true, size: 10 },
            2 => Outcome::NotJson,
            3 | 4 if is_task && !old && !self.hurries => Outcome::Input {
                requests: vec![("name".into(), Some(InputKind::Elicit)), ("age".into(), Some(InputKind::Elicit))],
                state: true,
            },
            _ => Outcome::Result { is_error: false, size: 10 },
        };
        self.at(node, |receiver, now| receiver.handle_outcome(now, call, outcome));
    }
}
