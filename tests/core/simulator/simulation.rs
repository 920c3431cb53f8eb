//! Clients, a network, instances and a store on one virtual clock. Whatever is under way is an event at an instant.

use std::collections::{BTreeMap, BTreeSet};

use mcp_longhaul::limit::Limits;
use mcp_longhaul::receiver::{InputRequestId, PeerId, Policy, PostId, Promotion, Receiver, RequestId, StepId};
use mcp_longhaul::requestor;
use mcp_longhaul::storage::{Completion, Operation};
use mcp_longhaul::task::{Failure, Millis, OnLost, Task};
use mcp_longhaul::wire::Method;
use serde_json::Value;

use super::client::Client;
use super::plan::{Plan, Weather};
use super::random::Random;
use super::truth::{Run, Truth};
use super::worker::Worker;
use crate::harness::{G25, G26, Op, START, World, policy};
use crate::model::{Fault, Parts, Written};

/// Events of one story: more would be a livelock.
const MOST_EVENTS: u64 = 400_000;
/// What a client sends.
#[derive(Clone, Debug)]
pub enum Sent {
    Call {
        call: requestor::CallNumber,
        tool: u32,
        gate: bool,
    },
    /// The call is given up.
    Drop {
        call: requestor::CallNumber,
    },
    Ask {
        request: requestor::RequestNumber,
        id: String,
        method: Method,
        keys: Vec<String>,
    },
    Listen {
        request: requestor::RequestNumber,
        ids: Vec<String>,
    },
    Unlisten {
        request: requestor::RequestNumber,
    },
}

/// What a client's request is answered with: the request's own name, and who asked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum To {
    Call(requestor::CallNumber),
    Ask(requestor::RequestNumber, Method),
    Listen(requestor::RequestNumber),
}

/// What happens at an instant.
#[derive(Clone, Debug)]
pub enum Event {
    /// The store performs an operation.
    Perform(Op),
    /// Long after its instance has given it up.
    PerformLate(Op),
    /// Its answer arrives; `None`: it failed before the store.
    Performed(Op, (Completion, Option<Parts>)),
    Arrive {
        node: usize,
        client: usize,
        sent: Sent,
    },
    Answer {
        client: usize,
        to: To,
        value: Option<Value>,
    },
    Tell {
        client: usize,
        stream: requestor::RequestNumber,
        news: Value,
    },
    /// The acknowledgement of a subscription is out.
    Acknowledged {
        node: usize,
        life: u32,
        request: RequestId,
    },
    /// The client of 2025-11-25 answers a handler's own request.
    Reply {
        node: usize,
        life: u32,
        ask: InputRequestId,
    },
    /// A handler does the next thing.
    Work(Run),
    /// A user answers.
    Give {
        client: usize,
        task: requestor::TaskNumber,
        key: String,
    },
    /// A client has waited long enough.
    Tire {
        client: usize,
        call: requestor::CallNumber,
    },
    /// The store tells of a change.
    Changed {
        node: usize,
        owner: String,
        id: String,
        version: u32,
    },
    /// A process has told of an end, or could not.
    Posted {
        node: usize,
        life: u32,
        post: PostId,
        done: bool,
    },
    GoOn {
        node: usize,
        life: u32,
    },
    Leave {
        node: usize,
        life: u32,
    },
}

impl Event {
    /// The instance at which it happens.
    pub(super) fn place(&self) -> Option<usize> {
        match self {
            Self::Performed(op, _) => Some(op.node),
            Self::Work(run) => Some(run.0),
            Self::Arrive { node, .. }
            | Self::Acknowledged { node, .. }
            | Self::Reply { node, .. }
            | Self::Changed { node, .. }
            | Self::Posted { node, .. }
            | Self::Leave { node, .. } => Some(*node),
            _ => None,
        }
    }
}

/// A request that an instance has not answered.
pub struct Open {
    pub client: usize,
    pub to: To,
    pub node: usize,
    pub life: u32,
    pub id: String,
    /// Somebody had been told of the task's end when it arrived.
    pub knew: bool,
    /// It was given up, and need not be answered.
    pub excused: bool,
}

/// What was done.
#[derive(Clone, Copy, Default, Debug)]
pub struct Figures {
    pub stories: u64,
    pub steps: u64,
    pub events: u64,
    pub writes: u64,
    pub crashes: u64,
    pub tasks: u64,
    pub ends: u64,
    pub runs: u64,
}

impl Figures {
    pub fn add(&mut self, other: Self) {
        self.stories += other.stories;
        self.steps += other.steps;
        self.events += other.events;
        self.writes += other.writes;
        self.crashes += other.crashes;
        self.tasks += other.tasks;
        self.ends += other.ends;
        self.runs += other.runs;
    }
}

pub struct Simulation {
    pub(super) world: World,
    pub(super) truth: Truth,
    pub(super) seed: u64,
    pub(super) random: Random,
    pub(super) clients: Vec<Client>,
    pub(super) workers: BTreeMap<Run, Worker>,
    /// The handler that waits for each answer.
    pub(super) asks: BTreeMap<InputRequestId, Run>,
    pub(super) last_ask: InputRequestId,
    /// The handler whose step waits to be stored, and which step of its run that is.
    pub(super) steps: BTreeMap<StepId, (Run, u32)>,
    pub(super) last_step: StepId,
    /// Steps whose handlers were told that they are not kept.
    pub(super) lost_steps: BTreeSet<StepId>,
    /// Asks that their handlers gave up.
    pub(super) given_up: BTreeSet<InputRequestId>,
    /// Handlers end, and ask nothing more.
    pub(super) hurries: bool,
    pub(super) policies: Vec<Policy>,
    pub(super) events: BTreeMap<(Millis, u64), Event>,
    /// What waits for an instance that stands still.
    pub(super) held: Vec<Vec<Event>>,
    pub(super) open: BTreeMap<RequestId, Open>,
    pub(super) peers: BTreeMap<(usize, usize, u32), PeerId>,
    pub(super) next_clocks: Vec<Millis>,
    pub(super) drift: Vec<(Millis, Millis, Millis)>,
    pub(super) network: Weather,
    pub(super) store: Weather,
    pub(super) watch: bool,
    /// By instance: so many operations fail after its next write, so many fail from now on, so many have no answer.
    pub(super) streaks: Vec<usize>,
    pub(super) failing: Vec<usize>,
    pub(super) hangs: Vec<usize>,
    /// Until when the store is out of reach.
    pub(super) outage_until: Millis,
    /// When something last kept an instance from its work that did not keep the others from theirs.
    pub(super) hindered: Vec<Millis>,
    pub(super) dies_at: Option<(usize, bool)>,
    /// An orderly end that is under way.
    pub(super) leaving: BTreeSet<usize>,
    pub(super) seen: usize,
    /// The news of each subscription that went out.
    pub(super) told: BTreeMap<RequestId, usize>,
    pub(super) puts: usize,
    pub(super) trace: bool,
    pub(super) figures: Figures,
}

fn policies() -> Vec<Policy> {
    let short = Policy { ttl: Some(60_000), ..policy() };
    let long = Policy { ttl: Some(600_000), ..policy() };
    vec![
        long.clone(),
        Policy { on_lost: OnLost::Restart, ..long.clone() },
        Policy { on_lost: OnLost::Restart, ..short.clone() },
        Policy { ttl: None, ..policy() },
        Policy { ttl: None, on_lost: OnLost::Restart, cooperative: true, ..policy() },
        Policy { promotion: Promotion::After(300), ..long.clone() },
        Policy { promotion: Promotion::Handler, on_lost: OnLost::Restart, ..long },
        Policy { extends: true, cooperative: true, ..short },
    ]
}

impl Simulation {
    pub fn new(plan: &Plan, seed: u64, trace: bool) -> Self {
        let mut world = World::with(plan.instances, Limits { outstanding: 3, issued: 12, ..Limits::default() }, false);
        world.later = true;
        let policies = policies();
        for policy in &policies {
            world.policy(policy.clone());
        }
        let mut random = Random::new(seed);
        let who = [("ann", G26), ("ann", G26), ("ann", G25), ("bob", G26), ("bob", G25), ("ann", G25)];
        let clients =
            who.into_iter().map(|(owner, generation)| Client::new(owner, generation, random.next())).collect();
        let mut simulation = Self {
            world,
            truth: Truth::default(),
            seed,
            random,
            clients,
            workers: BTreeMap::new(),
            asks: BTreeMap::new(),
            last_ask: InputRequestId::new(0),
            steps: BTreeMap::new(),
            last_step: StepId::new(0),
            lost_steps: BTreeSet::new(),
            given_up: BTreeSet::new(),
            hurries: false,
            policies,
            events: BTreeMap::new(),
            held: (0..plan.instances).map(|_| Vec::new()).collect(),
            open: BTreeMap::new(),
            peers: BTreeMap::new(),
            next_clocks: plan.clocks.clone(),
            drift: vec![(0, 0, START); plan.instances],
            network: Weather::FAIR,
            store: Weather::FAIR,
            watch: true,
            streaks: vec![0; plan.instances],
            failing: vec![0; plan.instances],
            hangs: vec![0; plan.instances],
            outage_until: 0,
            hindered: vec![START; plan.instances],
            dies_at: plan.dies_at,
            leaving: BTreeSet::new(),
            seen: 0,
            told: BTreeMap::new(),
            puts: 0,
            trace,
            figures: Figures { stories: 1, steps: plan.steps.len() as u64, ..Figures::default() },
        };
        for node in 0..plan.instances {
            simulation.set_clock(node, plan.clocks[node], 0);
            simulation.at(node, |receiver, now| {
                receiver.run_alone();
                receiver.post_ends();
                receiver.handle_start(now);
            });
        }
        simulation
    }

    pub(super) fn nodes(&self) -> usize {
        self.held.len()
    }

    pub fn now(&self) -> Millis {
        self.world.now
    }

    pub fn after(&mut self, pause: Millis, event: Event) {
        self.figures.events += 1;
        self.events.insert((self.world.now + pause.max(0), self.figures.events), event);
    }

    /// An input for an instance, and all that follows from it at once.
    pub fn at<T>(&mut self, node: usize, input: impl FnOnce(&mut Receiver, Millis) -> T) -> T {
        let answer = self.world.input(node, input);
        self.look();
        answer
    }

    pub fn lives(&self, (node, life, _): Run) -> bool {
        self.world.lives()[node] == life
    }

    // Time.

    pub fn pass(&mut self, time: Millis) {
        let end = self.world.now + time;
        loop {
            let event = self.events.first_key_value().map(|((at, _), _)| (*at, 0, 0));
            let wake = self.world.due().map(|(at, node)| (at, 1, node));
            let poll = self
                .clients
                .iter()
                .enumerate()
                .filter_map(|(number, client)| Some((client.requestor.next_deadline()?, 2, number)))
                .min();
            let Some((at, what, number)) =
                [event, wake, poll].into_iter().flatten().min().filter(|(at, ..)| *at <= end)
            else {
                break;
            };
            self.move_to(at);
            self.figures.events += 1;
            assert!(self.figures.events < MOST_EVENTS, "events without end");
            match what {
                0 => {
                    if let Some((_, event)) = self.events.pop_first() {
                        self.happen(event);
                    }
                }
                1 => {
                    self.world.ring(number);
                    self.look();
                }
                _ => self.with(number, requestor::Requestor::handle_timer),
            }
        }
        self.move_to(end);
    }

    pub(super) fn move_to(&mut self, at: Millis) {
        self.world.now = self.world.now.max(at);
        for node in 0..self.nodes() {
            let (ahead, drift, since) = self.drift[node];
            if drift != 0 {
                let ahead = ahead + drift * (self.world.now - since) / 60_000;
                self.world.skew(node, ahead);
                self.truth.clock(ahead);
            }
        }
    }

    /// The clock of a process goes wrong by so much a minute, and the next process begins with a clock that is ahead by
    /// so much.
    pub(super) fn spoil_clock(&mut self, node: usize, ahead: Millis, drift: Millis) {
        self.next_clocks[node] = ahead;
        let ahead = self.world.clock(node) - self.world.now;
        self.set_clock(node, ahead, drift);
    }

    pub(super) fn set_clock(&mut self, node: usize, ahead: Millis, drift: Millis) {
        self.drift[node] = (ahead, drift, self.world.now);
        self.world.skew(node, ahead);
        self.truth.clock(ahead);
    }

    pub(super) fn happen(&mut self, event: Event) {
        if let Some(node) = event.place().filter(|node| self.world.is_paused(*node)) {
            return self.held[node].push(event);
        }
        self.say(|| format!("{event:?}"));
        match event {
            Event::Perform(op) => self.perform(op),
            Event::PerformLate(op) => {
                self.hindered[op.node] = self.world.now;
                self.perform(op);
            }
            Event::Performed(op, done) => {
                self.world.complete_op(op, done);
                self.look();
            }
            Event::Arrive { node, client, sent } => self.arrive(node, client, sent),
            Event::Answer { client, to, value } => self.answer(client, to, value.as_ref()),
            Event::Tell { client, stream, news } => {
                let now = self.world.now;
                self.clients[client].told(now, stream, &news);
                self.serve(client);
            }
            Event::Acknowledged { node, life, request } if self.world.lives()[node] == life => {
                self.at(node, |receiver, now| receiver.handle_listening(now, request, true));
            }
            Event::Reply { node, life, ask } if self.world.lives()[node] == life => {
                self.at(node, |receiver, now| receiver.handle_answer(now, ask));
            }
            Event::Work(run) => self.work(run),
            Event::Give { client, task, key } => {
                let gives = !self.random.chance(10);
                self.with(client, |requestor, now| {
                    if gives {
                        requestor.handle_input(now, task, &key);
                    } else {
                        requestor.handle_no_input(task, &key);
                    }
                    requestor.handle_prompt_over(now);
                });
            }
            Event::Tire { client, call } => self.tire(client, call),
            Event::Changed { node, owner, id, version } => {
                self.at(node, |receiver, now| receiver.handle_changed(now, &owner, &id, Some(version)));
            }
            Event::GoOn { node, life } if self.world.lives()[node] == life => self.go_on(node),
            Event::Leave { node, life } if self.world.lives()[node] == life => {
                if self.world.receiver(node).is_quiet() || self.random.chance(5) {
                    self.kill(node);
                } else {
                    self.after(200, Event::Leave { node, life });
                }
            }
            Event::Posted { node, life, post, done } if self.world.lives()[node] == life => {
                self.at(node, |receiver, now| receiver.handle_posted(now, post, done));
            }
            Event::Acknowledged { .. }
            | Event::Reply { .. }
            | Event::Posted { .. }
            | Event::GoOn { .. }
            | Event::Leave { .. } => {}
        }
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:>9}  {}", self.world.now - START, what());
        }
    }

    // The store.

    pub(super) fn perform(&mut self, op: Op) {
        let put = matches!(op.operation, Operation::Put { .. });
        let alive = self.world.lives()[op.node] == op.life;
        self.puts += usize::from(put && alive);
        if put
            && alive
            && let Some((left, after)) = self.dies_at
        {
            self.dies_at = left.checked_sub(1).map(|left| (left, after));
            if left == 0 {
                if after {
                    self.world.perform(&op, Fault::Nothing);
                    self.read_log();
                }
                return self.kill(op.node);
            }
        }
        if alive && counts_down(&mut self.hangs[op.node]) {
            self.hindered[op.node] = self.world.now;
            return self.hang(op);
        }
        let away = self.world.now < self.outage_until;
        let fails = alive && counts_down(&mut self.failing[op.node]);
        let streak = if put && alive && !away && !fails { std::mem::take(&mut self.streaks[op.node]) } else { 0 };
        let bad = self.random.chance(self.store.lost);
        let fault = match self.random.below(4) {
            _ if streak > 0 => Fault::FailStored,
            _ if !bad => Fault::Nothing,
            0 => Fault::Fail,
            1 => Fault::FailStored,
            2 => Fault::Lose,
            _ => Fault::LoseStored,
        };
        self.failing[op.node] += streak;
        if bad || fails || streak > 0 {
            self.hindered[op.node] = self.world.now;
        }
        let fails = away || fails || (bad && !put);
        let done = if fails { (Completion::Failed, None) } else { self.world.perform(&op, fault) };
        self.read_log();
        let pause = self.random.time(0, self.store.slow / 2);
        self.after(pause, Event::Performed(op, done));
    }

    /// An operation that is not answered: it may arrive all the same, or long after nobody reckons with it any more.
    fn hang(&mut self, op: Op) {
        match self.random.below(3) {
            0 => {
                self.world.perform(&op, Fault::Nothing);
                self.read_log();
            }
            1 => {
                let pause = self.random.time(10_000, 120_000);
                self.after(pause, Event::PerformLate(op));
            }
            _ => {}
        }
    }

    /// What the store took since the last look; watchers hear of it, perhaps.
    pub(super) fn read_log(&mut self) {
        for written in std::mem::take(&mut self.world.store.log) {
            self.figures.writes += 1;
            self.figures.tasks += u64::from(written.before.is_none());
            self.figures.ends += u64::from(written.task.phase.is_terminal());
            self.say(|| format!("stored {} {:?}", written.id, written.task));
            self.assert_was_lost(&written);
            self.truth.written(&written);
            for node in 0..self.nodes() {
                if !self.watch || self.random.chance(self.network.lost) {
                    continue;
                }
                for _ in 0..=u8::from(self.random.chance(self.network.doubled)) {
                    let pause = self.random.time(1, self.network.slow);
                    self.after(
                        pause,
                        Event::Changed {
                            node,
                            owner: written.owner.to_string(),
                            id: written.id.clone(),
                            version: written.version,
                        },
                    );
                }
            }
        }
    }

    /// X-STO-05: a process loses a task only where it was dead, stood still, or failed in what others could do. An
    /// outage of the whole store, or clocks that differ, cost nobody a task.
    fn assert_was_lost(&self, written: &Written) {
        let Some(Task { lease: Some(lease), epoch, .. }) = &written.before else { return };
        let taken = written.task.epoch != *epoch || written.task.failure == Some(Failure::Lost);
        let (node, life) = lease.holder.split_once('.').expect("a node and a life");
        let (node, life): (usize, u32) = (node.parse().expect("a node"), life.parse().expect("a life"));
        if !taken || self.world.lives()[node] != life || self.leaving.contains(&node) || self.world.is_paused(node) {
            return;
        }
        let run = self.truth.run_of(&written.id, *epoch).and_then(|run| self.workers.get(&run));
        if run.is_none_or(|worker| worker.over.is_some()) {
            return;
        }
        let since = self.world.now - written.silence;
        let well_since = self.hindered[node];
        assert!(
            well_since >= since,
            "{} is taken from {node}, well since {}: {:?}",
            written.id,
            well_since - START,
            written.task
        );
    }

    // The processes.

    pub fn kill(&mut self, node: usize) {
        self.say(|| format!("{node} dies"));
        self.figures.crashes += 1;
        let life = self.world.lives()[node];
        let (_, drift, _) = self.drift[node];
        self.set_clock(node, self.next_clocks[node], drift);
        self.world.crash(node);
        self.leaving.remove(&node);
        self.workers.retain(|(place, _, _), _| *place != node);
        self.asks.retain(|_, (place, _, _)| *place != node);
        let lost: Vec<RequestId> = self
            .open
            .iter()
            .filter(|(_, open)| (open.node, open.life) == (node, life))
            .map(|(request, _)| *request)
            .collect();
        for request in lost {
            let open = self.open.remove(&request).expect("just seen");
            if self.random.chance(70) {
                self.send_back(open.client, open.to, None);
            }
        }
        self.look();
        self.at(node, |receiver, _| {
            receiver.run_alone();
            receiver.post_ends();
        });
        self.release(node);
    }

    pub(super) fn pause(&mut self, node: usize, time: Millis) {
        if !self.world.is_paused(node) {
            self.world.pause(node, true);
            let life = self.world.lives()[node];
            self.after(time, Event::GoOn { node, life });
        }
    }

    pub(super) fn go_on(&mut self, node: usize) {
        if self.world.is_paused(node) {
            self.hindered[node] = self.world.now;
        }
        self.world.pause(node, false);
        self.release(node);
    }

    pub(super) fn release(&mut self, node: usize) {
        for event in std::mem::take(&mut self.held[node]) {
            self.after(0, event);
        }
    }

    /// A process is asked to end: handlers get a moment, then it hands over.
    pub(super) fn leave(&mut self, node: usize) {
        if self.world.is_paused(node) || !self.leaving.insert(node) {
            return;
        }
        self.at(node, |receiver, now| {
            receiver.handle_closing(now);
            receiver.handle_leaving(now);
        });
        let life = self.world.lives()[node];
        self.after(200, Event::Leave { node, life });
    }
}

/// Whether something is left, of which there is one less now.
fn counts_down(left: &mut usize) -> bool {
    let is_left = *left > 0;
    *left -= usize::from(is_left);
    is_left
}
