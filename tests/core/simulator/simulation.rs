//! Clients, a network, instances and a store on one virtual clock. Whatever is under way is an event at an instant.

use std::collections::{BTreeMap, BTreeSet};

use mcp_tasks::limit::Limits;
use mcp_tasks::receiver::{Ask, Augmentation, Facts, Output, Peer, Policy, Promotion, Receiver, Request, Shape, Withdrawal};
use mcp_tasks::requestor;
use mcp_tasks::storage::{Completion, Operation};
use mcp_tasks::task::{Millis, OnLost};
use mcp_tasks::wire::{Generation, Method, News};
use serde_json::Value;

use super::client::Client;
use super::plan::{Plan, Step, Weather};
use super::random::Random;
use super::truth::{Run, Truth};
use super::worker::Worker;
use crate::harness::{G25, G26, Op, Seen, START, World, policy};
use crate::model::{Fault, Parts};

/// Events of one story: more would be a livelock.
const MOST_EVENTS: u64 = 400_000;
/// How long a client waits for the answer to a call.
const PATIENCE: Millis = 90_000;

/// What a client sends.
#[derive(Clone, Debug)]
pub enum Sent {
    Call { call: requestor::Call, tool: u32, gate: bool },
    /// The call is given up.
    Drop { call: requestor::Call },
    Ask { request: requestor::Request, id: String, method: Method, keys: Vec<String> },
    Listen { request: requestor::Request, ids: Vec<String> },
    Unlisten { request: requestor::Request },
}

/// What a client's request is answered with: the request's own name, and who asked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum To {
    Call(requestor::Call),
    Ask(requestor::Request, Method),
    Listen(requestor::Request),
}

/// What happens at an instant.
#[derive(Clone, Debug)]
pub enum Event {
    /// The store performs an operation.
    Perform(Op),
    /// Its answer arrives; `None`: it failed before the store.
    Performed(Op, (Completion, Option<Parts>)),
    Arrive { node: usize, client: usize, sent: Sent },
    Answer { client: usize, to: To, value: Option<Value> },
    Tell { client: usize, stream: requestor::Request, news: Value },
    /// The acknowledgement of a subscription is out.
    Acknowledged { node: usize, life: u32, request: Request },
    /// The client of 2025-11-25 answers a handler's own request.
    Reply { node: usize, life: u32, ask: Ask },
    /// A handler does the next thing.
    Work(Run),
    /// A user answers.
    Give { client: usize, task: requestor::Task, key: String },
    /// A client has waited long enough.
    Tire { client: usize, call: requestor::Call },
    /// The store tells of a change.
    Changed { node: usize, owner: String, id: String },
    GoOn { node: usize, life: u32 },
    Leave { node: usize, life: u32 },
}

impl Event {
    /// The instance at which it happens.
    fn place(&self) -> Option<usize> {
        match self {
            Self::Performed(op, _) => Some(op.node),
            Self::Work(run) => Some(run.0),
            Self::Arrive { node, .. } | Self::Acknowledged { node, .. } | Self::Reply { node, .. } | Self::Changed { node, .. } | Self::Leave { node, .. } => Some(*node),
            _ => None,
        }
    }
}

/// A request that an instance has not answered.
struct Open {
    client: usize,
    to: To,
    node: usize,
    life: u32,
    id: String,
    /// Somebody had been told of the task's end when it arrived.
    knew: bool,
    /// It was given up, and need not be answered.
    excused: bool,
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
    pub world: World,
    pub truth: Truth,
    seed: u64,
    pub random: Random,
    pub clients: Vec<Client>,
    pub workers: BTreeMap<Run, Worker>,
    /// The handler that waits for each answer.
    pub asks: BTreeMap<Ask, Run>,
    pub last_ask: Ask,
    /// Asks that their handlers gave up.
    pub given_up: BTreeSet<Ask>,
    /// Handlers end, and ask nothing more.
    pub hurries: bool,
    pub policies: Vec<Policy>,
    events: BTreeMap<(Millis, u64), Event>,
    /// What waits for an instance that stands still.
    held: Vec<Vec<Event>>,
    open: BTreeMap<Request, Open>,
    peers: BTreeMap<(usize, usize, u32), Peer>,
    drift: Vec<(Millis, Millis, Millis)>,
    network: Weather,
    store: Weather,
    watch: bool,
    dies_at: Option<(usize, bool)>,
    /// An orderly end that is under way.
    leaving: BTreeSet<usize>,
    seen: usize,
    /// The news of each subscription that went out.
    told: BTreeMap<Request, usize>,
    pub puts: usize,
    trace: bool,
    pub figures: Figures,
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
        let clients = who.into_iter().map(|(owner, generation)| Client::new(owner, generation, random.next())).collect();
        let mut simulation = Self {
            world,
            truth: Truth::default(),
            seed,
            random,
            clients,
            workers: BTreeMap::new(),
            asks: BTreeMap::new(),
            last_ask: 0,
            given_up: BTreeSet::new(),
            hurries: false,
            policies,
            events: BTreeMap::new(),
            held: (0..plan.instances).map(|_| Vec::new()).collect(),
            open: BTreeMap::new(),
            peers: BTreeMap::new(),
            drift: vec![(0, 0, START); plan.instances],
            network: Weather::FAIR,
            store: Weather::FAIR,
            watch: true,
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
                receiver.handle_start(now);
            });
        }
        simulation
    }

    fn nodes(&self) -> usize {
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
            let poll = self.clients.iter().enumerate().filter_map(|(number, client)| Some((client.requestor.next_deadline()?, 2, number))).min();
            let Some((at, what, number)) = [event, wake, poll].into_iter().flatten().min().filter(|(at, ..)| *at <= end) else { break };
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

    fn move_to(&mut self, at: Millis) {
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

    fn set_clock(&mut self, node: usize, ahead: Millis, drift: Millis) {
        self.drift[node] = (ahead, drift, self.world.now);
        self.world.skew(node, ahead);
        self.truth.clock(ahead);
    }

    fn happen(&mut self, event: Event) {
        if let Some(node) = event.place().filter(|node| self.world.is_paused(*node)) {
            return self.held[node].push(event);
        }
        self.say(|| format!("{event:?}"));
        match event {
            Event::Perform(op) => self.perform(op),
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
                self.with(client, |requestor, now| if gives { requestor.handle_input(now, task, &key) } else { requestor.handle_no_input(task, &key) });
            }
            Event::Tire { client, call } => self.tire(client, call),
            Event::Changed { node, owner, id } => self.at(node, |receiver, now| receiver.handle_changed(now, &owner, &id)),
            Event::GoOn { node, life } if self.world.lives()[node] == life => self.go_on(node),
            Event::Leave { node, life } if self.world.lives()[node] == life => {
                if self.world.receiver(node).is_quiet() || self.random.chance(5) {
                    self.kill(node);
                } else {
                    self.after(200, Event::Leave { node, life });
                }
            }
            Event::Acknowledged { .. } | Event::Reply { .. } | Event::GoOn { .. } | Event::Leave { .. } => {}
        }
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:>9}  {}", self.world.now - START, what());
        }
    }

    // The store.

    fn perform(&mut self, op: Op) {
        let put = matches!(op.operation, Operation::Put { .. });
        let alive = self.world.lives()[op.node] == op.life;
        self.puts += usize::from(put && alive);
        if put && alive && let Some((left, after)) = self.dies_at {
            self.dies_at = left.checked_sub(1).map(|left| (left, after));
            if left == 0 {
                if after {
                    self.world.perform(&op, Fault::Nothing);
                    self.read_log();
                }
                return self.kill(op.node);
            }
        }
        let bad = self.random.chance(self.store.lost);
        let fault = match self.random.below(4) {
            _ if !bad => Fault::Nothing,
            0 => Fault::Fail,
            1 => Fault::FailStored,
            2 => Fault::Lose,
            _ => Fault::LoseStored,
        };
        let done = if bad && !put { (Completion::Failed, None) } else { self.world.perform(&op, fault) };
        self.read_log();
        let pause = self.random.time(0, self.store.slow / 2);
        self.after(pause, Event::Performed(op, done));
    }

    /// What the store took since the last look; watchers hear of it, perhaps.
    fn read_log(&mut self) {
        for written in std::mem::take(&mut self.world.store.log) {
            self.figures.writes += 1;
            self.figures.tasks += u64::from(written.before.is_none());
            self.figures.ends += u64::from(written.task.phase.is_terminal());
            self.say(|| format!("stored {} {:?}", written.id, written.task));
            self.truth.written(&written);
            for node in 0..self.nodes() {
                if !self.watch || self.random.chance(self.network.lost) {
                    continue;
                }
                for _ in 0..=u8::from(self.random.chance(self.network.doubled)) {
                    let pause = self.random.time(1, self.network.slow);
                    self.after(pause, Event::Changed { node, owner: written.owner.to_string(), id: written.id.clone() });
                }
            }
        }
    }

    // The network.

    /// A message to any instance, as a load balancer sends it, or to `node`.
    fn send(&mut self, client: usize, node: Option<usize>, sent: Sent) {
        let times = if self.random.chance(self.network.lost) { 0 } else { 1 + u8::from(self.random.chance(self.network.doubled)) };
        for _ in 0..times {
            let node = node.unwrap_or_else(|| self.random.below(self.held.len() as u64) as usize);
            let pause = self.random.time(1, self.network.slow);
            self.after(pause, Event::Arrive { node, client, sent: sent.clone() });
        }
    }

    fn send_back(&mut self, client: usize, to: To, value: Option<Value>) {
        let times = if self.random.chance(self.network.lost) { 0 } else { 1 + u8::from(self.random.chance(self.network.doubled)) };
        for _ in 0..times {
            let pause = self.random.time(1, self.network.slow);
            self.after(pause, Event::Answer { client, to, value: value.clone() });
        }
    }

    fn facts(&mut self, node: usize, client: usize) -> Facts {
        let (owner, generation) = (self.clients[client].owner, self.clients[client].generation);
        let life = self.world.lives()[node];
        let peer = match self.peers.get(&(client, node, life)) {
            Some(peer) => *peer,
            None => {
                let peer = self.world.open(node, Some(owner), false);
                self.peers.insert((client, node, life), peer);
                peer
            }
        };
        self.world.facts(node, peer, generation)
    }

    fn opens(&mut self, facts: Facts, node: usize, client: usize, to: To, id: &str) {
        let life = self.world.lives()[node];
        self.open.insert(facts.request, Open { client, to, node, life, id: id.to_owned(), knew: self.truth.is_over(id), excused: false });
    }

    fn find(&self, client: usize, to: To) -> Vec<(usize, Request)> {
        self.open.iter().filter(|(_, open)| open.client == client && open.to == to).map(|(request, open)| (open.node, *request)).collect()
    }

    fn arrive(&mut self, node: usize, client: usize, sent: Sent) {
        if self.leaving.contains(&node) {
            // A server that leaves takes no more requests.
            return;
        }
        match sent {
            Sent::Call { call, tool, gate } => {
                let facts = self.facts(node, client);
                self.opens(facts, node, client, To::Call(call), "");
                let augmentation = if facts.generation == G25 { Augmentation::Asked { ttl: None } } else { Augmentation::Absent };
                self.world.call_with(node, facts, tool, augmentation, gate);
                self.look();
            }
            Sent::Drop { call } => {
                for (node, request) in self.find(client, To::Call(call)) {
                    if !self.world.is_paused(node) {
                        self.open.get_mut(&request).expect("just found").excused = true;
                        self.at(node, |receiver, now| receiver.handle_dropped(now, request, false));
                    }
                }
            }
            Sent::Ask { request, id, method, keys } => self.ask(node, client, To::Ask(request, method), &id, method, &keys),
            Sent::Listen { request, ids } => {
                let facts = self.facts(node, client);
                self.opens(facts, node, client, To::Listen(request), "");
                self.at(node, |receiver, now| receiver.handle_listen(now, facts, ids, None));
            }
            Sent::Unlisten { request } => {
                for (node, request) in self.find(client, To::Listen(request)) {
                    if !self.world.is_paused(node) {
                        self.open.remove(&request);
                        self.at(node, |receiver, now| receiver.handle_unlisten(now, request));
                    }
                }
            }
        }
    }

    /// A request about a task arrives.
    fn ask(&mut self, node: usize, client: usize, to: To, id: &str, method: Method, keys: &[String]) {
        let facts = self.facts(node, client);
        self.opens(facts, node, client, to, id);
        let id = Some(id);
        self.at(node, |receiver, now| match method {
            Method::Get => receiver.handle_get(now, facts, id),
            Method::Result => receiver.handle_result(now, facts, id),
            Method::Cancel => receiver.handle_cancel(now, facts, id),
            Method::Update => {
                let answers = keys.iter().map(|key| (key.clone(), Shape(Shape::ELICITED))).collect();
                receiver.handle_update(now, facts, id, Some(answers));
            }
            Method::List => receiver.handle_list(now, facts, Ok(None)),
        });
    }

    // The clients.

    /// An input for a client, and all that follows from it.
    pub fn with(&mut self, client: usize, input: impl FnOnce(&mut requestor::Requestor, Millis)) {
        let now = self.world.now;
        input(&mut self.clients[client].requestor, now);
        self.serve(client);
    }

    fn serve(&mut self, client: usize) {
        for output in self.clients[client].outputs() {
            self.say(|| format!("client {client}: {output:?}"));
            match output {
                requestor::Output::Send { call, .. } => {
                    let (tool, gate) = self.clients[client].wish(call);
                    self.send(client, None, Sent::Call { call, tool, gate });
                    self.after(PATIENCE, Event::Tire { client, call });
                }
                requestor::Output::Ask { request, task, method, keys } => {
                    if let Some(id) = self.clients[client].requestor.task(task).map(|(_, id)| id.to_owned()) {
                        self.send(client, None, Sent::Ask { request, id, method, keys });
                    }
                }
                requestor::Output::Listen { request, ids } => self.send(client, None, Sent::Listen { request, ids }),
                requestor::Output::Unlisten { request } => {
                    self.clients[client].left(request);
                    self.send(client, None, Sent::Unlisten { request });
                }
                requestor::Output::Forward { call } => self.send(client, None, Sent::Drop { call }),
                requestor::Output::Prompt { task, key, .. } => {
                    let pause = self.random.time(50, 30_000);
                    self.after(pause, Event::Give { client, task, key });
                }
                requestor::Output::Ended { id, ending, payload, .. } => {
                    if let Some((status, outcome)) = self.clients[client].end_of(ending, payload) {
                        self.truth.ended(&id, status, outcome);
                    }
                }
                requestor::Output::Report { problem, .. } => {
                    assert!(!matches!(problem, requestor::Problem::Changed | requestor::Problem::Contradicted | requestor::Problem::UnknownMethod), "{problem:?}");
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, client: usize, to: To, value: Option<&Value>) {
        let now = self.world.now;
        let it = &mut self.clients[client];
        match to {
            To::Call(call) => it.replied(now, call, value),
            To::Ask(request, method) => it.answered(now, request, Some(method), value),
            To::Listen(request) => {
                it.left(request);
                it.answered(now, request, None, value);
            }
        }
        self.serve(client);
    }

    /// A client gives up the call that nobody answers.
    fn tire(&mut self, client: usize, call: requestor::Call) {
        if !self.clients[client].follows(call) {
            self.give_up(client, call);
        }
    }

    fn give_up(&mut self, client: usize, call: requestor::Call) {
        if self.clients[client].calls.remove(&call) {
            self.with(client, |requestor, now| requestor.handle_abort(now, call));
        }
    }

    // The processes.

    pub fn kill(&mut self, node: usize) {
        self.say(|| format!("{node} dies"));
        self.figures.crashes += 1;
        let life = self.world.lives()[node];
        self.world.crash(node);
        self.leaving.remove(&node);
        self.workers.retain(|(place, _, _), _| *place != node);
        self.asks.retain(|_, (place, _, _)| *place != node);
        let lost: Vec<Request> = self.open.iter().filter(|(_, open)| (open.node, open.life) == (node, life)).map(|(request, _)| *request).collect();
        for request in lost {
            let open = self.open.remove(&request).expect("just seen");
            if self.random.chance(70) {
                self.send_back(open.client, open.to, None);
            }
        }
        self.look();
        self.at(node, |receiver, _| receiver.run_alone());
        self.release(node);
    }

    fn pause(&mut self, node: usize, time: Millis) {
        if !self.world.is_paused(node) {
            self.world.pause(node, true);
            let life = self.world.lives()[node];
            self.after(time, Event::GoOn { node, life });
        }
    }

    fn go_on(&mut self, node: usize) {
        self.world.pause(node, false);
        self.release(node);
    }

    fn release(&mut self, node: usize) {
        for event in std::mem::take(&mut self.held[node]) {
            self.after(0, event);
        }
    }

    /// A process is asked to end: handlers get a moment, then it hands over.
    fn leave(&mut self, node: usize) {
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

    // What the instances want.

    fn look(&mut self) {
        loop {
            for op in std::mem::take(&mut self.world.pending) {
                let pause = self.random.time(0, self.store.slow / 2);
                self.after(pause, Event::Perform(op));
            }
            let Some(Seen { node, life, output }) = self.world.seen.get(self.seen).cloned() else { return };
            self.seen += 1;
            self.say(|| format!("{node}.{life}: {output:?}"));
            self.take(node, life, output);
        }
    }

    fn take(&mut self, node: usize, life: u32, output: Output) {
        match output {
            Output::Reply { request, .. } => {
                let value = self.world.reply(request);
                self.replied(request, value);
            }
            Output::Relay { call } => self.relayed(call, serde_json::json!({ "result": { "content": [] } })),
            Output::Reject { call } => self.relayed(call, serde_json::json!({ "error": { "code": -32602 } })),
            Output::HangUp { request } => {
                if let Some(open) = self.open.remove(&request) {
                    self.send_back(open.client, open.to, None);
                }
            }
            Output::TellRequestor { news: News::State { ref id, .. }, call, .. } => {
                // A hint; after a write in doubt the same may be told again.
                let state = self.world.told[&call].last().expect("just told")["params"].clone();
                self.truth.shown(id, &state, false);
            }
            Output::Tell { request, ref news, .. } => self.tell(node, life, request, news),
            Output::Forward { call, gated } => self.forward((node, life, call), gated),
            Output::Begin { call } => self.begin((node, life, call)),
            Output::Restart { call, answers, .. } => self.restart((node, life, call), answers),
            Output::Abort { call, .. } => self.stop((node, life, call)),
            Output::Release { call } => self.let_go((node, life, call)),
            Output::Bind { call, id } => self.bound((node, life, call), id),
            Output::Deliver { ask, stream } => self.deliver(node, life, ask, stream),
            Output::Answered { ask, from } => self.heard(node, ask, from.map(|(_, key)| key)),
            Output::AnsweredElsewhere { ask, key, .. } => self.heard(node, ask, Some(key)),
            Output::Withdraw { ask, reason, .. } => {
                assert_ne!(reason, Withdrawal::Undeclared);
                self.heard(node, ask, None);
            }
            Output::Event(event) => {
                self.truth.event(&event);
                if event.happening == mcp_tasks::receiver::Happening::Started {
                    self.figures.runs += 1;
                    self.truth.started((node, life, event.run.expect("a run")), &event);
                }
            }
            _ => {}
        }
    }

    /// An instance answers: what it says of a task is held against what others were told.
    fn replied(&mut self, request: Request, value: Value) {
        let Some(open) = self.open.remove(&request) else { return };
        let Open { client, to, id, knew, .. } = open;
        let result = value.get("result");
        if let Some(state) = result.filter(|result| result.get("taskId").is_some() && !matches!(to, To::Call(_))) {
            self.truth.shown(&id, state, knew);
        }
        if let To::Ask(_, Method::Result) = to {
            match (result, value.get("error")) {
                (Some(result), _) => self.truth.ended(&id, None, Some(result.clone())),
                (_, Some(error)) if error.is_string() => self.truth.ended(&id, Some("failed"), Some(error.clone())),
                _ => {}
            }
        }
        if let (To::Ask(_, Method::Get), Some(-32602)) = (to, value["error"]["code"].as_i64()) {
            self.truth.missed(&id, self.world.now);
        }
        self.send_back(client, to, Some(value));
    }

    fn relayed(&mut self, call: Request, value: Value) {
        if let Some(open) = self.open.remove(&call) {
            self.send_back(open.client, open.to, Some(value));
        }
    }

    fn tell(&mut self, node: usize, life: u32, request: Request, news: &News) {
        let place = self.told.entry(request).or_default();
        let value = self.world.told[&request][*place].clone();
        *place += 1;
        match news {
            News::State { id, .. } => self.truth.pushed((node, life, request), id, &value["params"]),
            News::Acknowledged { .. } => {
                let pause = self.random.time(1, self.network.slow);
                self.after(pause, Event::Acknowledged { node, life, request });
            }
        }
        let Some(Open { client, to: To::Listen(stream), .. }) = self.open.get(&request) else { return };
        let (client, stream) = (*client, *stream);
        // A stream keeps its order, and loses nothing but its end.
        let pause = self.network.slow / 2;
        self.after(pause, Event::Tell { client, stream, news: value });
    }

    fn deliver(&mut self, node: usize, life: u32, ask: Ask, stream: Option<Request>) {
        if stream.is_none() || self.random.chance(self.network.lost) {
            return self.at(node, |receiver, _| receiver.handle_undelivered(ask));
        }
        for _ in 0..=u8::from(self.random.chance(self.network.doubled)) {
            let pause = self.random.time(50, 20_000);
            self.after(pause, Event::Reply { node, life, ask });
        }
    }

    // The steps.

    pub fn step(&mut self, chance: u16, step: &Step) {
        self.random = Random::new(self.seed ^ u64::from(chance) << 32);
        self.say(|| format!("* {step:?}"));
        let (nodes, clients, now) = (self.nodes(), self.clients.len(), self.world.now);
        match *step {
            Step::Call { client, tool, gate } => {
                self.clients[client % clients].call(now, tool % self.policies.len() as u32, gate);
                self.serve(client % clients);
            }
            Step::Cancel { client, which } => {
                let client = client % clients;
                let tasks: Vec<requestor::Task> = self.clients[client].tasks.keys().copied().collect();
                if let Some(task) = tasks.get(which % tasks.len().max(1)).copied() {
                    self.with(client, |requestor, now| requestor.handle_cancel(now, task, task, true));
                }
            }
            Step::Abort { client, which } => {
                let client = client % clients;
                let calls: Vec<requestor::Call> = self.clients[client].calls.iter().copied().collect();
                if let Some(call) = calls.get(which % calls.len().max(1)).copied() {
                    self.give_up(client, call);
                }
            }
            Step::Resume { client, which } => {
                let client = client % clients;
                let (owner, generation) = (self.clients[client].owner, self.clients[client].generation);
                if let Some(id) = self.some_id(which, |other, task| other == owner && task == generation) {
                    self.clients[client].resume(now, &id);
                    self.serve(client);
                }
            }
            Step::Read { node, which } => self.meddle(node % nodes, which, Method::Get),
            Step::Stop { node, which } => self.meddle(node % nodes, which, Method::Cancel),
            Step::Kill { node } => self.kill(node % nodes),
            Step::KillAtWrite { writes, after } => self.dies_at = Some((writes, after)),
            Step::Leave { node } => self.leave(node % nodes),
            Step::Pause { node, time } => self.pause(node % nodes, time),
            Step::Clock { node, ahead, drift } => self.set_clock(node % nodes, ahead, drift),
            Step::Network(weather) => self.network = weather,
            Step::Store(weather) => self.store = weather,
            Step::Watch(watch) => self.watch = watch,
            Step::Pass { time } => self.pass(time),
        }
        let pause = self.random.time(0, 100);
        self.pass(pause);
    }

    fn some_id(&self, which: usize, fits: impl Fn(&str, Generation) -> bool) -> Option<String> {
        let ids: Vec<String> =
            self.world.store.rows().filter(|(owner, _, task)| fits(owner, task.generation)).map(|(_, id, _)| id.to_owned()).collect();
        ids.get(which % ids.len().max(1)).cloned()
    }

    fn meddle(&mut self, node: usize, which: usize, method: Method) {
        let Some(id) = self.some_id(which, |_, _| true) else { return };
        self.ask_of(node, &id, method);
    }

    /// Somebody of the same owner asks an instance after a task.
    pub fn ask_of(&mut self, node: usize, id: &str, method: Method) {
        if self.world.is_paused(node) {
            return;
        }
        let Some((owner, generation)) = self.world.store.rows().find(|(_, other, _)| *other == id).map(|(owner, _, task)| (owner.to_owned(), task.generation))
        else {
            return;
        };
        let client = self.clients.iter().position(|client| client.owner == owner && client.generation == generation).expect("one of each");
        self.ask(node, client, To::Ask(0, method), id, method, &[]);
    }

    // The end.

    /// Nothing goes wrong any longer, and everybody goes on where he was.
    pub fn clear_up(&mut self) {
        self.network = Weather::FAIR;
        self.store = Weather::FAIR;
        self.watch = true;
        self.dies_at = None;
        for node in 0..self.nodes() {
            let ahead = self.world.clock(node) - self.world.now;
            self.set_clock(node, ahead, 0);
            self.go_on(node);
        }
    }

    /// The clients are gone.
    pub fn desert(&mut self) {
        for client in 0..self.clients.len() {
            self.with(client, |requestor, _| requestor.handle_close(requestor::Ending::Connection));
        }
        let listens: Vec<(usize, Request)> =
            self.open.iter().filter(|(_, open)| matches!(open.to, To::Listen(_))).map(|(request, open)| (open.node, *request)).collect();
        for (node, request) in listens {
            self.open.remove(&request);
            self.at(node, |receiver, now| receiver.handle_unlisten(now, request));
        }
    }

    /// Waits for what is on its way to the store and back.
    pub fn pass_until_quiet(&mut self) {
        while self.events.values().any(|event| matches!(event, Event::Perform(_) | Event::Performed(..))) {
            self.pass(5);
        }
    }

    /// Requests that no instance has answered.
    pub fn unanswered(&self) -> Vec<Request> {
        self.open.iter().filter(|(_, open)| !open.excused).map(|(request, _)| *request).collect()
    }
}
