//! What must hold of every story, whatever happens in it.

use std::collections::{BTreeMap, BTreeSet};

use mcp_longhaul::receiver::{Event, Happening, RequestId, StepId};
use mcp_longhaul::task::{Failure, Millis, Phase, Task};
use mcp_longhaul::wire::Generation;
use serde_json::Value;

use crate::model::Written;

/// A run of a handler: which instance, which life of it, and which call there.
pub type Run = (usize, u32, RequestId);

/// How a task ended, as somebody saw it: the status, and the outcome where it came with it.
#[derive(Clone, PartialEq, Debug, Default)]
struct End {
    status: Option<String>,
    outcome: Option<Value>,
}

/// What the store has of a task.
struct Stored {
    task: Task,
    /// Who reads it from here on may miss it.
    gone_at: Option<Millis>,
}

#[derive(Default)]
pub struct Truth {
    stored: BTreeMap<String, Stored>,
    ends: BTreeMap<String, End>,
    /// What each subscription, or requestor, was told last of each task.
    pushed: BTreeMap<(Run, String), Value>,
    /// The end that the events told.
    told: BTreeMap<String, Happening>,
    /// Tasks of which somebody was told that they had expired before the store had it.
    early: BTreeSet<String>,
    created: BTreeSet<String>,
    /// Which process wrote the end.
    enders: BTreeMap<String, (usize, u32)>,
    /// Which run of which task a call is, and the other way round.
    runs: BTreeMap<Run, (String, u32)>,
    epochs: BTreeMap<(String, u32), Run>,
    /// The runs that got the answer under a key.
    answered: BTreeMap<(String, String), Vec<Run>>,
    /// Questions of which the store knows that they are answered: the run that asked, and whether it ended with them.
    consumed: BTreeMap<(String, String), (u32, bool)>,
    /// Tasks whose handler gave a question up.
    gave_up: BTreeSet<String>,
    /// What each step of a task has led to, as the store has it.
    steps: BTreeMap<(String, String), String>,
    /// How often somebody was told of each end.
    posts: BTreeMap<String, u32>,
    /// Every answer that was ever stored.
    answers: BTreeMap<(String, String), String>,
    /// The furthest that any clock was ahead, and behind.
    pub ahead: Millis,
    pub behind: Millis,
}

impl Truth {
    /// By how much two clocks may differ, or may have.
    pub fn span(&self) -> Millis {
        self.ahead + self.behind
    }

    pub fn clock(&mut self, ahead: Millis) {
        self.ahead = self.ahead.max(ahead);
        self.behind = self.behind.max(-ahead);
    }

    /// The store took a write. The store itself has looked at what holds for any two versions of a task; here it
    /// matters who wrote.
    pub fn written(&mut self, written: &Written) {
        let Written { id, before, task, parts, .. } = written;
        if before.as_ref().is_some_and(|before| before.phase.is_terminal()) {
            // Who tells of an end changes nothing else.
            return;
        }
        let gone_at = if task.failure == Some(Failure::Expired) { task.gone_at() } else { task.expires_at() };
        if let Some(before) = before {
            self.assert_by_the_runner(id, before, task, written.silence);
        }
        let outcome =
            parts.get("result").or(parts.get("error")).and_then(|outcome| outcome.strip_prefix("outcome of "));
        if let Some(call) = outcome.filter(|_| task.phase.is_terminal()) {
            let (node, life) = writer(task);
            let run = (node, life, call.parse::<u32>().expect("a call").into());
            assert_eq!(
                self.runs.get(&run),
                Some(&(id.clone(), task.epoch)),
                "the run {run:?} is not the latest of {id}"
            );
        }
        // G26-UPD-07: the first answer counts.
        for (name, answer) in parts.iter().filter(|(name, _)| name.starts_with("answer ")) {
            let first = self.answers.entry((id.clone(), name.clone())).or_insert_with(|| answer.clone());
            assert_eq!(first, answer, "{name} of {id} is answered again");
        }
        // What a step has led to stays as it is for as long as the task runs.
        let is_step = |name: &str| name.starts_with("step ");
        for (name, value) in parts.iter().filter(|(name, _)| is_step(name)) {
            let first = self.steps.entry((id.clone(), name.clone())).or_insert_with(|| value.clone());
            assert_eq!(first, value, "{name} of {id} is taken again");
        }
        for (_, name) in self.steps.keys().filter(|(of, _)| of == id && !task.phase.is_terminal()) {
            assert!(parts.contains_key(name), "{name} of {id} is gone: {task:?}");
        }
        // A client of 2025-11-25 answers the handler's process itself, and nobody acknowledges that.
        let goes_on =
            |before: &&Task| !task.phase.is_terminal() && (before.epoch == task.epoch || before.awaits_answers());
        if let Some(before) = before.as_ref().filter(goes_on).filter(|before| before.generation == Generation::G26) {
            let is_answered = |key: &str| task.input(key).is_none_or(|input| input.answered);
            for input in before.inputs.iter().filter(|input| !input.answered && is_answered(&input.key)) {
                self.consumed.insert((id.clone(), input.key.clone()), (before.epoch, input.in_result));
            }
        }
        // Who cancels a task, or finds it lost, does not ask the failing store for ever what became of it.
        let in_patience = task.phase != Phase::Cancelled && task.failure != Some(Failure::Lost);
        if before.is_some() && task.phase.is_terminal() && in_patience {
            self.enders.insert(id.clone(), writer(task));
        }
        self.stored.insert(id.clone(), Stored { task: task.clone(), gone_at });
    }

    /// X-STO-04: what only the handler's process can have to say, it says while it holds the task.
    fn assert_by_the_runner(&self, id: &str, before: &Task, task: &Task, silence: Millis) {
        let ended = task.phase.is_terminal()
            && task.phase != Phase::Cancelled
            && !matches!(task.failure, Some(Failure::Expired | Failure::Lost));
        let same_run = task.epoch == before.epoch;
        let spoke = same_run && (task.message != before.message || task.issued != before.issued);
        let renewed = same_run && task.lease.is_some() && *task == Task { write_id: task.write_id, ..before.clone() };
        if ended || spoke || renewed {
            let (node, life) = writer(task);
            let holder = before.lease.as_ref().map(|lease| lease.holder.to_string());
            assert_eq!(
                holder,
                Some(format!("{node}.{life}")),
                "{id} is written by a process that does not hold it: {before:?} -> {task:?}"
            );
        }
        if task.failure == Some(Failure::Lost) || (!same_run && !before.awaits_answers()) {
            let (node, life) = writer(task);
            let own = before.lease.as_ref().is_some_and(|lease| *lease.holder == *format!("{node}.{life}"));
            // A clock may be off by a hundredth of the time that passes.
            let patient = before.lease.as_ref().is_none_or(|lease| silence >= lease.length - lease.length / 50);
            assert!(own || patient, "{id} is taken after {silence} ms of silence: {before:?} -> {task:?}");
        }
    }

    /// Whether somebody has been told how the task ended.
    pub fn is_over(&self, id: &str) -> bool {
        self.ends.contains_key(id)
    }

    /// Somebody was told how a task stands. `knew`: somebody had been told of its end when it was asked for.
    pub fn shown(&mut self, id: &str, state: &Value, knew: bool) {
        let status = state["status"].as_str().unwrap_or_else(|| panic!("a status: {state}"));
        if matches!(status, "working" | "input_required") {
            assert!(!knew, "{id} has ended as {:?}, and is {status} again", self.ends[id]);
            return;
        }
        if state["statusMessage"] == "The time to live ended before the work" && !self.has_expired(id) {
            self.early.insert(id.to_owned());
            return;
        }
        let outcome = state.get("result").or(state.get("error")).cloned();
        self.ended(id, Some(status), outcome);
    }

    /// Whether the store has it that the time to live ended the task. Who reads a task whose time is over is told so
    /// before that (X-TTL-01), and a write that was on its way by then, or comes from a clock that is behind, may still
    /// end it otherwise.
    fn has_expired(&self, id: &str) -> bool {
        self.stored.get(id).is_some_and(|stored| stored.task.failure == Some(Failure::Expired))
    }

    /// A client says that it was told two ends.
    pub fn contradicted(&self, id: &str) {
        assert!(self.early.contains(id), "a client was told two ends of {id}");
    }

    /// A subscription is told: never the same twice, and nothing after the end (G26-NTF-04).
    pub fn pushed(&mut self, stream: Run, id: &str, state: &Value) {
        let before = self.pushed.insert((stream, id.to_owned()), state.clone());
        assert_ne!(before.as_ref(), Some(state), "told twice");
        let ended =
            before.is_some_and(|before| !matches!(before["status"].as_str(), Some("working" | "input_required")));
        assert!(!ended, "{state} is told after the end");
        self.shown(id, state, false);
    }

    /// Somebody was told how a task ended: always the same, and what the store has.
    pub fn ended(&mut self, id: &str, status: Option<&str>, outcome: Option<Value>) {
        if status.is_none() && outcome.is_none() {
            return;
        }
        if outcome.as_ref().is_some_and(|outcome| outcome["data"]["reason"] == "expired") && !self.has_expired(id) {
            self.early.insert(id.to_owned());
            return;
        }
        let end = self.ends.entry(id.to_owned()).or_default();
        let status = status.map(str::to_owned);
        assert!(
            end.status.is_none() || status.is_none() || end.status == status,
            "{id} ended as {end:?}, and as {status:?}"
        );
        assert!(
            end.outcome.is_none() || outcome.is_none() || end.outcome == outcome,
            "{id} ended with {end:?}, and with {outcome:?}"
        );
        end.status = end.status.take().or(status);
        end.outcome = end.outcome.take().or(outcome);
    }

    /// The task has ended: from now on nobody may be told that it goes on.
    pub fn close(&mut self, id: &str) {
        self.ends.entry(id.to_owned()).or_default();
    }

    /// What the store has is what was told.
    pub fn assert_stored_end(&self, id: &str, task: &Task) {
        let told = self.ends.get(id).and_then(|end| end.status.as_deref());
        let stored = match (task.phase, task.generation) {
            (Phase::Cancelled, _) => "cancelled",
            (Phase::Completed, _) | (Phase::ToolFailed, Generation::G26) => "completed",
            _ => "failed",
        };
        assert!(told.is_none_or(|told| told == stored), "{id} ended as {stored}, and {told:?} was told");
    }

    /// Somebody was told that there is no such task.
    pub fn missed(&self, id: &str, now: Millis) {
        // One whose caller went away while it was created is deleted, and nobody was told of it.
        let Some(stored) = self.stored.get(id).filter(|_| self.created.contains(id)) else { return };
        let gone_at = stored.gone_at;
        assert!(
            gone_at.is_some_and(|at| now + self.span() >= at),
            "{id} is not found before its time is over: {:?}",
            stored.task
        );
    }

    /// A handler runs as a task.
    pub fn started(&mut self, run: Run, event: &Event) {
        let epoch = event.task.as_ref().expect("a run of a stored task").epoch;
        assert!(self.runs.insert(run, (event.id.clone(), epoch)).is_none(), "{run:?} begins twice");
        let other = self.epochs.insert((event.id.clone(), epoch), run);
        assert!(other.is_none(), "run {epoch} of {} is {other:?} and {run:?}", event.id);
    }

    /// A handler is given the answer under a key; `again`: as one of those with which its run begins.
    pub fn answered(&mut self, run: Run, id: &str, key: &str, again: bool) {
        let runs = self.answered.entry((id.to_owned(), key.to_owned())).or_default();
        // A run that follows a lost one begins with the same answers.
        assert!(
            runs.is_empty() || (again && !runs.contains(&run)),
            "the answer {key} of {id} is used by {runs:?} and {run:?}"
        );
        runs.push(run);
    }

    /// The steps of a task that the store has.
    pub fn steps(&self, id: &str) -> BTreeSet<u32> {
        let number = |name: &str| name.strip_prefix("step ").and_then(|number| number.parse().ok());
        self.steps.keys().filter(|(of, _)| of == id).filter_map(|(_, name)| number(name)).collect()
    }

    /// A process tells of an end.
    pub fn posted(&mut self, end: &Event) {
        let stored = &self.stored[&end.id].task;
        assert_eq!(end.task.as_ref().map(|task| task.phase), Some(stored.phase), "{} did not end so", end.id);
        *self.posts.entry(end.id.clone()).or_default() += 1;
    }

    /// Somebody was told of each end, at least once.
    pub fn assert_posted(&self) {
        for (id, stored) in self.stored.iter().filter(|(id, _)| self.created.contains(*id)) {
            assert!(
                self.posts.contains_key(id) || !stored.task.phase.is_terminal(),
                "nobody was told how {id} ended: {:?}",
                stored.task
            );
        }
    }

    /// A handler hears that what its step has led to is kept.
    pub fn kept(&self, id: &str, number: u32, step: StepId) {
        let value = self.steps.get(&(id.to_owned(), format!("step {number}")));
        assert_eq!(value, Some(&format!("value {step}")), "step {number} of {id} is not in the store");
    }

    pub fn gave_up(&mut self, id: &str) {
        self.gave_up.insert(id.to_owned());
    }

    /// G26-UPD-11: an answer that the store has reaches its handler, unless the task has ended, or the handler's run is
    /// over.
    pub fn assert_answers_are_used(&self, task_of: impl Fn(&str) -> Option<Task>) {
        for ((id, key), (epoch, in_result)) in &self.consumed {
            let goes_on = |task: &Task| !task.phase.is_terminal() && !task.awaits_answers();
            let Some(task) = task_of(id).filter(goes_on) else { continue };
            if self.gave_up.contains(id) || (!in_result && task.epoch != *epoch) {
                continue;
            }
            let is_used = self.answered.contains_key(&(id.clone(), key.clone()));
            assert!(is_used, "the answer {key} of {id} is in the store, and its handler never got it: {task:?}");
        }
    }

    pub fn generation(&self, id: &str) -> Option<Generation> {
        self.stored.get(id).map(|stored| stored.task.generation)
    }

    pub fn run_of(&self, id: &str, epoch: u32) -> Option<Run> {
        self.epochs.get(&(id.to_owned(), epoch)).copied()
    }

    /// X-SEC-09: whoever wrote an outcome has told of it unless it died, also where the store's answer was lost, while
    /// the record was there to tell.
    pub fn assert_ends_were_told(&self, lives: &[u32], is_kept: impl Fn(&str) -> bool) {
        for (id, (node, life)) in self.enders.iter().filter(|(id, _)| self.created.contains(*id) && is_kept(id)) {
            assert!(lives[*node] != *life || self.told.contains_key(id), "{node} ended {id}, and told nobody");
        }
    }

    /// X-SEC-09: the events tell of one creation and one end.
    pub fn event(&mut self, event: &Event) {
        let id = &event.id;
        match event.happening {
            Happening::Created => assert!(self.created.insert(id.clone()), "{id} is created twice"),
            Happening::Completed | Happening::Failed | Happening::Cancelled | Happening::Expired | Happening::Lost => {
                let other = self.told.insert(id.clone(), event.happening);
                assert!(other.is_none(), "{id} ends as {other:?} and as {:?}", event.happening);
                let task = &self.stored[id].task;
                assert_eq!(Some(task.phase), event.task.as_ref().map(|task| task.phase), "{event:?} of {task:?}");
            }
            _ => {}
        }
    }
}

/// Which instance wrote, and in which life (`World::renew` marks them).
fn writer(task: &Task) -> (usize, u32) {
    ((task.write_id >> 48) as usize - 1, (task.write_id >> 32 & 0xffff) as u32)
}
