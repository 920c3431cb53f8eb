//! A store in memory, with the contract of `src/storage.rs`. It checks every write against the rules that hold for all
//! tasks, so every scenario proves them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use mcp_longhaul::claim::Claim;
use mcp_longhaul::storage::{Completion, Operation, Payload, Record, Source, Stored};
use mcp_longhaul::task::{Millis, Phase, Task};

/// A stored payload: its parts.
pub type Parts = BTreeMap<String, String>;

/// What goes wrong with a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    Nothing,
    /// It fails and is not stored.
    Fail,
    /// It is stored, and the answer is lost.
    FailStored,
    /// It is refused although nobody else wrote.
    Lose,
    /// It is stored, and the store says that it is not.
    LoseStored,
    Full {
        bytes: bool,
    },
    NotJson,
}

#[derive(Clone, Debug)]
struct Row {
    record: Record,
    parts: Parts,
    /// When it was written, by the world's clock.
    at: Millis,
}

/// A write that the store took.
#[derive(Debug)]
pub struct Written {
    pub owner: Rc<str>,
    pub id: String,
    pub version: u32,
    pub before: Option<Task>,
    pub task: Task,
    pub parts: Parts,
    /// For how long nobody had written it.
    pub silence: Millis,
}

#[derive(Default)]
pub struct Store {
    /// The world's clock, and by how much others may differ from it.
    pub now: Millis,
    pub skew: Millis,
    rows: BTreeMap<(String, String), Row>,
    /// Every input key that a task ever had.
    keys: BTreeMap<String, BTreeSet<String>>,
    /// How each task ended, for ever.
    pub ends: BTreeMap<String, Phase>,
    pub ids: BTreeSet<String>,
    /// Every write since somebody looked.
    pub log: Vec<Written>,
    pub writes: usize,
    pub reads: usize,
    /// Questions for what an owner has stored.
    pub usages: usize,
    /// Questions for what is due.
    pub sweeps: usize,
}

/// The name of a part in [`Parts`].
pub fn part_name(part: &Stored) -> String {
    match part {
        Stored::Request => "request".into(),
        Stored::Result => "result".into(),
        Stored::Error => "error".into(),
        Stored::State => "state".into(),
        Stored::Input(key) => format!("input {key}"),
        Stored::Answer(key) => format!("answer {key}"),
        Stored::Step(number) => format!("step {number}"),
    }
}

/// The value at a source, as the host keeps it.
pub fn value_of(source: &Source) -> String {
    match source {
        Source::Request(call) => format!("params of {call}"),
        Source::Outcome(call) => format!("outcome of {call}"),
        Source::Asked { call, name } => format!("request {name} of {call}"),
        Source::InputRequest(ask) => format!("ask {ask}"),
        Source::Response { request, key } => format!("answer {key} of {request}"),
        Source::Step(step) => format!("value {step}"),
    }
}

impl Store {
    /// Performs `operation`. `read`: what the job has read. Says what to answer, and what the payload is now.
    pub fn perform(
        &mut self,
        operation: &Operation,
        read: Option<&Parts>,
        fault: Fault,
    ) -> (Completion, Option<Parts>) {
        match operation {
            Operation::Get { owner, id, payload, .. } => {
                self.reads += 1;
                match self.rows.get(&key(owner, id)) {
                    Some(row) => (Completion::Record(Some(blank(&row.record))), payload.then(|| row.parts.clone())),
                    None => (Completion::Record(None), None),
                }
            }
            Operation::Put { record, payload } => match fault {
                Fault::Nothing => self.put(record, payload, read),
                Fault::Fail => (Completion::Failed, None),
                Fault::FailStored => {
                    self.put(record, payload, read);
                    (Completion::Failed, None)
                }
                Fault::Lose => (Completion::Done(false), None),
                Fault::LoseStored => {
                    self.put(record, payload, read);
                    (Completion::Done(false), None)
                }
                Fault::Full { bytes } => (Completion::Full { bytes }, None),
                Fault::NotJson => (Completion::NotJson, None),
            },
            Operation::Delete { owner, id, version } => {
                self.writes += 1;
                let place = key(owner, id);
                match self.rows.get(&place) {
                    None => (Completion::Done(true), None),
                    Some(row) if row.record.version == *version => {
                        self.rows.remove(&place);
                        (Completion::Done(true), None)
                    }
                    Some(_) => (Completion::Done(false), None),
                }
            }
            Operation::List { owner, after, limit } => {
                let mut found: Vec<Record> =
                    self.rows.values().map(|row| row.record.clone()).filter(|record| record.owner == *owner).collect();
                found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
                found.retain(|record| {
                    after.as_ref().is_none_or(|after| (record.created_at, &record.id) > (after.created_at, &after.id))
                });
                found.truncate(*limit as usize);
                (Completion::Records { full: found.len() >= *limit as usize, records: found }, None)
            }
            Operation::Usage { owner } => {
                self.usages += 1;
                let own = self.rows.values().filter(|row| row.record.owner == *owner);
                let (tasks, bytes) = own.fold((0, 0), |(tasks, bytes), row| {
                    (tasks + 1, bytes + row.parts.values().map(|part| part.len() as u64).sum::<u64>())
                });
                (Completion::Usage { tasks, bytes }, None)
            }
            Operation::Due { before, after, limit } => {
                self.sweeps += 1;
                let mut found: Vec<Record> = self
                    .rows
                    .values()
                    .map(|row| row.record.clone())
                    .filter(|record| record.due_at.is_some_and(|at| at <= *before))
                    .collect();
                let place = |record: &Record| (record.due_at, record.owner.clone(), record.id.clone());
                found.sort_by_key(place);
                found.retain(|record| {
                    let after = after.as_ref().map(|after| (Some(after.due_at), after.owner.clone(), after.id.clone()));
                    after.is_none_or(|after| place(record) > after)
                });
                found.truncate(*limit as usize);
                (Completion::Records { full: found.len() >= *limit as usize, records: found }, None)
            }
        }
    }

    fn put(&mut self, record: &Record, payload: &Payload, read: Option<&Parts>) -> (Completion, Option<Parts>) {
        self.writes += 1;
        let place = key(&record.owner, &record.id);
        let stored = self.rows.get(&place).cloned();
        if stored.as_ref().map_or(0, |row| row.record.version) + 1 != record.version {
            return (Completion::Done(false), None);
        }
        if record.owner.starts_with('\u{1}') {
            return self.put_claim(record, stored.as_ref());
        }
        let task = Task::from_state(&record.state).expect("a state that can be read");
        let was_newer = stored.as_ref().is_some_and(|row| row.record.state.contains(NEWER));
        assert_eq!(record.state.contains(NEWER), was_newer, "members of another version are kept, each with its task");
        if task.is_to_be_told() {
            assert_eq!(record.due_at, Some(task.post_at.expect("when it is told again")));
        } else if task.needs_runner() {
            assert!(
                record.due_at.is_some_and(|at| task.expires_at().is_none_or(|expires| at <= expires + self.skew)),
                "{:?}",
                record.due_at
            );
        } else {
            assert!(
                record.due_at == task.gone_at() || record.due_at == task.gone_at().map(|at| at + self.skew),
                "{:?}",
                record.due_at
            );
        }
        assert_eq!(record.created_at, task.created_at);
        let before = stored.as_ref().map(|row| Task::from_state(&row.record.state).expect("a state that can be read"));
        self.check(&record.id, before.as_ref(), &task);
        let silence = stored.as_ref().map_or(0, |row| self.now - row.at);
        let parts = match payload {
            Payload::Keep => stored.map(|row| row.parts).unwrap_or_default(),
            Payload::Write { onto_read, remove, set } => {
                let mut parts =
                    if *onto_read { read.expect("the job has read a payload").clone() } else { Parts::new() };
                for part in remove {
                    parts.remove(&part_name(part));
                }
                for (part, source) in set {
                    parts.insert(part_name(part), value_of(source));
                }
                parts
            }
        };
        // A reader never sees an end without its outcome (X-STO-02).
        match (task.phase, task.failure) {
            (Phase::Completed | Phase::ToolFailed, _) => {
                assert!(parts.contains_key("result") && parts.len() == 1, "{parts:?}")
            }
            (Phase::Failed, None) => assert!(parts.contains_key("error") && parts.len() == 1, "{parts:?}"),
            (Phase::Failed | Phase::Cancelled, _) => assert!(parts.is_empty(), "{parts:?}"),
            (Phase::Working | Phase::InputRequired, _) => {}
        }
        self.log.push(Written {
            owner: record.owner.clone(),
            id: record.id.clone(),
            version: record.version,
            before,
            task,
            parts: parts.clone(),
            silence,
        });
        self.rows.insert(place, Row { record: record.clone(), parts: parts.clone(), at: self.now });
        (Completion::Done(true), Some(parts))
    }

    /// A creation key: it names one task until it is over.
    fn put_claim(&mut self, record: &Record, stored: Option<&Row>) -> (Completion, Option<Parts>) {
        let claim = Claim::from_state(&record.state).expect("a claim that can be read");
        assert_eq!(record.due_at, Some(claim.due_at()));
        if let Some(stored) = stored {
            let before = Claim::from_state(&stored.record.state).expect("a claim that can be read");
            assert_eq!(record.created_at, stored.record.created_at);
            assert!(
                before == claim || claim.until > before.until || claim.task.is_empty(),
                "a key that is not over changes its task"
            );
        }
        self.rows
            .insert(key(&record.owner, &record.id), Row { record: record.clone(), parts: Parts::new(), at: self.now });
        (Completion::Done(true), Some(Parts::new()))
    }

    /// What holds for every write of every task.
    fn check(&mut self, id: &str, before: Option<&Task>, task: &Task) {
        let keys = self.keys.entry(id.to_owned()).or_default();
        let Some(before) = before else {
            assert!(self.ids.insert(id.to_owned()), "an id is never used again");
            assert_eq!(task.phase, Phase::Working);
            return;
        };
        if before.phase.is_terminal() {
            let Task { posts, post_at, write_id, .. } = *before;
            assert_eq!(Task { posts, post_at, write_id, ..task.clone() }, *before, "nothing leaves an end");
            return assert!(
                before.posts > 0 && (task.posts == 0 || task.posts >= before.posts),
                "{before:?}, {task:?}"
            );
        }
        assert!(before.posts == task.posts || task.phase == Phase::Cancelled, "{before:?}, {task:?}");
        assert_eq!(before.created_at, task.created_at);
        assert!(task.updated_at >= before.updated_at && task.updated_at >= task.created_at, "time goes back");
        assert_eq!(task.phase == Phase::InputRequired, task.has_outstanding_input(), "{task:?}");
        assert!(task.issued >= before.issued);
        // X-STO-04: a task changes hands only by a new run.
        assert!(task.epoch == before.epoch || task.epoch == before.epoch + 1);
        if let (Some(lease), true) = (&task.lease, task.epoch == before.epoch) {
            assert_eq!(
                Some(&lease.holder),
                before.lease.as_ref().map(|lease| &lease.holder),
                "somebody else's lease was taken"
            );
        }
        if task.generation == mcp_longhaul::wire::Generation::G25 {
            assert_eq!(before.ttl, task.ttl, "it never changes (G25-TTL-05)");
        }
        for input in &task.inputs {
            match before.inputs.iter().find(|old| old.key == input.key) {
                Some(old) => {
                    assert!(old.answered <= input.answered && old.name == input.name && old.kind == input.kind)
                }
                None => assert!(keys.insert(input.key.clone()), "the key {} is used again", input.key),
            }
        }
        if task.phase.is_terminal() {
            assert!(self.ends.insert(id.to_owned(), task.phase).is_none(), "one end");
        }
    }

    pub fn task(&self, owner: &str, id: &str) -> Option<Task> {
        self.rows
            .get(&(owner.to_owned(), id.to_owned()))
            .map(|row| Task::from_state(&row.record.state).expect("a state that can be read"))
    }

    /// The text under an id, a task's or a key's.
    pub fn state(&self, owner: &str, id: &str) -> Option<String> {
        self.rows.get(&(owner.to_owned(), id.to_owned())).map(|row| row.record.state.clone())
    }

    pub fn parts(&self, owner: &str, id: &str) -> Parts {
        self.rows[&(owner.to_owned(), id.to_owned())].parts.clone()
    }

    pub fn version(&self, owner: &str, id: &str) -> u32 {
        self.rows[&(owner.to_owned(), id.to_owned())].record.version
    }

    /// When a task is due.
    pub fn due_at(&self, owner: &str, id: &str) -> Option<Millis> {
        self.rows[&(owner.to_owned(), id.to_owned())].record.due_at
    }

    /// When a task was written last, by the world's clock.
    pub fn written_at(&self, owner: &str, id: &str) -> Millis {
        self.rows[&(owner.to_owned(), id.to_owned())].at
    }

    /// Writes as another process would.
    pub fn meddle(&mut self, owner: &str, id: &str, change: impl FnOnce(&Task) -> Task, payload: Payload) {
        let row = &self.rows[&(owner.to_owned(), id.to_owned())];
        let task = change(&Task::from_state(&row.record.state).expect("a state that can be read"));
        let record = Record {
            version: row.record.version + 1,
            due_at: task.due_at(task.updated_at, 0),
            state: task.to_state(),
            ..row.record.clone()
        };
        let parts = row.parts.clone();
        assert_eq!(self.put(&record, &payload, Some(&parts)).0, Completion::Done(true));
    }

    /// Another version writes this state over a task's.
    pub fn corrupt(&mut self, owner: &str, id: &str, state: &str) {
        let record = &mut self.rows.get_mut(&(owner.to_owned(), id.to_owned())).expect("a task").record;
        record.version += 1;
        record.state = state.to_owned();
    }

    /// Another writer keeps a record of its own here.
    pub fn keep(&mut self, record: Record) {
        self.rows.insert(key(&record.owner, &record.id), Row { record, parts: Parts::new(), at: 0 });
    }

    /// Another version writes a task as it is, and adds a member of its own, which nobody may lose.
    pub fn write_newer(&mut self, id: &str) {
        let is_it = |(owner, other): &(String, String)| other == id && !owner.starts_with('\u{1}');
        for row in self
            .rows
            .iter_mut()
            .filter(|(place, row)| is_it(place) && !row.record.state.contains(NEWER))
            .map(|(_, row)| row)
        {
            row.record.version += 1;
            row.record.state = row.record.state.replacen('{', &format!("{{{NEWER},"), 1);
        }
    }

    pub fn remove(&mut self, owner: &str, id: &str) {
        self.rows.remove(&(owner.to_owned(), id.to_owned())).expect("a task");
    }

    pub fn all(&self) -> Vec<(String, Task)> {
        self.rows
            .iter()
            .filter(|((owner, _), _)| !owner.starts_with('\u{1}'))
            .map(|((_, id), row)| (id.clone(), Task::from_state(&row.record.state).expect("a state that can be read")))
            .collect()
    }

    /// How many records an owner has.
    pub fn owned(&self, owner: &str) -> usize {
        self.rows.keys().filter(|(whose, _)| whose == owner).count()
    }

    /// Owners, ids and tasks.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &str, Task)> {
        self.rows.iter().map(|((owner, id), row)| {
            (owner.as_str(), id.as_str(), Task::from_state(&row.record.state).expect("a state that can be read"))
        })
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

/// A member of a later version.
const NEWER: &str = "\"later\":{\"than\":[\"this\",1e0]}";

fn key(owner: &str, id: &str) -> (String, String) {
    (owner.to_owned(), id.to_owned())
}

/// The bindings do not say again whose record was asked for.
fn blank(record: &Record) -> Record {
    Record { owner: Rc::from(""), id: String::new(), ..record.clone() }
}
